"""`snn/BlimpRoute-v0` can be flown on what it shows: a plain pilot arrives, a blind one and a sleeping one do not."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("gymnasium", reason="gymnasium is not installed: requirements/sim.txt")

import gymnasium

import sim_worlds.gym_worlds  # noqa: F401 - registers the environments

Array = NDArray[np.float64]
ROUTES = 12
PLAIN, BLIND, ASLEEP = (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)  # how strongly it steers, and how strongly it acts at all


def pilot(seen: NDArray[np.float32], steering: float, strength: float) -> Array:
    """Turn towards the waypoint, climb to it, push when it is ahead: (row, action)."""
    ahead, left, above, _, _, speed, turning, climb = seen[:, :8].T.astype(float)
    off = steering * np.arctan2(left, ahead)
    lift = 0.9 * above - 1.4 * climb
    turn = 0.8 * off - 0.8 * turning
    push = np.where(np.abs(off) < 0.6, 1.2 * (0.5 - speed) + 0.2, -0.5 * speed)
    return strength * np.clip(np.stack([lift, turn, push], axis=1), -1.0, 1.0)


@cache
def flown(kind: tuple[float, float]) -> tuple[Array, Array]:
    """Return of the first episode of every row, and whether it ended with the prize rather than at a wall."""
    envs = gymnasium.make_vec("snn/BlimpRoute-v0", num_envs=ROUTES)
    seen, _ = envs.reset(seed=20)
    alive, total, arrived = np.ones(ROUTES, bool), np.zeros(ROUTES), np.zeros(ROUTES, bool)
    for _ in range(1200):
        seen, reward, terminated, truncated, _ = envs.step(pilot(seen, *kind))
        total += alive * reward
        arrived |= alive & terminated & (reward > 1.0)
        alive &= ~(terminated | truncated)
    return total, arrived


def test_a_plain_pilot_arrives() -> None:
    total, arrived = flown(PLAIN)
    assert arrived.mean() >= 0.9
    assert total[arrived].min() > 12.0  # five legs of 3 to 5 m and the prize, less what it strayed


@pytest.mark.parametrize("kind", [BLIND, ASLEEP], ids=["blind", "asleep"])
def test_crippled_ones_do_not(kind: tuple[float, float]) -> None:
    total, arrived = flown(kind)
    assert arrived.mean() <= 0.2
    assert total.mean() < flown(PLAIN)[0].mean() - 5.0
