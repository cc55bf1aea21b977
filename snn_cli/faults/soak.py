"""`snn faults soak`: hours of simulated flight with random faults every few minutes."""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from snn_cli.arguments import number, seed
from snn_cli.faults.draw import draw_injection
from snn_cli.faults.flight import Robot
from snn_cli.faults.watch import Watch
from snn_cli.output import emit, table
from snn_control.coordination.ladder import Condition
from snn_control.owners import Owner
from snn_control.pid import PidConfig
from snn_core.errors import SnnError

TICK_S = 0.05
KEPT = 4000  # ticks and reports in memory
FAULTY_S, CALM_S = (5.0, 60.0), (120.0, 240.0)
CALM_ERROR_M = 0.2
LARGEST_GROWTH_MB = 20.0
WARM = 0.1  # share of the flight after which memory must be flat
COLUMNS = ("figure", "value")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("soak", help="fly for simulated hours with random faults every few minutes")
    parser.add_argument("--hours", type=number, default=24.0, help="simulated hours (default: %(default)s)")
    parser.add_argument("--seed", type=seed, default=1, help="seed of faults and weather (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run, usage_error=parser.error)


def run(args: argparse.Namespace) -> None:
    """Fly, count and judge; an error when anything was lost, grew, or did not come back."""
    if not 0.0 < args.hours <= 1000.0:
        args.usage_error(f"argument --hours: expected more than 0, at most 1000, got {args.hours:g}")
    result = soak(args.hours * 3600.0, args.seed)
    rows = [[key, value] for key, value in result.items() if key != "complaints"]
    emit(result, table(COLUMNS, rows) + "\n" + ("\n".join(result["complaints"]) or "no complaint"), args.json)
    if result["complaints"]:
        raise SnnError(f"{len(result['complaints'])} complaints, the first: {result['complaints'][0]}")


def soak(duration_s: float, seed_of_all: int) -> dict[str, Any]:
    """Figures of the flight, and what is wrong with it.

    Networks that fell too often are left out for good, by design: an operator then starts the coordinator again.
    """
    generator = np.random.default_rng([seed_of_all, 24])
    watch = Watch(seed_of_all, keep=KEPT)
    robot = Robot(seed=seed_of_all, targets=((0.0, 1.0),), watch=watch, tick_s=TICK_S, keep=KEPT)
    complaints: list[str] = []
    faults, latched, start_mb = 0, 0, 0.0
    with tqdm(total=round(duration_s), disable=None, unit="s") as progress:
        while robot.time_s < duration_s:
            began_s = robot.time_s
            faults += 1
            complaint = _fault_and_calm(robot, generator)
            if Condition.SNN_UNRELIABLE in watch.coordinator.ladder.held:
                latched, complaint = latched + 1, ""
                robot.watch = watch = Watch(seed_of_all, keep=KEPT)
            complaints += [complaint] if complaint else []
            if start_mb == 0.0 and robot.time_s > WARM * duration_s:
                start_mb = resident_mb()
            progress.update(round(robot.time_s - began_s))
    grown_mb = resident_mb() - start_mb
    if grown_mb > LARGEST_GROWTH_MB:
        complaints.append(f"memory grew by {grown_mb:.1f} MB, bound {LARGEST_GROWTH_MB:g} MB")
    complaints += [f"unsafe: {robot.unsafe[0]}"] if robot.unsafe else []
    complaints += _inconsistencies(robot)
    return {
        "hours": robot.time_s / 3600.0, "seed": seed_of_all, "faults": faults, "commands": robot.count,
        "unsafe": len(robot.unsafe), "left_out_by_design": latched,
        "handovers": robot.gate.handovers, "readings": robot.delivered,
        "memory_grown_mb": grown_mb, "complaints": complaints,
    }  # fmt: skip


def _fault_and_calm(robot: Robot, generator: np.random.Generator) -> str:
    """A fault, then a time without one, after which the networks must hold the target; what is wrong, or nothing."""
    end_s = robot.time_s + float(generator.uniform(*FAULTY_S))
    fault = draw_injection(generator, robot.time_s, end_s)
    robot.inject([fault])
    robot.targets = [(0.0, round(float(generator.uniform(0.6, 2.0)), 2))]
    robot.fly(end_s + float(generator.uniform(*CALM_S)))
    owner, error_m = robot.ticks[-1].owner, robot.error_m(robot.time_s - 10.0, robot.time_s)
    if owner is Owner.SNN and error_m <= CALM_ERROR_M:
        return ""
    what = f"{fault.place} {fault.name} at {fault.start_s:.0f} s"
    return f"after {what}: {owner.name} commands, {error_m:.2f} m from the target"


def _inconsistencies(robot: Robot) -> list[str]:
    """Counts that do not add up, and memories that ran away."""
    found = []
    for owner, loop in robot.loops.items():
        judged, steps = loop.check.counts.total(), loop.counts
        if judged != robot.delivered:
            found.append(f"{owner.name}: {robot.delivered} readings came, {judged} were judged")
        if steps["steps"] <= 0:
            found.append(f"{owner.name} never stepped")
    offered = sum(robot.gate.counts.values())
    if offered != robot.offered:
        found.append(f"{robot.offered} commands were sent, {offered} were judged")
    states = robot.loops[Owner.SNN].controller.network.states.values()  # type: ignore[attr-defined]
    if not all(np.isfinite(state.u).all() for state in states):
        found.append("a membrane is not finite")
    integral = float(robot.loops[Owner.PID].controller.state.integral[0])  # type: ignore[attr-defined]
    if abs(integral) > PidConfig().integral_limit:
        found.append(f"the integral is {integral:g}")
    return found


def resident_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
