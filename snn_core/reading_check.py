"""Judging range readings before a controller sees them."""

import math
from collections import Counter

from pydantic import Field

from snn_core.config import Config
from snn_core.signals import AltitudeReading, Verdict
from snn_core.stamps import judge_stamp

UNITS = ((0.01, "centimetres"), (0.001, "millimetres"), (0.3048, "feet"))


class ReadingConfig(Config):
    """What a believable reading is."""

    max_reading_age_s: float = Field(0.2, gt=0, le=10, description="oldest reading that is flown on (s)")
    future_tolerance_s: float = Field(0.05, ge=0, le=1, description="how far a stamp may be ahead of the clock (s)")
    max_height_m: float = Field(20.0, gt=0, le=10000, description="highest believable height (m)")
    max_speed_mps: float = Field(3.0, gt=0, le=100, description="fastest believable climb or descent (m/s)")
    jump_margin_m: float = Field(0.3, ge=0, le=100, description="change believed regardless of speed (m)")
    accept_unstamped: bool = Field(False, description="give readings without a stamp the time of their arrival")


def judge_reading(
    reading: AltitudeReading, last: AltitudeReading | None, now_s: float, config: ReadingConfig
) -> Verdict:
    """Verdict on a reading; `last` is the newest one accepted. Infinities mean what REP-117 says.

    A jump is believed once enough time has passed since `last` for the vehicle to have flown it.
    """
    last = None if last and last.stamp_s > now_s + config.future_tolerance_s else last
    last_s = last.stamp_s if last else None
    timing = judge_stamp(reading.stamp_s, now_s, last_s, config.max_reading_age_s, config.future_tolerance_s)
    if timing is not Verdict.OK:
        return timing
    value = _judge_value(reading, config.max_height_m)
    if value is Verdict.OK and last and not _reachable(reading.height_m, reading.stamp_s, last, config):
        return Verdict.JUMP
    return value


def _judge_value(reading: AltitudeReading, max_height_m: float) -> Verdict:
    height, low, high = reading.height_m, reading.min_m, reading.max_m
    if math.isnan(height):
        return Verdict.NON_FINITE
    if math.isinf(height):
        return Verdict.NO_RETURN if height > 0.0 else Verdict.TOO_CLOSE
    if height < 0.0:
        return Verdict.NEGATIVE
    if not low < high:
        return Verdict.BAD_LIMITS
    return Verdict.OK if low <= height <= min(high, max_height_m) else Verdict.OUT_OF_RANGE


def _reachable(height_m: float, stamp_s: float, last: AltitudeReading, config: ReadingConfig) -> bool:
    flown = config.max_speed_mps * (stamp_s - last.stamp_s)
    return abs(height_m - last.height_m) <= config.jump_margin_m + flown


def describe(reading: AltitudeReading, last: AltitudeReading | None, now_s: float, config: ReadingConfig) -> str:
    """The values that speak against a reading, with the unit that it may have been given in."""
    text = f"range {reading.height_m:.6g} m, limits {reading.min_m:.6g} to {reading.max_m:.6g} m"
    text += f", {now_s - reading.stamp_s:.3f} s old"
    if last is None:
        return text
    fits = [name for scale, name in UNITS if _reachable(reading.height_m * scale, reading.stamp_s, last, config)]
    wrong_unit = fits and abs(reading.height_m) > last.height_m + config.jump_margin_m
    return f"{text}, previous {last.height_m:.6g} m" + (f": is it in {fits[0]}?" if wrong_unit else "")


class ReadingCheck:
    """Judge with memory: the newest accepted reading, a count per verdict, and why the newest refusal was made."""

    def __init__(self, config: ReadingConfig) -> None:
        self.config = config
        self.counts: Counter[Verdict] = Counter()
        self.complaint = ""
        self.last: AltitudeReading | None = None

    def take(self, reading: AltitudeReading, now_s: float) -> Verdict:
        """Judge and count; only an accepted reading becomes the memory that later ones are judged by."""
        if reading.stamp_s == 0.0 and self.config.accept_unstamped:
            reading = AltitudeReading(reading.height_m, now_s, reading.min_m, reading.max_m)
        verdict = judge_reading(reading, self.last, now_s, self.config)
        self.counts[verdict] += 1
        if verdict is Verdict.OK:
            self.last = reading
        else:
            self.complaint = f"{verdict.value}: {describe(reading, self.last, now_s, self.config)}"
        return verdict

    def refuse(self, verdict: Verdict, complaint: str) -> None:
        """Count a reading that was refused before its value was looked at."""
        self.counts[verdict] += 1
        self.complaint = f"{verdict.value}: {complaint}"

    def reset(self) -> None:
        """Forget the newest reading; the counts stay."""
        self.last = None
