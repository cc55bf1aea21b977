"""`snn bench`: speed of the kernels and of whole rollouts, as ratios against a named peer in the same run."""

import argparse
import platform
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sim_worlds.blimp import blimp_params
from sim_worlds.rollout import rollout
from sim_worlds.trials import find_trial
from snn_cli.controllers import controller_named
from snn_cli.output import emit, table
from snn_control.altitude_evolution import PD_START
from snn_core import kernels, lanes
from snn_core.genome import Genome
from snn_core.network import initial_state, network_step, select
from snn_core.network_config import NetworkConfig

BATCH = 256


class Row(NamedTuple):
    """One measured figure beside its peer's."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float
    ratio: float
    machine: str


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("bench", help="measure speed against named peers")
    parser.add_argument("name", nargs="?", default="all", choices=("all", *BENCHMARKS), help="which (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Best wall time of a few runs, after one that compiles."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def machine() -> str:
    """What the figures were measured on."""
    return f"{platform.machine()} {platform.system()} python {platform.python_version()}"


def rollout_bench() -> Row:
    """Simulated seconds per second of a batch of spiking flights; the peer is real time itself."""
    setpoint = find_trial("step").setpoint_series(0.1)[:600]
    params = blimp_params("tudelft_2023", BATCH)

    def flights() -> None:
        _, controller = controller_named("default", 0.1, BATCH)
        rollout(controller, params, setpoint, 0.1, np.random.default_rng(0))

    value = BATCH * len(setpoint) * 0.1 / seconds(flights)
    return Row(f"rollout of {BATCH} spiking flights", value, "blimp-s/s", "real time", 1.0, value, machine())


def fitness_bench() -> Row:
    """Network steps per second of the lane kernel; the peer is the plain numpy step over the same population."""
    genome = Genome(NetworkConfig(connectivity="paired"))
    generator = np.random.default_rng(0)
    population = genome.decode(np.array([genome.draw(PD_START, generator) for _ in range(128)]))
    errors = generator.standard_normal((1, 1150)).astype(np.float32)

    def plain() -> None:
        state = initial_state(128, 40)
        for t in range(100):
            state, _ = network_step(state, np.repeat(errors[0, t : t + 1], 128), population)

    value = 128 * 1150 / seconds(lambda: lanes.mimic_scores(population, errors, errors))
    peer = 128 * 100 / seconds(plain)
    return Row(
        "fitness of 128 x 1150 steps, 80 neurons", value, "steps/s", "numpy, batched", peer, value / peer, machine()
    )


def control_step_bench() -> Row:
    """Time of one control step of one network; the peer is the plain numpy step."""
    genome = Genome(NetworkConfig(hidden="recurrent_iwta"))
    one = select(genome.decode(genome.draw(PD_START, np.random.default_rng(0))[None]), 0)
    state, error = initial_state(1, 40), np.full(1, 0.1, np.float32)

    def fused() -> None:
        for _ in range(1000):
            kernels.advance(one, state, error)

    def plain() -> None:
        now = initial_state(1, 40)
        for _ in range(100):
            now, _ = network_step(now, error, one)

    value, peer = seconds(fused) * 1e3, seconds(plain) * 1e4
    return Row("one control step, 80 neurons", value, "us", "numpy", peer, peer / value, machine())


BENCHMARKS = {"rollout": rollout_bench, "fitness": fitness_bench, "control_step": control_step_bench}


def run(args: argparse.Namespace) -> None:
    """Measure and report."""
    rows = [work()._asdict() for name, work in BENCHMARKS.items() if args.name in ("all", name)]
    columns = ("name", "value", "unit", "peer", "peer_value", "ratio")
    emit(rows, table(columns, [[row[c] for c in columns] for row in rows]), args.json)
