"""Bridges the readings that a sleeping sensor leaves out: predicted heights, few in a row, never in place of a loss.

Only gaps that were ordered are bridged. Where a reading is due and does not come, nothing is predicted, and the
controller falls silent as it would without a bridge.
"""

import math

from snn_control.coordination.contracts import Model
from snn_control.coordination.kalman import Track, track_predict, track_update

MOTION = Model(accel_std=0.5, noise_std=0.005)  # of a small blimp under a lidar with steps of 1 cm


class HeightBridge:
    """A Kalman filter over the accepted readings of one controller, and a count of the steps that went by it."""

    def __init__(self) -> None:
        self.asked_hz: float | None = None  # rate that the sensor is asked for; None: its own, nothing is bridged
        self.wanted_hz: float | None = None  # newest order; one for more is in force from the next reading on
        self.predicted = 0  # predicted heights in a row
        self.total = 0
        self.track: Track | None = None

    def ask(self, rate_hz: float | None) -> None:
        """A new order. The sensor wakes at its next sample: until then the gap is the one that was ordered before."""
        self.wanted_hz = rate_hz
        if self.asked_hz is None or (rate_hz is not None and rate_hz < self.asked_hz):
            self.asked_hz = rate_hz

    def learn(self, height_m: float, stamp_s: float) -> None:
        """A sensed height ends a row of predicted ones."""
        self.track, _ = track_update(self.track, height_m, stamp_s, MOTION)
        self.asked_hz = self.wanted_hz
        self.predicted = 0

    def reset(self) -> None:
        """Forget the flight; the order stays."""
        self.track, self.predicted = None, 0

    def height(self, now_s: float, dt_s: float, longest: int) -> float | None:
        """The predicted height, or None: nothing is bridged, a reading is due, or `longest` steps went without one."""
        if self.asked_hz is None or self.track is None or self.predicted >= longest:
            return None
        asleep_s = 1.0 / self.asked_hz - 0.5 * dt_s
        if not 0.0 < now_s - self.track.at_s < asleep_s:
            return None
        height_m = track_predict(self.track, now_s, MOTION).value
        return height_m if math.isfinite(height_m) else None

    def used(self) -> None:
        """A step went by the prediction."""
        self.predicted += 1
        self.total += 1
