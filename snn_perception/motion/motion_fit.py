"""From evidence over tiles to one motion of the whole image: translation, rotation and divergence, with covariance.

Tiles do not vote with a velocity each, which an edge alone could not give. The motion is the one under which the
evidence of all tiles together is greatest, so that edges of different directions complete each other.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_perception.motion.delay_layer import DIRECTIONS, FASTEST_PX_S, SPEEDS
from snn_perception.motion.evidence import Evidence

Array = NDArray[np.float64]
ROUNDS = 40
TURNING_COST = 0.05  # nats of a patch that a motion must gain which only turns or grows; less for a share of it
STARTS, CLIMBS = 4, 2  # grid points looked at, and those from which the search climbs
FINEST = 0.02  # of the first step, where the search ends
TURNS = np.concatenate([s * 0.25 * 2.0 ** np.arange(0, 7.5, 0.5) for s in (1, -1)])  # rad/s or 1/s that are tried
SMALLEST = 1e-3


class Fit(NamedTuple):
    """Motion of the image and what supports it; y is up."""

    motion: Array  # (4,) vx and vy in px/s at the sensor's middle, rotation in rad/s, divergence in 1/s
    covariance: Array  # (4, 4)
    gain: float  # evidence of a patch above that of the best speed in no direction (nats)
    patches: int


def fit_motion(evidence: Evidence, correlation: float) -> Fit | None:
    """The most likely motion, or none where no patch could be judged.

    `correlation` is the number of patches that are worth one: neighbouring events tell the same story.
    """
    used = np.flatnonzero(evidence.patches > 0)
    patches = int(evidence.patches.sum())
    if patches == 0:
        return None
    sums, centres = np.ascontiguousarray(evidence.sums[used]), np.ascontiguousarray(evidence.centres[used])
    ignorance = float(sums.sum(axis=0).mean(axis=1).max())  # a speed without a direction, as noise may have
    reach = np.sqrt(np.average((centres**2).sum(axis=1), weights=evidence.patches[used])) + 4.0
    cost = TURNING_COST * patches
    tops = [_climb(sums, centres, start, cost, reach) for start in _starts(sums, centres, cost, reach)[:CLIMBS]]
    motion, top = max(tops, key=lambda pair: pair[1])
    curvature = _curvature(sums, centres, motion, cost, reach) / correlation
    return Fit(motion, np.linalg.inv(curvature).astype(np.float64), (top - ignorance) / patches, patches)


def _starts(sums: NDArray, centres: Array, cost: float, reach: float) -> list[Array]:
    """The best translations of the grid, and the best rotation and divergence without one."""
    speed, angle = np.divmod(np.argsort(-sums.sum(axis=0).ravel())[:STARTS], DIRECTIONS)
    v = FASTEST_PX_S * 2.0 ** (-speed / 2)
    a = 2 * np.pi * angle / DIRECTIONS
    starts = np.stack([v * np.cos(a), v * np.sin(a), 0 * v, 0 * v], axis=1)
    if len(sums) == 1:
        return list(starts)
    trials = np.zeros((2 * len(TURNS), 4))
    trials[: len(TURNS), 2], trials[len(TURNS) :, 3] = TURNS, TURNS
    starts = np.concatenate([starts, trials])
    return list(starts[np.argsort(-score(sums, centres, starts, cost, reach), kind="stable")[:CLIMBS]])


def _climb(sums: NDArray, centres: Array, start: Array, cost: float, reach: float) -> tuple[Array, float]:
    """Pattern search with shrinking steps, on the scale of the speeds at hand."""
    motion = start.copy()
    value = float(score(sums, centres, motion[None], cost, reach)[0])
    first = scale = 0.3 * max(np.hypot(*motion[:2]), reach * np.hypot(*motion[2:]), 5.0)
    unit = np.array([1.0, 1.0, 1.0 / reach, 1.0 / reach])
    moves = np.concatenate([np.eye(4), -np.eye(4), _PAIRS]) * unit
    for _ in range(ROUNDS):
        trials = motion + scale * moves
        values = score(sums, centres, trials, cost, reach)
        k = int(np.argmax(values))
        if values[k] > value:
            motion, value = trials[k], float(values[k])
        else:
            scale *= 0.5
            if scale < FINEST * first:
                break
    return motion, value


_PAIRS = 0.7 * np.array([[a, b, 0, 0] for a in (1.0, -1.0) for b in (1.0, -1.0)])


def _curvature(sums: NDArray, centres: Array, motion: Array, cost: float, reach: float) -> Array:
    """Minus the second derivative of the evidence (4, 4), made positive definite."""
    size = 0.15 * max(np.hypot(*motion[:2]), reach * np.hypot(*motion[2:]), 5.0)
    step = size * np.array([1.0, 1.0, 1.0 / reach, 1.0 / reach])
    trials, eye = [motion], np.diag(step)
    for i in range(4):
        trials += [motion + s * eye[i] + r * eye[j] for j in range(i) for s in (1, -1) for r in (1, -1)]
        trials += [motion + eye[i], motion - eye[i]]
    values = iter(score(sums, centres, np.array(trials), cost, reach).tolist())
    middle = next(values)
    second = np.zeros((4, 4))
    for i in range(4):
        for j in range(i):
            pp, pm, mp, mm = (next(values) for _ in range(4))
            second[i, j] = second[j, i] = (pp - pm - mp + mm) / 4
        second[i, i] = next(values) + next(values) - 2 * middle
    roots, axes = np.linalg.eigh(-second)
    return (axes * np.maximum(roots, SMALLEST)) @ axes.T / np.outer(step, step)


@njit(cache=True, nogil=True)
def score(sums: NDArray, centres: Array, motions: Array, cost: float, reach: float) -> Array:
    """Evidence (motion,) of motions (motion, 4) over the tiles: cubic between the neurons of the grid."""
    found = np.zeros(len(motions))
    for m in range(len(motions)):
        turning = reach**2 * (motions[m, 2] ** 2 + motions[m, 3] ** 2)
        found[m] = -cost * turning / (turning + motions[m, 0] ** 2 + motions[m, 1] ** 2 + 1.0)
        for tile in range(len(sums)):
            x, y = centres[tile]
            vx = motions[m, 0] - motions[m, 2] * y + motions[m, 3] * x
            vy = motions[m, 1] + motions[m, 2] * x + motions[m, 3] * y
            found[m] += _at(sums[tile], vx, vy)
    return found


@njit(cache=True, nogil=True)
def _at(grid, vx, vy):
    speed = max(np.hypot(vx, vy), 1e-9)
    u = min(max(2 * np.log2(FASTEST_PX_S / speed), 0.0), SPEEDS - 1.0)
    a = np.arctan2(vy, vx) / (2 * np.pi) * DIRECTIONS
    i, j = np.int64(np.floor(u)), np.int64(np.floor(a))
    p, q = u - i, a - j
    total = 0.0
    for di in range(-1, 3):
        row = min(max(i + di, 0), SPEEDS - 1)
        line = 0.0
        for dj in range(-1, 3):
            line += _cubic(q - dj) * grid[row, (j + dj) % DIRECTIONS]
        total += _cubic(p - di) * line
    return total


@njit(cache=True, forceinline=True)
def _cubic(distance):
    """Weight of a neighbour in Catmull-Rom interpolation."""
    d = abs(distance)
    if d < 1:
        return 1.5 * d * d * d - 2.5 * d * d + 1
    return -0.5 * d * d * d + 2.5 * d * d - 4 * d + 2 if d < 2 else 0.0
