"""Staying at a point with motors that push ahead or back and turn, but not to the side.

A push along the nose is all that there is, so the nose, or the tail where the point lies behind, turns to where it
should go. Speed to the side is not steered against: the hull swings to the side as it rolls, and the tail's motor would
roll it on.
"""

import math

from pydantic import Field

from snn_core.config import Config


class StationConfig(Config):
    """Gains of keeping a station."""

    speed_per_m: float = Field(0.15, gt=0, le=10, description="speed towards the point per distance from it (1/s)")
    fastest_mps: float = Field(0.15, gt=0, le=5, description="largest such speed along an axis (m/s)")
    calm_mps: float = Field(0.14, gt=0, le=5, description="speed wanted to the side that turns by half a right angle")
    turn_gain: float = Field(2.0, gt=0, le=10, description="turn asked for per turn towards the push")
    most_turn_rad: float = Field(0.6, gt=0, le=1.5, description="largest turn asked for at once (rad)")


def steer_to_station(ahead_m: float, left_m: float, config: StationConfig) -> tuple[float, float]:
    """Turn to the left of the present heading (rad) and speed ahead (m/s) towards a point.

    Args:
        ahead_m: how far ahead of the robot the point is, along its own axes.
        left_m: how far to its left.
        config: gains.
    """
    fastest = config.fastest_mps
    ahead = min(max(config.speed_per_m * ahead_m, -fastest), fastest)
    left = min(max(config.speed_per_m * left_m, -fastest), fastest)
    turn = config.turn_gain * math.copysign(math.atan2(left, abs(ahead) + config.calm_mps), left * (ahead or 1.0))
    return min(max(turn, -config.most_turn_rad), config.most_turn_rad), ahead
