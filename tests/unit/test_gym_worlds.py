"""The Gymnasium environments: the checker, exact seeding, and rows of many that are flights of one."""

import warnings
from typing import Any

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not installed: requirements/sim.txt")
from gymnasium.utils.env_checker import check_env  # noqa: E402

from sim_worlds.gym_worlds import IDS  # noqa: E402


def flown(env: Any, seed: int, steps: int) -> list[np.ndarray]:
    """Observations and rewards under actions of the same generator."""
    generator, seen = np.random.default_rng(7), [env.reset(seed=seed)[0]]
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = env.step(generator.uniform(-1, 1, env.action_space.shape))
        seen.append(np.append(observation, reward))
        if terminated or truncated:
            break
    return seen


@pytest.mark.parametrize("name", IDS)
def test_the_checker_is_content(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(name, render_mode="rgb_array").unwrapped)


@pytest.mark.parametrize("name", IDS)
def test_the_same_seed_is_the_same_flight(name: str) -> None:
    env = gymnasium.make(name)
    first, again, other = flown(env, 3, 80), flown(gymnasium.make(name), 3, 80), flown(env, 4, 80)
    assert len(first) > 20
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("name", IDS)
def test_rows_of_many_are_flights_of_one(name: str) -> None:
    """Also where a row ends and begins anew, and whoever flies beside it."""
    many, one = gymnasium.make_vec(name, num_envs=3), gymnasium.make(name)
    both, alone = many.reset(seed=11)[0], one.reset(seed=13)[0]
    np.testing.assert_array_equal(both[2], alone)
    fresh, episodes, pushed = False, 0, np.full(many.action_space.shape, -1.0)  # down, until the floor
    for _ in range(400):
        both, rewards, *ends, _ = many.step(pushed)
        if fresh:
            alone, reward, terminated, truncated, fresh = one.reset()[0], 0.0, False, False, False
        else:
            alone, reward, terminated, truncated, _ = one.step(pushed[2])
            fresh = terminated or truncated
        episodes += fresh
        np.testing.assert_array_equal(both[2], alone)
        assert (rewards[2], ends[0][2], ends[1][2]) == (reward, terminated, truncated)
    assert episodes >= 2


@pytest.mark.parametrize("name", IDS)
def test_pictures_show_what_moves(name: str) -> None:
    env = gymnasium.make(name, render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    for _ in range(30):
        env.step(env.action_space.high)
    after = env.render()
    assert before.dtype == np.uint8
    assert before.shape == after.shape
    assert 20 < (before != after).any(axis=2).sum() < before.shape[0] * before.shape[1] / 4
    assert gymnasium.make(name).unwrapped.render() is None


def test_a_proportional_pilot_earns_more_than_an_idle_one() -> None:
    """And one that pushes the wrong way less than either: the reward tells them apart."""
    returns = {}
    for gain in (0.0, 1.0, -1.0):
        env = gymnasium.make("snn/BlimpAltitude-v0")
        total, ended, seen = 0.0, False, env.reset(seed=5)[0]
        while not ended:
            seen, reward, terminated, truncated, _ = env.step(np.array([gain * (seen[0] - 1.5 * seen[1])], np.float32))
            total, ended = total + reward, terminated or truncated
        returns[gain] = total
    assert returns[1.0] > returns[0.0] + 50.0
    assert returns[-1.0] < returns[0.0]


def test_other_ways_to_render_are_refused() -> None:
    from sim_worlds.gym_worlds import BlimpAltitudeEnv
    from snn_core.errors import ConfigError

    with pytest.raises(ConfigError, match="rgb_array"):
        BlimpAltitudeEnv("human")
