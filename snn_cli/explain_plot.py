"""The picture of a flight under the coordinator: heights, owner, trust, sensing, and when it changed its mind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from snn_cli.plots import COLOURS
from snn_cli.stories import Story
from snn_control.coordination.journal import Event, Kind
from snn_core.errors import OutputError
from snn_core.signals import Level

OWNER_COLOURS = {"snn": COLOURS["snn"], "pid": COLOURS["pid"], "neutral": "#c9c9c9"}
LEVEL_COLOURS = {Level.OK: "#5a8f5a", Level.WARN: "#d98c21", Level.ERROR: "#b3202a", Level.STALE: "#777777"}
LABELLED = (Kind.OWNER, Kind.CLOCK, Kind.BATTERY, Kind.SHADOW, Kind.LIFECYCLE, Kind.BUDGET, Kind.ADAPTATION)
MOST_LABELS = 14


def save_story(path: Path, story: Story, title: str) -> None:
    """Write the picture.

    Raises:
        OutputError: it cannot be written.
    """
    figure, axes = plt.subplots(4, 1, figsize=(12, 10), sharex=True, layout="constrained", height_ratios=(4, 1.1, 2, 2))
    _heights(axes[0], story, title)
    _owners(axes[1], story)
    colours = {name: f"C{k}" for k, name in enumerate(sorted(story.rates))}
    _lines(axes[2], story.trusts, "trust", (-0.05, 1.08), colours)
    _rates(axes[3], story, colours)
    axes[3].set_xlabel("time (s)")
    for each in axes:
        each.margins(x=0)
        each.grid(alpha=0.3)
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be written ({error}); name a .png in a folder that is there") from None
    finally:
        plt.close(figure)


def _heights(axes: Axes, story: Story, title: str) -> None:
    styles: tuple[tuple[str, dict[str, Any]], ...] = (
        ("target", {"color": COLOURS["setpoint"], "lw": 1, "drawstyle": "steps-post"}),
        ("height", {"color": "#222222", "lw": 1.2}),
        ("range", {"color": COLOURS["snn"], "ls": "", "marker": ".", "ms": 3}),
    )
    for name, style in styles:
        if name in story.signals:
            axes.plot(*story.signals[name], label=name, **style)
    axes.set(ylabel="height (m)", title=title)
    if story.signals:
        axes.legend(loc="upper left", ncols=3, frameon=False)
    events = [event for event in story.events if event.kind in LABELLED]
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.45 * (high - low))
    late_s = story.events[0].stamp_s + 0.75 * (story.events[-1].stamp_s - story.events[0].stamp_s)
    for k, event in enumerate(events[:MOST_LABELS]):
        _label(axes, event, high + (0.06 + 0.36 * (k % 5) / 5.0) * (high - low), event.stamp_s > late_s)


def _label(axes: Axes, event: Event, height: float, leftwards: bool) -> None:
    colour = LEVEL_COLOURS[event.level]
    axes.axvline(event.stamp_s, color=colour, lw=0.8, alpha=0.7)
    axes.annotate(
        f"{event.old} → {event.new}: {event.cause}"[:48], (event.stamp_s, height), color=colour, fontsize=8,
        xytext=(-3 if leftwards else 3, 0), textcoords="offset points", ha="right" if leftwards else "left",
    )  # fmt: skip


def _owners(axes: Axes, story: Story) -> None:
    """Who commanded, as bars; nothing where the lease had run out."""
    begin = 0
    for k in range(1, len(story.owners) + 1):
        (start_s, owner), (last_s, _) = story.owners[begin], story.owners[k - 1]
        ended = k == len(story.owners) or story.owners[k][1] != owner or story.owners[k][0] - last_s > 1.0
        if ended:
            end_s = story.owners[k][0] if k < len(story.owners) and story.owners[k][0] - last_s <= 1.0 else last_s
            axes.axvspan(start_s, end_s, color=OWNER_COLOURS.get(owner, "#8e6bbf"), lw=0)
            begin = k
    for owner, colour in OWNER_COLOURS.items():
        axes.plot([], [], color=colour, lw=6, label=owner)
    axes.set(ylabel="owner", yticks=[])
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _lines(
    axes: Axes, series: Mapping[str, Any], label: str, limits: tuple[float, float], colours: Mapping[str, str]
) -> None:
    for name, points in sorted(series.items()):
        axes.step(*points, where="post", label=name, lw=1.1, color=colours.get(name))
    axes.set(ylabel=label, ylim=limits)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)


def _rates(axes: Axes, story: Story, colours: Mapping[str, str]) -> None:
    """Rates of the streams that were ever turned, as shares of the highest."""
    shares = {name: (points[0], points[1] / points[1].max()) for name, points in story.rates.items()}
    turned = {name: points for name, points in shares.items() if points[1].min() < 1.0}
    _lines(axes, turned, "rate asked for", (0.0, 1.08), colours)
