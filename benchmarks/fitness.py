"""Speed of the fitness of a population of paired networks: against torch, numpy, and what the cores can do at all."""

import time
from functools import cache

import numpy as np
from numba import get_num_threads, njit, prange

from benchmarks.row import Row, duration, seconds, throughput
from snn_control.altitude_evolution import PD_START
from snn_control.altitude_problem import mimic_losses
from snn_control.mimicry import Lesson
from snn_core import blocks, lanes
from snn_core.genome import Genome
from snn_core.network import NetworkParams, initial_state, network_step, slice_of
from snn_core.network_config import NetworkConfig
from snn_core.vectors import LANES, load, splat, store

POPULATION, STEPS, NEURONS = 256, 1150, 80
ONE_BY_ONE, ONE_BY_ONE_STEPS = 2, 200  # the slow peers do a part of the work
CHAINS = 8  # independent sums of the arithmetic loop: enough to hide the latency of an addition
# Multiplications, additions, subtractions and comparisons of the plain step for an encoding and a hidden neuron:
# encoding 6 and 1, hidden 9 (arriving 3, synapse 2, membrane 4) and 1, read-out 2.
OPERATIONS = 40 * (6 + 1 + 9 + 1 + 2)


@cache
def population(size: int = POPULATION, pairs: int = 20) -> NetworkParams:
    """Random networks of which most neurons spike."""
    genome = Genome(NetworkConfig(pairs=pairs, connectivity="paired"))
    generator = np.random.default_rng(0)
    return genome.decode(np.array([genome.draw(PD_START, generator) for _ in range(size)]))


@cache
def lesson(steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """An error that wanders, and the PD command on it, (1, time) each."""
    error = np.cumsum(np.random.default_rng(1).standard_normal(steps))[None] * 0.02
    return error.astype(np.float32), 9.0 * error + 14.0 * np.gradient(error, 0.1, axis=1)


@njit(cache=True, parallel=True)
def _multiply_add(rounds, out):
    """Multiply, then add, in registers: CHAINS independent sums of sixteen lanes on every thread."""
    for job in prange(out.shape[0]):
        x, y = splat(np.float32(0.999)), splat(np.float32(0.5))
        a, b, c, d = load(out[job], 0), load(out[job], 0), load(out[job], 0), load(out[job], 0)
        e, f, g, h = load(out[job], 0), load(out[job], 0), load(out[job], 0), load(out[job], 0)
        for _ in range(rounds):
            a, b, c, d = a * x + y, b * x + y, c * x + y, d * x + y
            e, f, g, h = e * x + y, f * x + y, g * x + y, h * x + y
        store(out[job], 0, a + b + c + d + e + f + g + h)


@njit(cache=True, parallel=True, fastmath={"contract"})
def _fused_multiply_add(rounds, out):
    """The same, contracted to fused multiply-adds: twice the operations for each instruction."""
    for job in prange(out.shape[0]):
        row = out[job]
        for _ in range(rounds):
            for k in range(row.shape[0]):
                row[k] = row[k] * np.float32(0.999) + np.float32(0.5)


def roofline() -> float:
    """Multiplications and additions per second of a simple loop that does nothing else, on all cores."""
    rounds, threads = 400_000, get_num_threads()
    separate = np.ones((threads, LANES), np.float32)
    fused = np.ones((threads, CHAINS * LANES), np.float32)
    work = 2.0 * rounds * CHAINS * LANES * threads
    best = min(seconds(lambda: _multiply_add(rounds, separate)), seconds(lambda: _fused_multiply_add(rounds, fused)))
    return work / best


def fitness() -> list[Row]:
    """Network steps per second of the population kernel; the peers are torch, numpy and an arithmetic roofline."""
    from benchmarks import torch_networks as peer

    p, (errors, targets) = population(), lesson()
    value = POPULATION * STEPS / seconds(lambda: lanes.mimic_scores(p, errors, targets), 10)
    tensors, x, y = peer.tensors(p), peer.as_tensor(errors[0]), peer.as_tensor(targets[0])
    batched = POPULATION * STEPS / seconds(lambda: peer.losses(tensors, x, y), 2)
    few = peer.tensors(slice_of(p, 0, ONE_BY_ONE))
    short, goal = x[:ONE_BY_ONE_STEPS], y[:ONE_BY_ONE_STEPS]
    alone = ONE_BY_ONE * ONE_BY_ONE_STEPS / seconds(lambda: peer.losses_one_by_one(few, short, goal), 2)
    name, unit = f"fitness of {POPULATION} x {STEPS} steps, {NEURONS} neurons", "steps/s"
    roof = roofline() / OPERATIONS
    return [
        throughput(name, value, unit, "torch, batched", batched),
        throughput(name, value, unit, "torch, one by one", alone),
        throughput(name, value, unit, "numpy, batched", _numpy(p, errors[0])),
        throughput(name, value, unit, f"arithmetic roofline ({OPERATIONS} operations a step)", roof),
        *_dense(errors, targets),
    ]


def _numpy(p: NetworkParams, errors: np.ndarray) -> float:
    """Steps per second of the plain step."""

    def plain() -> None:
        state = initial_state(p.population, p.neurons)
        for error in errors[:100]:
            state, _ = network_step(state, np.repeat(error, p.population), p)

    return p.population * 100 / seconds(plain)


def _dense(errors: np.ndarray, targets: np.ndarray) -> list[Row]:
    """The dense recurrent network with threshold adaptation, sixteen recordings at a time."""
    genome = Genome(NetworkConfig(hidden="recurrent_iwta"))
    p = genome.decode(np.array([genome.draw(PD_START, np.random.default_rng(i)) for i in range(8)]))
    many, goals = np.repeat(errors, LANES, axis=0), np.repeat(targets, LANES, axis=0)
    value = 8 * many.size / seconds(lambda: blocks.mimic_scores(p, many, goals))
    return [throughput("fitness, dense recurrent + IWTA", value, "steps/s", "numpy, batched", _numpy(p, errors[0]))]


def paper() -> list[Row]:
    """The training of the paper, 50 individuals x 50,000 generations x 1150 steps, CMA-ES included.

    A tenth of the generations are run; each costs the same.
    """
    from threadpoolctl import threadpool_limits

    from snn_control.strategies import CmaEs

    genome, (errors, targets) = Genome(NetworkConfig(connectivity="paired")), lesson()
    lessons = [Lesson(errors[0], targets[0])]
    generator = np.random.default_rng(0)
    strategy = CmaEs(genome.draw(PD_START, generator), 0.1, genome.low, genome.high, 50, generator)

    def generations(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            strategy.tell(mimic_losses(genome.decode(strategy.ask()), lessons))
        return time.perf_counter() - start

    with threadpool_limits(1, user_api="blas"):
        generations(50)
        per_s = 5000 / generations(5000)
    return [
        throughput("paper-scale PD training", per_s, "generations/s", "goal", 170.0),
        duration("the same, 50,000 generations", 50_000 / per_s / 60.0, "min", "goal", 5.0),
    ]
