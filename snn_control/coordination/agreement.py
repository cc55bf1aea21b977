"""Do two sensors tell the same story? One measures a value, the other how fast it changes.

The changes of the value minus the integral of its speed must stay near zero. The difference leaks, so that a small
bias of the speed does not add up for ever: a bias of b is a lasting difference of b times LEAK_S. Both are compared
where the value was sampled: what moved since then says nothing about it.
"""

import math

LEAK_S = 8.0
WILD = 4.0  # tolerances: no drift leads so far, a leap does
WILD_LEAK_S = 1.0  # what a leap left behind is forgotten soon, once it has lasted so long
LONGEST_S = 1.0  # a longer gap of the speed is not bridged


class Agreement:
    """Leaky difference between the changes of a value and an integrated speed."""

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.reset()

    def reset(self) -> None:
        """Forget both sensors."""
        self.gap = self.moved = 0.0  # at the newest sample of the value
        self.running_gap = self.running_move = 0.0  # since then the speed went on
        self.wild_s = 0.0
        self.last_value = self.last_speed = self.speed_s = math.nan

    def value(self, value: float) -> None:
        """A sample of the value; it counts only while the speed is known."""
        if value != self.last_value:
            self.running_move = 0.0
            if not math.isnan(self.last_value) and not math.isnan(self.last_speed):
                self.running_gap += value - self.last_value
        self.gap, self.moved = self.running_gap, self.running_move
        self.last_value = value

    def speed(self, speed: float, stamp_s: float) -> None:
        """A sample of the speed; the mean of two neighbours is what passed between them."""
        dt = stamp_s - self.speed_s
        if 0.0 < dt <= LONGEST_S:
            change = 0.5 * (speed + self.last_speed) * dt
            self.running_gap = (self.running_gap - change) * math.exp(-dt / self._leak_s(dt))
            self.running_move += change
        elif dt != 0.0:  # the first one, a gap, or a clock that was set back
            self.reset()
        self.last_speed, self.speed_s = speed, stamp_s

    def _leak_s(self, dt: float) -> float:
        self.wild_s = self.wild_s + dt if abs(self.running_gap) > WILD * self.tolerance else 0.0
        return WILD_LEAK_S if self.wild_s > WILD_LEAK_S else LEAK_S

    @property
    def disagreement(self) -> float:
        """How far apart the two are, in tolerances."""
        return abs(self.gap) / self.tolerance
