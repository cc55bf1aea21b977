"""A robustness sweep in words and figures: Markdown tables, controllers side by side."""

import math
from collections.abc import Mapping, Sequence

from sim_worlds.margins import INSTABILITY, OSCILLATION
from sim_worlds.perturbations import FACTORS
from snn_cli.output import markdown_table
from snn_cli.sweep import EVERYTHING, MARGINS, Campaign, Row

TEACHERS_NOTE = "PID and PD are the untuned teachers that the networks learnt from, not the best that a PID can do."
NOMINAL = {
    "RMSE": ("rmse_m", 100.0, "cm"), "steady-state error": ("steady_state_error_m", 100.0, "cm"),
    "oscillation": ("oscillation_m", 100.0, "cm"), "overshoot up": ("overshoot_up_m", 100.0, "cm"),
    "overshoot down": ("overshoot_down_m", 100.0, "cm"), "total variation": ("total_variation", 1.0, ""),
}  # fmt: skip
WORST = {
    "worst RMSE": "rmse_m", "worst steady-state error": "steady_state_error_m", "worst overshoot": "overshoot_m",
}  # fmt: skip


def _quantity(value: float, scale: float, unit: str) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{scale * value:.1f} {unit}" if unit else f"{scale * value:.0f}"


def _margin_text(row: Row) -> str:
    """What a margin is, or why there is none."""
    if row["fails_at_nominal"]:
        return "none, fails at nominal"
    sign, unit = ("×", "") if row["factor"] == "thrust_gain" else ("+", " s")
    return f"{'' if row['reached'] else '> '}{sign}{row['value'] if row['reached'] else row['limit']:.2f}{unit}"


def _worst_text(row: Row) -> str:
    if not math.isfinite(row["value"]):
        return "–"
    return f"{100.0 * row['value']:.1f} cm at {FACTORS[row['factor']].label(row['level'])}"


def _worst_of_all_text(row: Row) -> str:
    if not math.isfinite(row["value"]):
        return "–"
    return f"{100.0 * row['value']:.1f} cm, {row['factor'].replace('_', ' ')} {row['level']:g} {row['unit']}"


def _summary(controllers: Sequence[str], result: Mapping[str, list[Row]]) -> str:
    """Nominal scores, the worst over all factors, and the margins."""
    nominal = {row["controller"]: row for row in result["factors"] if row["nominal"]}
    worst = {(row["controller"], row["score"]): row for row in result["worst"] if row["scope"] == EVERYTHING}
    margins = {(row["controller"], row["margin"]): row for row in result["margins"]}
    rows = [
        [f"nominal {name}", *(_quantity(nominal[c][key], scale, unit) for c in controllers)]
        for name, (key, scale, unit) in NOMINAL.items()
    ]
    for title, score in WORST.items():
        rows.append([title, *(_worst_of_all_text(worst[c, score]) for c in controllers)])
    rows += [
        [margin.name.replace("_", " "), *(_margin_text(margins[c, margin.name]) for c in controllers)]
        for margin in MARGINS
    ]
    return markdown_table(("", *controllers), rows)


def _worst(controllers: Sequence[str], result: Mapping[str, list[Row]], campaign: Campaign, title: str) -> str:
    """The worst level of each factor by one score of WORST."""
    worst = {(row["controller"], row["scope"]): row for row in result["worst"] if row["score"] == WORST[title]}
    rows = []
    for factor in FACTORS.values():
        levels = campaign.levels(factor)
        span = f"{factor.name.replace('_', ' ')}, {levels[0]:g} to {levels[-1]:g} {factor.unit}"
        rows.append([span, *(_worst_text(worst[c, factor.name]) for c in controllers)])
    return markdown_table((title, *controllers), rows)


def sweep_report(result: Mapping[str, list[Row]], campaign: Campaign) -> str:
    """Everything that the command prints about a sweep."""
    controllers = list(dict.fromkeys(row["controller"] for row in result["factors"]))
    notes = [
        f"Oscillation: {OSCILLATION.text}. Instability: {INSTABILITY.text}; it ends the other margins too.",
        "Gains multiply the nominal thrust, delays add to the nominal dead time; `>` = not reached up to there.",
        *([TEACHERS_NOTE] if {"pid", "pd"} & set(controllers) else []),
    ]
    tables = [_summary(controllers, result)]
    tables += [_worst(controllers, result, campaign, title) for title in WORST]
    return "\n\n".join([*tables, "\n".join(notes)])
