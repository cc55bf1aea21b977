"""The airship as PyBullet's body: in open air as the batched one flies, and stopped by floor, ceiling and walls."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("pybullet", reason="PyBullet is not installed: requirements/sim.txt, Python 3.10 or 3.11")

from sim_worlds.airship import SUBSTEP_S, airship_at, airship_params
from sim_worlds.airship_flight import airship_step
from sim_worlds.bullet import BulletWorld
from sim_worlds.hull import HALF_LENGTH_M, RADIUS_M
from sim_worlds.solid_airship import SolidAirship
from snn_core.errors import ConfigError

CALM = {"draft_std_mps": 0.0}
LEFT_ALONE = np.zeros(3)


@pytest.fixture
def world() -> Iterator[BulletWorld]:
    with BulletWorld(gravity_mps2=0.0, step_s=SUBSTEP_S) as made:
        yield made


@pytest.mark.parametrize("share", [1.0, 0.0])
def test_in_open_air_it_flies_as_the_batched_one(world: BulletWorld, share: float) -> None:
    """Climbing, turning, pushing, in wind and drafts; without the gusts it is another flight (the mutant)."""
    about = {"wind_y_mps": 0.1, "draft_std_mps": 0.05, "buoyancy_mps2": -0.02, "twist_nm": 0.001}
    params, start = airship_params(**about), np.array([0.0, 0.0, 10.0])
    solid, batched = SolidAirship(world, params, start, 0.7), airship_at(start, 0.7)
    generator, length_m = np.random.default_rng(2), 0.0
    for k in range(300):
        command = np.array([4.0 * math.sin(0.05 * k), 5.0 * math.sin(0.08 * k), 5.0])
        gust, before = generator.standard_normal(3), batched.position_m[0].copy()
        solid.advance(command, share * gust, 0.1)
        airship_step(batched, params, command[None], gust[None], 0.1)
        length_m += float(np.linalg.norm(batched.position_m[0] - before))
    apart = float(np.linalg.norm(solid.motion()[:3] - batched.position_m[0]))
    assert length_m > 15.0
    assert (apart < 0.02 * length_m) == (share == 1.0)
    if share == 1.0:
        assert abs(solid.motion()[3:7] @ batched.attitude[0]) > math.cos(0.05)  # within 0.1 rad


def test_a_heavy_one_lands_and_stays(world: BulletWorld) -> None:
    world.add_plane()
    solid = SolidAirship(world, airship_params(buoyancy_mps2=-0.1, **CALM), np.array([0.0, 0.0, 1.5]))
    assert not solid.contacts()
    lowest = math.inf
    for _ in range(200):
        solid.advance(LEFT_ALONE, LEFT_ALONE, 0.1)
        lowest = min(lowest, solid.motion()[2])
    assert lowest > RADIUS_M - 0.03
    assert solid.motion()[2] == pytest.approx(RADIUS_M, abs=0.03)
    assert np.abs(solid.motion()[7:10]).max() < 0.05
    assert solid.contacts()


def test_a_light_one_stops_at_the_ceiling(world: BulletWorld) -> None:
    world.add_box((6.0, 6.0, 0.2), (0.0, 0.0, 3.1))
    solid = SolidAirship(world, airship_params(buoyancy_mps2=0.1, **CALM), np.array([0.0, 0.0, 1.5]))
    for _ in range(200):
        solid.advance(LEFT_ALONE, LEFT_ALONE, 0.1)
    assert solid.motion()[2] == pytest.approx(3.0 - RADIUS_M, abs=0.03)


def test_a_wall_stops_it_and_nothing_else_does(world: BulletWorld) -> None:
    start, ahead = np.array([0.0, 0.0, 2.0]), np.array([0.0, 0.0, 3.0])
    solid, furthest = SolidAirship(world, airship_params(**CALM), start), []
    for walled in (False, True):
        if walled:
            world.add_box((0.2, 8.0, 6.0), (4.1, 0.0, 3.0))
        solid.place(start)
        reached = 0.0
        for _ in range(100):
            solid.advance(ahead, LEFT_ALONE, 0.1)
            reached = max(reached, solid.motion()[0])
        furthest.append(reached)
    assert furthest[0] > 5.0
    assert furthest[1] < 4.0 - HALF_LENGTH_M + 0.03
    assert furthest[1] > 3.0


def test_a_world_with_other_steps_is_refused() -> None:
    with BulletWorld(gravity_mps2=0.0) as other, pytest.raises(ConfigError, match=r"steps by 0.01 s"):
        SolidAirship(other, airship_params(), LEFT_ALONE)
