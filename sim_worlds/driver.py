"""The motor driver of a simulated vehicle: like a real one, it stops by itself when commands stop coming."""

import math

from snn_core.signals import Command, Verdict
from snn_core.stamps import judge_stamp

FUTURE_TOLERANCE_S = 0.05


class MotorDriver:
    """Holds the newest command until it is older than the timeout, counted from its stamp."""

    def __init__(self, timeout_s: float, limit: float = 10.0) -> None:
        self.timeout_s, self.limit = timeout_s, limit
        self.command: Command | None = None

    def offer(self, command: Command, now_s: float) -> Verdict:
        """Take a command; the same stamp may come again with another value, as a slew limiter upstream sends it."""
        last_s = self.command.stamp_s if self.command else None
        verdict = judge_stamp(command.stamp_s, now_s, last_s, self.timeout_s, FUTURE_TOLERANCE_S)
        if verdict is Verdict.DUPLICATE:
            verdict = Verdict.OK
        if verdict is Verdict.OK and not math.isfinite(command.value):
            verdict = Verdict.NON_FINITE
        if verdict is Verdict.OK:
            self.command = command
        return verdict

    def value(self) -> float:
        """The command that drives the motors while it lasts, inside the limits."""
        return max(-self.limit, min(self.limit, self.command.value)) if self.command else 0.0

    def remaining_s(self, now_s: float) -> float:
        """How much longer the newest command lasts; 0 when the motors are off."""
        return max(0.0, self.command.stamp_s + self.timeout_s - now_s) if self.command else 0.0

    def reset(self) -> None:
        """Motors off."""
        self.command = None
