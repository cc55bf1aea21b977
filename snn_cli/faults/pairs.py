"""`snn faults pairs`: two faults at once, drawn at random; never unsafe, whatever the order, and over when they are."""

import argparse
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from snn_cli.arguments import count, seed
from snn_cli.faults.draw import draw_injection
from snn_cli.faults.flight import Injection, Robot
from snn_cli.faults.watch import Watch
from snn_cli.output import emit, table
from snn_control.owners import Owner
from snn_core.errors import SnnError

EARLIEST_S, LATEST_S, FLOWN_S = 5.0, 14.0, 40.0
BOTH_ORDERS_EVERY = 5
TARGETS = ((0.0, 1.0), (7.0, 1.4), (15.0, 1.0))
COLUMNS = ("pair", "first", "second", "coordinator", "complaint")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("pairs", help="fly through random pairs of faults")
    parser.add_argument("--count", type=count, default=500, metavar="N", help="pairs (default: %(default)s)")
    parser.add_argument("--seed", type=seed, default=1, help="seed of the draws (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=partial(run))


def run(args: argparse.Namespace) -> None:
    """Fly every pair; an error when one was not survived."""
    rows, unsafe, ordered = [], 0, 0
    for number in tqdm(range(args.count), disable=None, unit="pair"):
        pair, coordinated = draw_pair(args.seed, number)
        both = number % BOTH_ORDERS_EVERY == 0
        complaint = fly_pair(pair, coordinated, both)
        ordered += both
        unsafe += complaint.startswith("unsafe")
        if complaint:
            rows.append(_row(number, pair, coordinated, complaint))
    result = {
        "pairs": args.count, "seed": args.seed, "unsafe": unsafe, "failed": rows, "flown_in_both_orders": ordered,
    }  # fmt: skip
    text = table(COLUMNS, [list(row.values()) for row in rows]) if rows else "no complaint"
    emit(result, f"{args.count} pairs, {ordered} of them in both orders: {len(rows)} failed\n{text}", args.json)
    if rows:
        raise SnnError(f"{len(rows)} of {args.count} pairs failed")


def draw_pair(seed_of_all: int, number: int) -> tuple[tuple[Injection, Injection], bool]:
    """Pair `number` of a seed, and whether a coordinator is there."""
    generator = np.random.default_rng([seed_of_all, number])
    one, other = (draw_injection(generator, EARLIEST_S, LATEST_S) for _ in range(2))
    return (one, other), bool(generator.integers(2))


def fly_pair(pair: tuple[Injection, Injection], coordinated: bool, both_orders: bool = False) -> str:
    """What is wrong with the flight; empty where nothing is."""
    robot = _fly(pair, coordinated)
    if robot.unsafe:
        return f"unsafe: {robot.unsafe[0]}"
    last = robot.ticks[-1]
    if last.owner is Owner.NEUTRAL:
        return "no controller commands 26 s after the end"
    if not np.isfinite(last.height_m):
        return "the height is not finite"
    mixed = pair[0].place == pair[1].place  # one sensor's faults in series: their order is part of them
    if both_orders and not mixed and robot.owners(0.0, FLOWN_S) != _fly(pair[::-1], coordinated).owners(0.0, FLOWN_S):
        return "the order matters"
    return ""


def _fly(pair: tuple[Injection, ...], coordinated: bool) -> Robot:
    return Robot(pair, targets=TARGETS, watch=Watch() if coordinated else None).fly(FLOWN_S)


def _row(number: int, pair: tuple[Injection, Injection], coordinated: bool, complaint: str) -> dict[str, Any]:
    names = [f"{one.place} {one.name} {one.start_s:.1f}-{one.end_s:.1f} s" for one in pair]
    return {"pair": number, "first": names[0], "second": names[1], "coordinator": coordinated, "complaint": complaint}
