"""Velocity over ground from event motion: what the gyro knows is no motion over ground."""

import numpy as np
import pytest

from snn_perception.motion.ground_odometer import GroundOdometer, GroundOdometerConfig
from snn_perception.motion.motion_model import load_motion_model
from snn_perception.motion.motion_scenes import draw_scene

HEIGHT_M, FOCAL_PX = 1.6, 70.0


def told(batch, gyro_radps):
    odometer = GroundOdometer((128, 128), FOCAL_PX, load_motion_model(), GroundOdometerConfig(flow_smoothing_s=0.0))
    odometer.gyro = gyro_radps
    return odometer.measure(batch, gyro_radps, HEIGHT_M, 0.1)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_robot_that_turns_on_the_spot_does_not_move_where_only_one_side_is_busy(seed):
    trial = draw_scene(np.random.default_rng(seed), "rotation", 6.0, (128, 128))
    busy = trial.batch.take(trial.batch.x > 80)
    turn = trial.motion[2]  # of the image to the left: the robot turns to the right
    seen, without = told(busy, np.array([0.0, 0.0, -turn])), told(busy, np.zeros(3))
    sideways = abs(turn) * (busy.x.mean() - 63.5) * HEIGHT_M / FOCAL_PX
    assert np.hypot(*without) > 0.6 * sideways
    assert np.hypot(*seen) < 0.3 * sideways
