"""A joystick commands only while its deadman button is held, and only sense."""

import math

import pytest

from snn_control.joystick import JoystickConfig, joystick_command

CONFIG = JoystickConfig(joy_button=1, joy_axis=2, joy_scale=4.0)


@pytest.mark.parametrize(
    ("axes", "buttons", "expected"),
    [
        ([0.0, 0.0, 0.5], [0, 1], 2.0),
        ([0.0, 0.0, -1.0], [0, 1, 0], -4.0),
        ([0.0, 0.0, 0.5], [1, 0], None),
        ([0.0, 0.0, 0.5], [1, 2], None),  # a button is 0 or 1
        ([0.0, 0.0, 1.01], [0, 1], math.nan),
        ([0.0, 0.0, math.inf], [0, 1], math.nan),
        ([0.0, 0.0, math.nan], [0, 1], math.nan),
        ([0.0], [0, 1], math.nan),
        ([0.0, 0.0, 0.5], [1], math.nan),
    ],
)
def test_command(axes, buttons, expected):
    assert joystick_command(axes, buttons, CONFIG) == pytest.approx(expected, nan_ok=True)
