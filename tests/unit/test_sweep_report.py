"""What a sweep prints and draws, from results made by hand."""

import math
from pathlib import Path

import numpy as np
import pytest

from sim_worlds.margins import INSTABILITY, OSCILLATION
from sim_worlds.perturbations import FACTORS
from snn_cli.sweep import GRID_DEAD_TIMES_S, GRID_GAINS, MARGINS, Campaign, Row, worst_rows
from snn_cli.sweep_plot import sweep_figure
from snn_cli.sweep_report import sweep_report

CAMPAIGN = Campaign("tudelft_2023", np.ones(10), 0.1, (0, 1), {})
PAGE = Path(__file__).resolve().parents[2] / "docs" / "robustness.md"
SCORES = ("rmse_m", "steady_state_error_m", "oscillation_m", "overshoot_m", "overshoot_up_m", "total_variation")


def factor_row(controller: str, factor: str, level: float, error_m: float, unstable: float) -> Row:
    scores = dict.fromkeys(SCORES, error_m)
    extremes = {f"{score}_{end}": error_m for score in SCORES for end in ("min", "max")}
    return {
        "controller": controller, "factor": factor, "unit": FACTORS[factor].unit, "level": level,
        "nominal": level == CAMPAIGN.level(FACTORS[factor]), "oscillating": 0.0, "unstable": unstable,
        "overshoot_down_m": math.nan, **scores, **extremes,
    }  # fmt: skip


def margin_row(controller: str, name: str, factor: str, value: float) -> Row:
    return {
        "controller": controller, "margin": name, "factor": factor, "value": value, "limit": 8.0,
        "fails_at_nominal": math.isnan(value), "reached": not math.isinf(value),
    }  # fmt: skip


def result(controllers: dict[str, float]) -> dict[str, list[Row]]:
    """A sweep in which errors grow by 1 cm per level and the last level of the drag is unstable."""
    factors = [
        factor_row(name, factor.name, level, 0.1 + 0.01 * i, float(factor.name == "drag" and level == 2.0))
        for name in controllers
        for factor in FACTORS.values()
        for i, level in enumerate(CAMPAIGN.levels(factor))
    ]
    margins = [
        margin_row(name, m.name, m.factor.name, value) for name, value in controllers.items() for m in MARGINS
    ]  # fmt: skip
    grid = [
        {
            "controller": name, "dead_time_s": delay, "thrust_gain": gain, "rmse_m": 0.1,
            "oscillating": float(gain >= 2.0), "unstable": float(gain >= 4.0),
        }
        for name in controllers
        for delay in GRID_DEAD_TIMES_S
        for gain in GRID_GAINS
    ]  # fmt: skip
    return {"factors": factors, "worst": worst_rows(factors), "margins": margins, "grid": grid}


def test_the_tables() -> None:
    lines = sweep_report(result({"mine": 1.5, "strong": math.inf, "lost": math.nan}), CAMPAIGN).splitlines()
    assert lines[0] == "|  | mine | strong | lost |"
    assert "| gain until oscillation | ×1.50 | > ×8.00 | none, fails at nominal |" in lines
    assert "| delay until instability | +1.50 s | > +8.00 s | none, fails at nominal |" in lines
    assert "| nominal overshoot down | – | – | – |" in lines
    assert f"| drag, 0.5 to 2 × |{' 14.0 cm at 2 × |' * 3}" in lines
    assert f"| buoyancy, -0.18 to 0.18 m/s² |{' 16.0 cm at 0.18 m/s² (-7.5 g of ballast) |' * 3}" in lines


@pytest.mark.parametrize(("controllers", "said"), [({"mine": 1.0}, False), ({"mine": 1.0, "pid": 1.0}, True)])
def test_the_teachers_are_called_untuned(controllers: dict[str, float], said: bool) -> None:
    assert ("untuned teachers" in sweep_report(result(controllers), CAMPAIGN)) is said


def test_the_figure_marks_what_fails() -> None:
    figure = sweep_figure(result({"mine": 1.0, "pid": 1.0}), "title")
    upper, lower = figure.subfigs
    assert [axes.get_title() for axes in upper.axes] == [name.replace("_", " ") for name in FACTORS]
    crosses = {axes.get_title(): [len(line.get_xdata()) for line in axes.lines if line.get_marker() == "x"]
               for axes in upper.axes}  # fmt: skip
    assert crosses.pop("drag") == [1, 1]
    assert set(map(sum, crosses.values())) == {0}
    maps = [axes for axes in lower.axes if axes.images]
    assert [axes.get_title() for axes in maps] == ["mine", "pid"]
    for axes in maps:
        marks = [line.get_marker() for line in axes.lines]
        assert (marks.count("o"), marks.count("x")) == (2 * len(GRID_DEAD_TIMES_S), len(GRID_DEAD_TIMES_S))


def test_the_page_states_the_criteria_as_they_are() -> None:
    page = PAGE.read_text()
    assert [c.name for c in (OSCILLATION, INSTABILITY) if c.text not in page] == []
    assert (
        OSCILLATION.text
        == "half of peak to peak above 25 cm over the last 30 s of any hold, in more than half of the seeds"
    )
