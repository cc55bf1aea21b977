"""A human's joystick as a controller: a deadman button that is held, and an axis that commands."""

import math
from collections.abc import Sequence

from pydantic import Field

from snn_core.config import Config


class JoystickConfig(Config):
    """Which parts of a sensor_msgs/Joy command what."""

    joy_button: int = Field(4, ge=0, le=63, description="deadman button: the human commands while it is held")
    joy_axis: int = Field(1, ge=0, le=63, description="axis that commands, forward = up")
    joy_ahead_axis: int = Field(4, ge=0, le=63, description="axis that drives ahead, forward = ahead")
    joy_turn_axis: int = Field(3, ge=0, le=63, description="axis that turns, left = to the left")
    joy_scale: float = Field(10.0, gt=0, le=10, description="command at full deflection (command)")


def joystick_command(axes: Sequence[float], buttons: Sequence[int], config: JoystickConfig) -> float | None:
    """The human's command, command units; None while the deadman button is not held.

    NaN, for the gate to refuse, where the message lacks the axis or the button, or the axis is outside [-1, 1].
    """
    if config.joy_button >= len(buttons) or config.joy_axis >= len(axes):
        return math.nan
    if buttons[config.joy_button] != 1:
        return None
    return _command(axes, config.joy_axis, config)


def joystick_drive(axes: Sequence[float], config: JoystickConfig) -> tuple[float, float] | None:
    """Ahead and turn of a human whose deadman button is held; None where the joystick has neither axis.

    One that is missing commands 0; NaN, for the gate to refuse, where a deflection is outside [-1, 1].
    """
    numbers = config.joy_ahead_axis, config.joy_turn_axis
    if min(numbers) >= len(axes):
        return None
    ahead, turn = (_command(axes, number, config) if number < len(axes) else 0.0 for number in numbers)
    return ahead, turn


def _command(axes: Sequence[float], number: int, config: JoystickConfig) -> float:
    deflection = float(axes[number])
    return deflection * config.joy_scale if abs(deflection) <= 1.0 else math.nan
