"""Pictures of what an event camera sees: local motion by colour."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Events
from sim_worlds.robot_config import RobotConfig
from snn_perception.events.batch import make_batch
from snn_perception.motion.flow_picture import flow_picture
from snn_perception.motion.motion_estimator import MotionConfig, MotionEstimator
from snn_perception.motion.motion_model import load_motion_model

LEAST_EVENTS = 100
PERIODS = 4  # that a picture is made of: neurons with delays need to have seen some
CONFIG = MotionConfig(budget=1000, align=0)


class FlowCamera:
    """Draws the events of a period; it has an estimator of its own, so that who flies is not disturbed."""

    def __init__(self, robot: RobotConfig) -> None:
        self.size = robot.event_width, robot.event_height
        self.estimator = MotionEstimator(*self.size, load_motion_model("default"), CONFIG)
        self.recent: deque[Events] = deque(maxlen=PERIODS)

    def take(self, events: Events) -> None:
        """Remember the events of a period."""
        self.recent.append(events)

    def see(self) -> NDArray[np.uint8] | None:
        """A picture (row, column, 3) of the newest period, or none where hardly anything happened."""
        if not self.recent or len(self.recent[-1].x) < LEAST_EVENTS:
            return None
        self.estimator.reset()
        batches = [make_batch(*events, self.size) for events in self.recent if len(events.x)]
        for batch in batches:
            self.estimator.judge(batch)
        if self.estimator.evidence is None:
            return None
        return flow_picture(self.estimator.evidence, batches[-1], self.estimator.gatherer.tile)
