"""Pictures of what an event camera sees: local motion by colour."""

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Events
from sim_worlds.robot_config import RobotConfig
from snn_perception.events.batch import make_batch
from snn_perception.motion.flow_picture import flow_picture
from snn_perception.motion.motion_estimator import MotionConfig, MotionEstimator
from snn_perception.motion.motion_model import load_motion_model

LEAST_EVENTS = 100


class FlowCamera:
    """Draws the events of a period; it has an estimator of its own, so that who flies is not disturbed."""

    def __init__(self, robot: RobotConfig) -> None:
        self.size = robot.event_width, robot.event_height
        self.estimator = MotionEstimator(*self.size, load_motion_model("default"), MotionConfig(budget=300, align=0))

    def see(self, events: Events) -> NDArray[np.uint8] | None:
        """A picture (row, column, 3), or none where hardly anything happened."""
        if len(events.x) < LEAST_EVENTS:
            return None
        batch = make_batch(*events, self.size)
        self.estimator.reset()
        self.estimator.judge(batch)
        if self.estimator.evidence is None:
            return None
        return flow_picture(self.estimator.evidence, batch, self.estimator.gatherer.tile)
