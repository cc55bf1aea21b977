"""The flow of an altitude controller, spiking or not: judge the reading, keep the pace, step, stamp the command."""

import math
from collections import Counter
from typing import NamedTuple

from pydantic import Field, model_validator

from snn_control.controllers import Controller
from snn_control.height_bridge import HeightBridge
from snn_core.reading_check import ReadingCheck, ReadingConfig
from snn_core.signals import AltitudeReading, Command, Health, Level, Verdict, health

SATURATED = 0.99  # share of the limit
REHEARSAL = 20  # steps that a new controller flies along before it commands
LATE = 1.25  # periods after a reading without the next one
NOTICEABLE_ERROR_M = 0.05  # below it a silent network is at rest, not dead


class LoopConfig(ReadingConfig):
    """Pace, targets and what to complain about."""

    dt_s: float = Field(0.1, ge=0.001, le=10, description="control period (s)")
    target_min_m: float = Field(0.0, ge=0, le=10000, description="lowest target that is accepted (m)")
    target_max_m: float = Field(10.0, gt=0, le=10000, description="highest target that is accepted (m)")
    target_timeout_s: float = Field(
        0.0, ge=0, le=3600, description="age of a target that withholds commands, 0 = it holds for ever (s)"
    )
    hold_s: float = Field(
        0.25,
        ge=0,
        le=10,
        description="age of a reading up to which the newest command is repeated (s)",
    )
    restart_after_s: float = Field(2.0, gt=0, le=3600, description="gap in the readings that resets the controller (s)")
    max_predicted_steps: int = Field(
        3, ge=0, le=20, description="control steps in a row on predicted heights while the sensor sleeps by order"
    )
    complain_after_s: float = Field(
        5.0, gt=0, le=3600, description="saturation that is worth a warning, silence that withholds commands (s)"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "LoopConfig":
        if self.target_min_m >= self.target_max_m:
            raise ValueError(f"target_min_m {self.target_min_m} must be below target_max_m {self.target_max_m}")
        return self


class Pace(NamedTuple):
    """When the controller stepped last, and when it is due again."""

    stepped_s: float
    due_s: float


def pace_step(pace: Pace | None, stamp_s: float, dt_s: float) -> Pace | None:
    """The pace after a step at `stamp_s`, or None where no step is due.

    A reading may be half a period early, so that jitter costs no step. On average there is at most one step per period,
    however fast the sensor, and a burst after a gap does not make up for the steps that were missed.
    """
    if pace is None:
        return Pace(stamp_s, stamp_s + dt_s)
    if stamp_s < pace.due_s - 0.5 * dt_s:
        return None
    return Pace(stamp_s, max(pace.due_s, stamp_s) + dt_s)


class AltitudeLoop:
    """A controller with its inputs checked; every refusal and step is counted."""

    def __init__(self, config: LoopConfig, controller: Controller) -> None:
        self.config, self.controller = config, controller
        self.shadow: Controller | None = None  # flies along, and takes over after its rehearsal
        self.rehearsed = 0
        self.check = ReadingCheck(config)
        self.counts: Counter[str] = Counter()
        self.target_m: float | None = None
        self.target_s = 0.0  # when it came
        self.command: Command | None = None
        self.silent_s = self.saturated_s = 0.0
        self.interval_s = config.dt_s  # smoothed
        self.pace: Pace | None = None
        self.bridge = HeightBridge()
        self.off_target_steps = 0
        self._refused = 0

    def configure(self, config: LoopConfig) -> None:
        """Exchange the settings in flight; memory stays."""
        self.config = self.check.config = config

    def reset(self) -> None:
        """Forget the flight; the target and the counts stay."""
        self.controller.reset()
        self.check.reset()
        self.bridge.reset()
        self.pace = self.command = None
        self.silent_s = self.saturated_s = 0.0
        self.interval_s = self.config.dt_s

    def exchange(self, controller: Controller) -> None:
        """Fly with another controller from now on, after it has flown along for REHEARSAL steps without a fault."""
        self.shadow, self.rehearsed = controller, 0

    def _rehearse(self, target_m: float, height_m: float, elapsed_s: float) -> None:
        if self.shadow is None:
            return
        self.rehearsed += 1
        if not math.isfinite(self.shadow.step(target_m, height_m, elapsed_s)):
            self.shadow = None
            self.counts["exchanges_refused"] += 1
        elif self.rehearsed >= REHEARSAL:
            self.controller, self.shadow = self.shadow, None
            self.counts["exchanges"] += 1

    def take_target(self, height_m: float, now_s: float = 0.0) -> bool:
        """Fly to this height from now on; a target that is not finite or outside the limits changes nothing."""
        good = self.config.target_min_m <= height_m <= self.config.target_max_m
        self.counts["target_ok" if good else "target_refused"] += 1
        if good:
            self.target_m, self.target_s = height_m, now_s
        return good

    def take_reading(self, reading: AltitudeReading, now_s: float) -> Command | None:
        """The command that answers this reading, or None: refused, too early for a step, or nothing to fly to."""
        if self.check.take(reading, now_s) is not Verdict.OK or self.check.last is None:
            return None
        self.bridge.learn(reading.height_m, self.check.last.stamp_s)
        return self._take_height(reading.height_m, self.check.last.stamp_s, now_s)

    def take_tick(self, now_s: float) -> Command | None:
        """The command of a period in which the sensor sleeps by order, on a predicted height; else None."""
        height_m = self.bridge.height(now_s, self.config.dt_s, self.config.max_predicted_steps)
        steps = self.counts["steps"]
        command = self._take_height(height_m, now_s, now_s) if height_m is not None else None
        if self.counts["steps"] > steps:
            self.bridge.used()
        return command

    def _take_height(self, height_m: float, stamp_s: float, now_s: float) -> Command | None:
        if self.target_m is None:
            return None
        elapsed_s = stamp_s - self.pace.stepped_s if self.pace else self.config.dt_s
        if elapsed_s < 0.0 or elapsed_s > self.config.restart_after_s:
            self.counts["restarts"] += 1
            self.controller.reset()
            self.pace, elapsed_s = None, self.config.dt_s
        pace = pace_step(self.pace, stamp_s, self.config.dt_s)
        if pace is None:
            self.counts["early"] += 1
            return None
        self.pace = pace
        return self._step(height_m, elapsed_s, now_s)

    def hold(self, now_s: float) -> Command | None:
        """The newest command once more where a reading is late, or None: it is not, or it is too late.

        A gate cannot tell a lost reading from a dead controller; a controller that lives says so.
        """
        last = self.check.last
        if self.command is None or last is None or now_s - last.stamp_s > self.config.hold_s:
            return None
        stepped_s = max(last.stamp_s, self.pace.stepped_s) if self.pace else last.stamp_s  # on a predicted height too
        if now_s - stepped_s <= LATE * self.config.dt_s:
            return None
        self.counts["holds"] += 1
        self.command = Command(self.command.value, now_s)
        return self.command

    def _step(self, height_m: float, elapsed_s: float, now_s: float) -> Command | None:
        target_m = self.target_m or 0.0
        value = self.controller.step(target_m, height_m, elapsed_s)
        self._rehearse(target_m, height_m, elapsed_s)
        self.counts["steps"] += 1
        if not math.isfinite(value):
            self.counts["non_finite_commands"] += 1
            self.controller.reset()
            self.command = None
            return None
        self.interval_s += 0.2 * (elapsed_s - self.interval_s)
        off_target = abs(target_m - height_m) > NOTICEABLE_ERROR_M
        self.off_target_steps += off_target
        silent = self.controller.spikes == 0 and off_target
        self.silent_s = self.silent_s + elapsed_s if silent else 0.0
        saturated = abs(value) >= SATURATED * self.controller.limit
        self.saturated_s = self.saturated_s + elapsed_s if saturated else 0.0
        if self.dead or self._aimless(now_s):
            self.counts["withheld_commands"] += 1
            self.command = None
            return None
        self.command = Command(value, now_s)
        return self.command

    @property
    def dead(self) -> bool:
        """Whether the output has been silent too long in spite of an error; commands are then withheld.

        The gate hands over to the next controller, and back when spikes return.
        """
        return self.silent_s > self.config.complain_after_s

    def _aimless(self, now_s: float) -> bool:
        """Whether the target is too old to be flown to."""
        return 0.0 < self.config.target_timeout_s < now_s - self.target_s

    def health(self, now_s: float) -> Health:
        """What is wrong and how often it happened."""
        counts = {f"range_{verdict.value}": self.check.counts[verdict] for verdict in Verdict}
        names = (
            "target_ok",
            "target_refused",
            "steps",
            "early",
            "restarts",
            "holds",
            "non_finite_commands",
            "withheld_commands",
            "exchanges",
            "exchanges_refused",
        )
        values: dict[str, float | int | str] = {**counts, **{name: self.counts[name] for name in names}}
        values["last_refused_range"] = self.check.complaint
        values |= {"predicted_steps": self.bridge.total, "off_target_steps": self.off_target_steps}
        values |= self.controller.counters()
        return health(self._complaints(now_s), values)

    @property
    def _age_limit_s(self) -> float:
        """How old the newest reading may be; a sensor that sleeps by order is well."""
        limit_s, asked_hz = self.config.max_reading_age_s, self.bridge.asked_hz
        return max(limit_s, 1.0 / asked_hz + 0.5 * limit_s) if asked_hz is not None else limit_s

    def _complaints(self, now_s: float) -> list[tuple[Level, str]]:
        """What holds now, and the refusals since the report before."""
        refused = self.check.counts.total() - self.check.counts[Verdict.OK]
        fresh, self._refused = refused - self._refused, refused
        age_s = now_s - self.check.last.stamp_s if self.check.last else math.inf
        aim_s = now_s - self.target_s
        limit_s, long_s = self._age_limit_s, self.config.complain_after_s
        found = [
            (age_s > limit_s, Level.ERROR, f"no range for {age_s:.2f} s (limit {limit_s} s)"),
            (self.target_m is None, Level.WARN, "no target yet"),
            (
                self.target_m is not None and self._aimless(now_s),
                Level.ERROR,
                f"commands withheld, no target for {aim_s:.1f} s (limit {self.config.target_timeout_s} s)",
            ),
            (fresh > 0, Level.WARN, f"{fresh} ranges refused, the last one {self.check.complaint}"),
            (self.dead, Level.ERROR, f"commands withheld, output silent for {self.silent_s:.1f} s"),
            (self.saturated_s > long_s, Level.WARN, f"command at its limit for {self.saturated_s:.1f} s"),
            (
                self.interval_s > 1.5 * self.config.dt_s,
                Level.WARN,
                f"steps at {1.0 / self.interval_s:.1f} Hz, expected {1.0 / self.config.dt_s:.1f} Hz",
            ),
        ]
        return [(level, text) for holds, level, text in found if holds]
