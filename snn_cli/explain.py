"""`snn explain`: what the coordinator changed in a recorded flight, when, and why."""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from snn_cli.output import emit, table
from snn_cli.stories import Story, read_story
from snn_control.coordination.journal import Event, Kind

LONGEST_OWNER_GAP_S = 1.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("explain", help="tell what the coordinator changed in a recorded flight, and why")
    parser.add_argument("bag", type=Path, metavar="BAG", help="rosbag2 with the topics of a coordinator")
    parser.add_argument(
        "--kind", action="append", choices=[kind.value for kind in Kind], help="tell only these changes (repeatable)"
    )
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the flight with its events")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Read, tell, and draw."""
    story = read_story(args.bag)
    events = [event for event in story.events if args.kind is None or event.kind.value in args.kind]
    result = {"bag": str(args.bag), "events": [as_record(event) for event in events], **summary(story)}
    emit(result, timeline(events) + "\n\n" + totals(story), args.json)
    if args.plot:
        from snn_cli.explain_plot import save_story  # matplotlib takes a second

        save_story(args.plot, story, args.bag.name)
        print(f"written: {args.plot}", file=sys.stderr)


def as_record(event: Event) -> dict[str, Any]:
    """An event for JSON."""
    return {**event._asdict(), "kind": event.kind.value, "level": event.level.name}


def timeline(events: list[Event]) -> str:
    """One line per change."""
    lines = []
    for event in events:
        why = f"{event.cause} ({event.evidence})" if event.evidence else event.cause
        mark = "" if event.level.name == "OK" else event.level.name
        change = f"{event.kind.value} {event.subject}: {event.old} -> {event.new}"
        lines.append(f"{event.stamp_s:10.2f} s  {mark:5}  {change}\n{'':21}because {why}")
    return "\n".join(lines)


def summary(story: Story) -> dict[str, Any]:
    """Shares of the flight: who commanded, and how much of each stream's highest rate was asked for."""
    owners: Counter[str] = Counter()
    for (begin_s, owner), (end_s, _) in zip(story.owners, story.owners[1:], strict=False):
        if 0.0 <= end_s - begin_s <= LONGEST_OWNER_GAP_S:
            owners[owner] += end_s - begin_s  # type: ignore[assignment]
    flown_s = sum(owners.values()) or 1.0
    duty = {name: _mean(rates) / float(rates[1].max()) for name, rates in story.rates.items() if len(set(rates[1])) > 1}
    kinds = Counter(event.kind.value for event in story.events)
    worst = max((event.level for event in story.events), default=0)
    return {
        "owners": {owner: seconds / flown_s for owner, seconds in owners.items()}, "duty": duty,
        "changes": dict(kinds), "worst_level": int(worst),
    }  # fmt: skip


def _mean(series: np.ndarray) -> float:
    """Mean over time of a value that holds until the next."""
    spans = np.diff(series[0])
    return float(np.sum(series[1][:-1] * spans) / max(float(spans.sum()), 1e-9))


def totals(story: Story) -> str:
    """The summary as tables."""
    found = summary(story)
    rows = [["changes of", kind, count] for kind, count in found["changes"].items()]
    rows += [["commanded, share", owner, share] for owner, share in found["owners"].items()]
    rows += [["asked for, share", stream, share] for stream, share in found["duty"].items()]
    return table(("", "", ""), rows)
