"""Nodes are tested over a real DDS; without ROS 2 these tests are not collected."""

import os
from importlib.util import find_spec

import pytest

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("ROS_PYTHON_CHECK_FIELDS", "1")
collect_ignore_glob = [] if find_spec("rclpy") else ["test_*.py"]


@pytest.fixture
def bench():
    """A context, a tester node and an executor in a domain of their own."""
    from ros_bench import Bench

    bench = Bench()
    yield bench
    bench.close()


@pytest.fixture
def packet_type():
    """event_camera_msgs/EventPacket, or one built with the same fields."""
    from benchmarks.event_messages import provide

    if provide() is None:
        pytest.skip("event_camera_msgs is not installed, and there is no compiler to build its message")
    from event_camera_msgs.msg import EventPacket

    return EventPacket
