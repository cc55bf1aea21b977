"""What the PD network learns: errors of real flights, and the PD command that a teacher would give on them.

A recording was flown without this controller, so it does not follow the reference. The reference therefore steps
towards where the blimp is: held 20 to 35 s, then 0.3 to 1.0 m in the direction of the measured height.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_control.pid import PidConfig, pid_rest, pid_step
from snn_core.metrics import mimic_loss

Array = NDArray[np.float64]
HOLD_S = (20.0, 35.0)
STEP_M = (0.3, 1.0)


class Lesson(NamedTuple):
    """One error sequence and the teacher's output on it, (time,) each: metres, command units."""

    error: Array
    target: Array


def stepping_reference(height_m: Array, dt_s: float, generator: np.random.Generator) -> Array:
    """A piecewise-constant reference that stays near the recorded heights, (time,) metres."""
    reference = np.empty_like(height_m)
    level, start = float(height_m[0]), 0
    while start < len(height_m):
        end = min(len(height_m), start + round(generator.uniform(*HOLD_S) / dt_s))
        step = generator.uniform(*STEP_M)
        reference[start:end] = level
        if end < len(height_m):
            level += step if height_m[end] > level else -step
        start = end
    return reference


def teach(reference_m: Array, height_m: Array, teacher: PidConfig, dt_s: float) -> Lesson:
    """Run the teacher over a recorded height, open loop; its command is the target."""
    state, target = pid_rest(), np.empty_like(height_m)
    for k in range(len(height_m)):
        state, terms = pid_step(state, reference_m[k : k + 1], height_m[k : k + 1], teacher, dt_s)
        target[k] = terms.command[0]
    return Lesson(reference_m - height_m, target)


def pd_lesson(height_m: Array, dt_s: float, seed: int, teacher: PidConfig | None = None) -> Lesson:
    """The lesson of one recording and one reference seed: PD (no integral) with the teacher's gains."""
    teacher = (teacher or PidConfig()).model_copy(update={"ki": 0.0})
    reference = stepping_reference(height_m, dt_s, np.random.default_rng(seed))
    return teach(reference, height_m, teacher, dt_s)


def smoothed(target: Array, keep: float) -> Array:
    """Causal exponential moving average, y(t) = keep y(t-1) + (1 - keep) x(t), starting at the first value."""
    out, value = np.empty_like(target), target[0]
    for k, x in enumerate(target):
        value = keep * value + (1.0 - keep) * x
        out[k] = value
    return out


def trivial_losses(lesson: Lesson, teacher: PidConfig) -> dict[str, float]:
    """Losses of predictors that learn nothing: zero, P only, and the true PD through smoothers."""
    p_only = np.clip(teacher.kp * lesson.error, -teacher.limit, teacher.limit)
    return {
        "zero": mimic_loss(np.zeros_like(lesson.target), lesson.target),
        "p_only": mimic_loss(p_only, lesson.target),
        "ema_0.5": mimic_loss(smoothed(lesson.target, 0.5), lesson.target),
        "ema_0.7": mimic_loss(smoothed(lesson.target, 0.7), lesson.target),
    }
