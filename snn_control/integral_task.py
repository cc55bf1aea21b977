"""What the I network learns: the errors of a simulated double integrator with a bias, and the teacher's integral.

z'' = u + b, b drawn from U(-4, 4) anew every 50 s, flown by the full PID (Burgers et al. 2023). The target is the
teacher's integral term, anti-windup included, so that the network also learns to leave large errors to its partner.
"""

from collections.abc import Sequence

import numpy as np

from snn_control.mimicry import Lesson
from snn_control.pid import PidConfig, pid_rest, pid_step

BIAS = 4.0  # command units, largest
HOLD_S = 50.0
HOLDS = 5
SUBSTEPS = 10


def integral_lessons(
    dt_s: float, seeds: Sequence[int], teacher: PidConfig | None = None, quantum_m: float = 0.01
) -> list[Lesson]:
    """Flights of the double integrator, one per seed: measured error and the teacher's integral term, (time,)."""
    teacher = teacher or PidConfig()
    generators = [np.random.default_rng(seed) for seed in seeds]
    steps, flights = round(HOLD_S / dt_s), len(generators)
    error, target = np.empty((2, HOLDS * steps, flights))
    height, climb, bias = np.zeros((3, flights))
    state, zero = pid_rest(flights), np.zeros(flights)
    for k in range(len(error)):
        if k % steps == 0:
            bias = np.array([generator.uniform(-BIAS, BIAS) for generator in generators])
        noise = np.array([generator.standard_normal() for generator in generators])
        seen = np.round((height + 0.002 * noise) / quantum_m) * quantum_m
        state, terms = pid_step(state, zero, seen, teacher, dt_s)
        error[k], target[k] = -seen, terms.integral
        for _ in range(SUBSTEPS):
            climb += (terms.command + bias) * dt_s / SUBSTEPS
            height += climb * dt_s / SUBSTEPS
    return [Lesson(error[:, i].copy(), target[:, i].copy()) for i in range(flights)]
