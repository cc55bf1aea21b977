"""Position over ground: attitude, the map that events draw, and the filter on it."""

import math

import numpy as np
import pytest

from snn_perception.events.batch import EventBatch
from snn_perception.motion.attitude import Attitude, rotation
from snn_perception.motion.ground_map import Glimpse, GroundMap
from snn_perception.motion.ground_tracker import GroundTracker, GroundTrackerConfig

STILL = np.array([0.0, 0.0, 9.81])
SIZE, FOCAL_PX = (48, 36), 35.0
CELL_M = 0.05


def test_a_turn_is_a_turn():
    assert rotation(np.array([0.0, 0.0, np.pi / 2])) @ [1.0, 0, 0] == pytest.approx([0, 1, 0], abs=1e-12)
    assert rotation(np.zeros(3)) == pytest.approx(np.eye(3))


def test_the_gyro_turns_the_attitude_and_gravity_levels_it():
    attitude = Attitude(level_s=5.0)
    attitude.turn(np.array([0.0, 0.0, 0.5]), STILL, 0.1)
    for _ in range(20):
        attitude.turn(np.array([0.0, 0.0, 0.5]), STILL, 0.1)
    assert attitude.heading_rad == pytest.approx(1.0)
    attitude.head(-0.25)
    assert attitude.heading_rad == pytest.approx(0.75)
    tilted = Attitude(level_s=1.0)
    tilted.turn(np.zeros(3), np.array([9.81 * math.sin(0.3), 0.0, 9.81 * math.cos(0.3)]), 0.1)
    assert math.asin(tilted.axes[2, 0]) == pytest.approx(0.3)
    for _ in range(100):
        tilted.turn(np.zeros(3), STILL, 0.1)
    assert tilted.axes[2] == pytest.approx([0, 0, 1], abs=1e-3)


def ground(x, y):
    """Gradient of a ground of waves, events per metre, at places (...,)."""
    return np.stack([9.0 * np.cos(5.0 * x + 2.0 * y) + 4.0, 7.0 * np.sin(6.0 * y - 3.0 * x) - 3.0], axis=-1)


def glimpse(at=(0.0, 0.0), step=(0.0, 0.0), believed_at=None, believed_step=None, half=6):
    """What pixels over a square of cells send that was passed by a step; what is believed may differ."""
    side = np.arange(-half, half) * CELL_M
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1)
    signed = ground(*np.moveaxis(grid + at, -1, 0)) @ np.array(step)
    seen = grid + (at if believed_at is None else believed_at)
    steps = np.broadcast_to(np.array(step if believed_step is None else believed_step, float), grid.shape)
    return Glimpse(signed, seen, np.ascontiguousarray(steps), 1.0)


@pytest.fixture
def drawn():
    drawn = GroundMap(CELL_M, 64, ridge_m2=1e-8)
    drawn.draw([glimpse(step=step, half=10) for step in ((0.02, 0.0), (0.0, 0.03), (0.01, 0.02))])
    return drawn


def test_steps_draw_the_gradient(drawn):
    middle = drawn.gradient[22:42, 22:42]
    x = np.arange(-10, 10) * CELL_M
    assert middle == pytest.approx(ground(*np.meshgrid(x, x, indexing="ij")), abs=0.05)
    assert not drawn.gradient[:20].any(), "it drew what it has not seen"


def test_events_tell_the_step(drawn):
    reading = drawn.read([glimpse(step=(0.03, -0.01), believed_step=(0.01, 0.01))], np.zeros((1, 2)))[0]
    assert np.linalg.solve(reading.weight, reading.slope) == pytest.approx([0.02, -0.02], abs=2e-4)
    rest = drawn.read([glimpse(step=(0.0, 0.0), believed_step=(0.01, 0.01))], np.zeros((1, 2)))[0]
    assert np.linalg.solve(rest.weight, rest.slope) == pytest.approx([-0.01, -0.01], abs=2e-4), "no events: no motion"


def test_events_fit_best_where_they_were_seen(drawn):
    offsets = np.array([(a, b) for a in range(-3, 4) for b in range(-3, 4)]) * CELL_M
    seen = glimpse(at=(0.1, -0.05), step=(0.02, 0.02), believed_at=(0.0, 0.0))
    readings = drawn.read([seen], offsets)
    assert offsets[np.argmin([r.misfit for r in readings])] == pytest.approx([0.1, -0.05])
    turned = seen._replace(signed=-seen.signed)
    assert min(r.misfit for r in drawn.read([turned], offsets)) > 100.0 * min(r.misfit for r in readings)


def test_the_map_follows_and_forgets_what_lies_far(drawn):
    before = drawn.gradient[40, 30].copy()
    drawn.follow(np.array([0.55, 0.0]))
    assert drawn.corner.tolist() == [-21, -32]
    assert drawn.gradient[29, 30] == pytest.approx(before)
    drawn.follow(np.array([50.0, 0.0]))
    assert not drawn.gradient.any()


def sent(rng, x_m, before_m):
    """Events of a camera 1 m above the ground of waves whose middle of view moved along x."""
    right, down = np.meshgrid(np.arange(SIZE[0]) - 23.5, np.arange(SIZE[1]) - 17.5)
    means = 4.0 * ground(x_m - down / FOCAL_PX, -right / FOCAL_PX)[..., 0] * (x_m - before_m)
    counts = rng.poisson(np.abs(means)) * np.sign(means)
    y, x = np.nonzero(counts)
    return EventBatch(
        x.astype(np.uint16), y.astype(np.uint16), np.zeros(len(x), np.int64), counts[y, x] > 0, *SIZE
    )  # fmt: skip


def swung(silent=slice(0, 0)):
    """A robot that nods, and starts to swing by 0.3 m to both sides: true and told places, and the tracker."""
    rng, tracker = np.random.default_rng(1), GroundTracker(SIZE, FOCAL_PX, GroundTrackerConfig(cell_m=0.03))
    time_s = 0.1 * np.arange(300)
    true = 0.3 * np.sin(0.4 * time_s) * np.minimum(time_s / 8.0, 1.0)
    nod, nodding = 0.05 * np.sin(3.0 * time_s), 0.15 * np.cos(3.0 * time_s)
    told = []
    for k in range(1, 300):
        batch = sent(rng, true[k] - nod[k], true[k - 1] - nod[k - 1])
        batch = batch.take(slice(0, 0)) if silent.start <= k < silent.stop else batch
        accel = 9.81 * np.array([-math.sin(nod[k]), 0.0, math.cos(nod[k])])
        told.append(tracker.track(batch, np.array([0.0, nodding[k], 0.0]), accel, 1.0, 0.1))
    return true[1:], told, tracker


def test_a_swinging_robot_knows_where_it_is():
    true, told, tracker = swung()
    places = np.array([state.position_m for state in told if state is not None])
    assert len(places) > 280
    assert tracker.lost == 0
    assert np.abs(places[-200:, 0] - true[-200:]).max() < 0.1
    assert np.abs(places[:, 1]).max() < 0.1


def test_silence_is_told_and_a_lost_ground_begins_anew():
    _, told, tracker = swung(silent=slice(100, 200))
    assert all(state is None for state in told[100:190])
    assert tracker.lost == 1
    assert told[-1] is not None
    assert np.hypot(*told[-1].velocity) < 0.3, "it runs away"
