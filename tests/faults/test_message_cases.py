"""The cases that put bad messages and parameters into real nodes, and a taste of the fuzzing."""

from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.ros
if find_spec("rclpy") is None:
    pytest.skip("ROS 2 is not installed", allow_module_level=True)

import numpy as np  # noqa: E402
from sensor_msgs.msg import Image, PointCloud2, Range  # noqa: E402

from snn_cli.faults.run import attempt  # noqa: E402
from snn_cli.nodes.fault_fuzz import NODES, fuzz, random_message  # noqa: E402
from snn_cli.nodes.fault_imu_checks import IMU_CHECKS  # noqa: E402
from snn_cli.nodes.fault_message_checks import MESSAGE_CHECKS  # noqa: E402
from snn_core.nodes.guard import Guard  # noqa: E402

CHECKS = MESSAGE_CHECKS | IMU_CHECKS


@pytest.mark.parametrize("number", sorted(CHECKS))
def test_case(number):
    result, seen = attempt(CHECKS[number], "")
    assert result == "passed", seen


@pytest.mark.parametrize("name", NODES)
def test_random_messages_raise_nothing_and_command_nothing_unsafe(name):
    row = fuzz(name, 500, 7)
    assert row["complaint"] == ""
    assert row["published"] > 0


def test_the_same_seed_draws_the_same_messages():
    for kind in (Range, Image, PointCloud2):
        one, other = (random_message(kind, np.random.default_rng(3)) for _ in range(2))
        assert str(one) == str(other)


def test_a_callback_that_raises_is_found(monkeypatch):
    """Mutant: a node without its guard, and without the check that protects it."""
    from snn_control.command_gate import CommandGate

    monkeypatch.setattr(CommandGate, "lease", lambda self, *_: 1 / 0)
    assert "ZeroDivisionError" in fuzz("command_gate", 200, 7)["complaint"]
    monkeypatch.setattr(Guard, "__call__", lambda self, callback: callback)
    assert "ZeroDivisionError" in fuzz("command_gate", 200, 7)["complaint"]


def test_an_unsafe_command_is_found(monkeypatch):
    """Mutant: a gate that forwards whatever comes."""
    from snn_control import command_gate

    monkeypatch.setattr(command_gate, "_limit", lambda value, *_: value)
    assert "unsafe" in fuzz("command_gate", 1500, 7)["complaint"]
