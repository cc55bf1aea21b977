"""A place is taught with the pose of its image, not with the one of now."""

import numpy as np
import pytest

from snn_perception.places.pose_trail import PoseTrail


def pose(x, w=1.0):
    return np.array([x, 2.0 * x, 0.0, 0.0, 0.0, 0.0, w])


def test_the_pose_of_a_time_lies_between_those_around_it():
    trail = PoseTrail()
    assert trail.at(1.0) is None
    for time, x in ((1.0, 0.0), (2.0, 4.0)):
        trail.add(time, pose(x, w=time))
    assert trail.at(1.25) == pytest.approx([1.0, 2.0, 0, 0, 0, 0, 1.0])
    assert trail.at(1.75) == pytest.approx([3.0, 6.0, 0, 0, 0, 0, 2.0])
    assert trail.at(0.0)[0] == 0.0
    assert trail.at(9.0)[0] == trail.newest[0] == 4.0


def test_a_clock_that_was_set_begins_anew():
    trail = PoseTrail()
    trail.add(5.0, pose(1.0))
    trail.add(0.0, pose(2.0))
    assert trail.at(5.0)[0] == 2.0
