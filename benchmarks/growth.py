"""How the time of a generation grows with individuals, steps and neurons, and the memory of 10,000 individuals."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numba
import numpy as np

from benchmarks.fitness import lesson, population
from benchmarks.row import Row, duration, seconds
from snn_core import lanes

SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)
LENGTHS = (115, 345, 1150, 3450, 11_500)
PAIRS = (5, 10, 20, 40, 80)
MEMORY_MB = 500.0
GENERATION = """
import numpy as np
from pathlib import Path
from snn_control.altitude_evolution import PD_START
from snn_control.altitude_problem import mimic_losses
from snn_control.mimicry import Lesson
from snn_control.strategies import CmaEs
from snn_core.genome import Genome
from snn_core.network_config import NetworkConfig
genome, generator = Genome(NetworkConfig(connectivity="paired")), np.random.default_rng(0)
error = 0.02 * np.cumsum(generator.standard_normal(1150))
strategy = CmaEs(genome.draw(PD_START, generator), 0.1, genome.low, genome.high, 10_000, generator)
for _ in range(2):
    strategy.tell(mimic_losses(genome.decode(strategy.ask()), [Lesson(error, 9.0 * error)]))
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) / 1024)
"""


def growth() -> list[Row]:
    """Time of one fitness call on one thread, its exponents of growth (1 = linear), and the memory of a generation."""
    errors, targets = lesson()
    threads = numba.get_num_threads()
    numba.set_num_threads(1)  # the curve of the work, not of how it is shared
    by_size = [seconds(lambda s=s: lanes.mimic_scores(population(s), errors, targets), 2) for s in SIZES]
    by_length = [seconds(lambda t=t: lanes.mimic_scores(population(100), *lesson(t)), 2) for t in LENGTHS]
    by_pairs = [seconds(lambda n=n: lanes.mimic_scores(population(100, n), errors, targets), 2) for n in PAIRS]
    numba.set_num_threads(threads)
    rows = [
        *_curve("individuals", SIZES, by_size),
        *_curve("steps", LENGTHS, by_length),
        *_curve("neurons", [4 * n for n in PAIRS], by_pairs),
    ]
    return [*rows, duration("peak memory, generation of 10,000", _memory_mb(), "MB", "goal", MEMORY_MB)]


def _curve(what: str, sizes: Sequence[int], times: list[float]) -> list[Row]:
    """One row per size, its peer being linear growth from the size in the middle; then the exponent."""
    middle = len(sizes) // 2
    linear = [times[middle] * size / sizes[middle] for size in sizes]
    points = zip(sizes, times, linear, strict=True)
    rows = [duration(f"generation, {size} {what}", 1e3 * t, "ms", "linear", 1e3 * line) for size, t, line in points]
    exponent = float(np.polyfit(np.log(sizes[middle:]), np.log(times[middle:]), 1)[0])
    return [*rows, duration(f"exponent of growth with {what}", exponent, "", "linear", 1.0)]


def _memory_mb() -> float:
    """Peak of a process of its own, CMA-ES and all imports included."""
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", GENERATION], cwd=root, capture_output=True, text=True, check=True)
    return float(done.stdout)
