"""What the I network learns: the errors of a simulated double integrator with a bias, and the teacher's integral.

z'' = u + b, b drawn from U(-4, 4) anew every 50 s, flown by the full PID (Burgers et al. 2023). The target is the
teacher's integral term, anti-windup included, so that the network also learns to leave large errors to its partner.
"""

import numpy as np

from snn_control.mimicry import Lesson
from snn_control.pid import PidConfig, pid_rest, pid_step

BIAS = 4.0  # command units, largest
HOLD_S = 50.0
HOLDS = 5
SUBSTEPS = 10


def integral_lesson(dt_s: float, seed: int, teacher: PidConfig | None = None, quantum_m: float = 0.01) -> Lesson:
    """One flight of the double integrator: measured error and the teacher's integral term, (time,)."""
    teacher = teacher or PidConfig()
    generator = np.random.default_rng(seed)
    steps = round(HOLD_S / dt_s)
    error, target = np.empty(HOLDS * steps), np.empty(HOLDS * steps)
    height = climb = bias = 0.0
    state, zero = pid_rest(), np.zeros(1)
    for k in range(len(error)):
        if k % steps == 0:
            bias = generator.uniform(-BIAS, BIAS)
        seen = np.array([np.round((height + 0.002 * generator.standard_normal()) / quantum_m) * quantum_m])
        state, terms = pid_step(state, zero, seen, teacher, dt_s)
        error[k], target[k] = -seen[0], terms.integral[0]
        for _ in range(SUBSTEPS):
            climb += (terms.command[0] + bias) * dt_s / SUBSTEPS
            height += climb * dt_s / SUBSTEPS
    return Lesson(error, target)
