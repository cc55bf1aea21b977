"""A human's joystick as a controller: a deadman button that is held, and an axis that commands."""

import math
from collections.abc import Sequence

from pydantic import Field

from snn_core.config import Config


class JoystickConfig(Config):
    """Which parts of a sensor_msgs/Joy command what."""

    joy_button: int = Field(4, ge=0, le=63, description="deadman button: the human commands while it is held")
    joy_axis: int = Field(1, ge=0, le=63, description="axis that commands, forward = up")
    joy_scale: float = Field(10.0, gt=0, le=10, description="command at full deflection (command)")


def joystick_command(axes: Sequence[float], buttons: Sequence[int], config: JoystickConfig) -> float | None:
    """The human's command, command units; None while the deadman button is not held.

    NaN, for the gate to refuse, where the message lacks the axis or the button, or the axis is outside [-1, 1].
    """
    if config.joy_button >= len(buttons) or config.joy_axis >= len(axes):
        return math.nan
    if buttons[config.joy_button] != 1:
        return None
    deflection = float(axes[config.joy_axis])
    return deflection * config.joy_scale if abs(deflection) <= 1.0 else math.nan
