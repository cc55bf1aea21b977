"""PyBullet behind its one door: falling, pushing, contacts, rays, pictures."""

import numpy as np
import pytest

from snn_core.errors import ConfigError, DataError, SnnError

pytest.importorskip("pybullet", reason="PyBullet is optional: requirements/sim.txt")
from sim_worlds.bullet import BulletWorld, View


@pytest.fixture
def world():
    with BulletWorld(gravity_mps2=0.0) as found:
        yield found


def fly(world, body, seconds, force=(0, 0, 0), torque=(0, 0, 0), body_frame=True):
    for _ in range(round(seconds / world.step_s)):
        world.push(body, force, torque, body_frame)
        world.step()
    return world.state(body)


def test_a_force_accelerates_as_newton_says(world):
    ball = world.add_sphere(0.1, mass_kg=2.0)
    world.set_inertia(ball, 2.0, (0.1, 0.1, 0.1))
    state = fly(world, ball, 1.0, force=(4.0, 0, 0))
    assert state.velocity_mps == pytest.approx([2.0, 0, 0], abs=1e-6)
    assert state.position_m[0] == pytest.approx(1.0, abs=0.01)


def test_a_torque_turns_about_the_inertia_given(world):
    box = world.add_box((1, 1, 1), mass_kg=1.0)
    world.set_inertia(box, 1.0, (1.0, 2.0, 4.0))
    assert fly(world, box, 0.5, torque=(0, 0, 2.0)).turn_rate_radps[2] == pytest.approx(0.25, abs=1e-6)


def test_body_forces_turn_with_the_body(world):
    ball = world.add_sphere(0.1, mass_kg=1.0)
    world.set_inertia(ball, 1.0, (0.1, 0.1, 0.1))
    world.place(ball, (0, 0, 0), (0, 0, np.sin(np.pi / 4), np.cos(np.pi / 4)))  # a quarter turn to the left
    assert fly(world, ball, 0.5, force=(1.0, 0, 0)).velocity_mps == pytest.approx([0, 0.5, 0], abs=1e-6)


def test_what_falls_lies_on_the_floor():
    with BulletWorld() as world:
        floor = world.add_plane()
        ball = world.add_sphere(0.5, (0, 0, 1.0), mass_kg=1.0)
        for _ in range(480):
            world.step()
        assert world.state(ball).position_m[2] == pytest.approx(0.5, abs=0.01)
        assert {contact.other for contact in world.contacts(ball)} == {floor}


def test_near_things_are_told_with_their_distance(world):
    world.add_box((1, 1, 1), (2, 0, 0))
    ball = world.add_sphere(0.5)
    assert world.contacts(ball, within_m=0.5) == []
    near = world.contacts(ball, within_m=2.0)
    assert min(contact.distance_m for contact in near) == pytest.approx(1.0, abs=0.01)


def test_rays_measure_to_the_face(world):
    world.add_box((2, 2, 2), (5, 0, 0))
    ranges = world.ranges(np.zeros((2, 3)), np.array([[10.0, 0, 0], [0, 10.0, 0]]))
    assert ranges[0] == pytest.approx(4.0, abs=1e-4)
    assert np.isinf(ranges[1])


def test_a_picture_shows_texture_and_depth(world):
    half = np.zeros((64, 64, 3), np.uint8)
    half[:, 32:] = 255
    world.add_box((2, 2, 2), (4, 0, 0), texture=half)
    pixels, depth = world.picture(View((0, 0, 0), (1, 0, 0), width=80, height=60, horizontal_fov_rad=0.5))
    assert depth[30, 40] == pytest.approx(3.0, abs=0.02)
    middle = pixels[30, 20:60].mean(axis=1)
    assert abs(float(middle[5]) - float(middle[-5])) > 100
    again = world.picture(View((0, 0, 0), (1, 0, 0), width=80, height=60, horizontal_fov_rad=0.5))[0]
    assert np.array_equal(pixels, again)


def test_worlds_know_nothing_of_each_other(world):
    with BulletWorld() as other:
        world.add_box((2, 2, 2), (5, 0, 0))
        assert np.isinf(other.ranges(np.zeros(3), np.array([10.0, 0, 0]))[0])


def test_meshes_stand(world):
    corners = np.array([[5.0, -1, -1], [5, 1, -1], [5, 0, 1]])
    world.add_mesh(corners, np.array([[0, 1, 2], [0, 2, 1]]))
    assert world.ranges(np.zeros(3), np.array([10.0, 0, 0]))[0] == pytest.approx(5.0, abs=1e-3)


def test_mistakes_are_told(world):
    with pytest.raises(DataError, match="texture"):
        world.add_box((1, 1, 1), texture=np.zeros((4, 4), np.uint8))
    with pytest.raises(ConfigError, match="mass"):
        world.add_box((1, 1, 1), mass_kg=-1.0)
    world.close()
    with pytest.raises(SnnError, match="closed"):
        world.step()
