"""Velocity over ground in a robot's loop: events, heights and turning rates in; velocities out, and why there are none.

A period of events ends with a packet. Its velocity needs a height of about that time; without a turning rate it goes
on uncorrected for pitch and roll, and says how little it then knows.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.complaints import Complaints
from snn_core.errors import DataError
from snn_core.reading_check import ReadingCheck
from snn_core.signals import AltitudeReading, Health, Level, Verdict, health
from snn_core.stamps import judge_stamp
from snn_perception.events.batch import EventBatch, join
from snn_perception.events.filters import hot_pixels
from snn_perception.events.packets import Packet, PacketReader
from snn_perception.motion.ground_odometer import GroundOdometer, GroundVelocity
from snn_perception.motion.motion_model import MotionModel
from snn_perception.motion.velocity_config import VelocityLoopConfig, odometer_config

Array = NDArray[np.float64]
LATENCIES = 1000  # newest ones that the percentiles stand for
QUIET_PACKETS = 100  # good packets until an old complaint is forgotten
FULL = 0.9  # of a period's length, after which the end of a packet ends it
HOT_FACTOR = 20.0
RATES_KEPT = 400
FASTEST_RADPS = 100.0  # turning rates beyond are no blimp's


class Rates(NamedTuple):
    """Turning rates of the robot."""

    stamp_s: float
    radps: Array  # (3,) about forward, left, up


class StampedVelocity(NamedTuple):
    """Velocity over ground at the end of a period of events."""

    velocity: GroundVelocity
    covariance: Array  # (2, 2) of forward and left, (m/s)^2
    stamp_s: float


class VelocityLoop:
    """Judges what sensors say, and measures the velocity of each full period of events."""

    def __init__(self, model: MotionModel, config: VelocityLoopConfig) -> None:
        self.model, self.config = model, config
        self.reader, self.check = PacketReader(), ReadingCheck(config)
        self.rates: deque[Rates] = deque(maxlen=RATES_KEPT)
        self.lens: tuple[float, tuple[int, int]] | None = None  # focal length (px), and the sensor that it is of
        self.odometer: GroundOdometer | None = None
        self.pending: list[EventBatch] = []
        self.begun_us: int | None = None
        self.told: StampedVelocity | None = None
        self.ended_s: float | None = None  # end of the newest period
        self.counts: Counter[str] = Counter()
        self.complaints = Complaints(QUIET_PACKETS)
        self.latencies_s: deque[float] = deque(maxlen=LATENCIES)
        self.heard_s, self._refused = -math.inf, 0

    def configure(self, config: VelocityLoopConfig) -> None:
        """Take over new settings."""
        self.config = self.check.config = config
        if self.odometer is not None:
            self.odometer.configure(odometer_config(config))

    def take_lens(self, focal_px: float | None, size: tuple[int, int]) -> None:
        """What the camera says about itself, none where that cannot be; of another sensor it is of no use."""
        self.counts["lens_refused" if focal_px is None else "lens_ok"] += 1
        if focal_px is not None:
            self.lens = (focal_px, size)

    def take_range(self, reading: AltitudeReading, now_s: float) -> Verdict:
        """A height above what the event camera sees."""
        return self.check.take(reading, now_s)

    def take_rates(self, rates: Rates, now_s: float) -> Verdict:
        """Turning rates; those that are late, doubled or no numbers are counted and refused."""
        config, last_s = self.config, self.rates[-1].stamp_s if self.rates else None
        verdict = judge_stamp(rates.stamp_s, now_s, last_s, config.max_rates_age_s, config.future_tolerance_s)
        if verdict is Verdict.OK and not np.isfinite(rates.radps).all():
            verdict = Verdict.NON_FINITE
        if verdict is Verdict.OK and np.abs(rates.radps).max() > FASTEST_RADPS:
            verdict = Verdict.OUT_OF_RANGE
        self.counts[f"imu_{verdict.value}"] += 1
        if verdict is not Verdict.OK:
            self.complaints.tell("imu", f"imu refused, {verdict.value}: {now_s - rates.stamp_s:.3f} s old")
            return verdict
        if last_s is not None and rates.stamp_s < last_s:
            self.rates.clear()  # the clock was set back
        self.rates.append(rates)
        return verdict

    def take_events(self, unpack: Callable[[], Packet], waited_s: float, now_s: float) -> StampedVelocity | None:
        """The velocity of the period that this packet ends, if it ends one and its events tell.

        Args:
            unpack: gives the packet, or raises a DataError.
            waited_s: how long ago it was received; what waited too long is dropped unseen.
            now_s: time of the clock that stamps are of.
        """
        self.heard_s = now_s
        if waited_s > self.config.max_wait_s:
            self.counts["dropped_packets"] += 1
            self.reader.skip()
            self.complaints.tell("dropped", f"falling behind: {self.counts['dropped_packets']} packets dropped")
            return None
        began_s = time.perf_counter()
        try:
            packet = unpack()
            batch = self.reader.read(packet, (self.config.width, self.config.height))
        except DataError as error:
            self.counts["bad_packet"] += 1
            self.complaints.tell("bad", str(error))
            return None
        self.counts["packets"] += 1
        self.complaints.good()
        if not len(batch):
            self.counts["empty_packets"] += 1
            return None
        self._follow(batch)
        found = self._end_period(packet.offset_us(batch), now_s)
        if found is not None:
            self.latencies_s.append(waited_s + time.perf_counter() - began_s)
        return found

    def _follow(self, batch: EventBatch) -> None:
        """Keep the events for the period; another sensor, a gap or a clock that was set begins anew."""
        self.counts["events"] += len(batch)
        before = self.pending[-1] if self.pending else None
        if before is not None and (before.width, before.height) != (batch.width, batch.height):
            self.counts["sensor_changed"] += 1
            self.pending, self.begun_us = [], None
        ended_us = int(self.pending[-1].t_us[-1]) if self.pending else self.begun_us
        if ended_us is not None:
            gap_s = (int(batch.t_us[0]) - ended_us) * 1e-6
            if not -self.config.max_gap_s <= gap_s <= self.config.max_gap_s:
                self.counts["gaps"] += 1
                if gap_s < 0.0:
                    self.complaints.tell("jump", f"events jumped back by {-gap_s:.3f} s: starting anew")
                self.pending, self.begun_us = [], None
                if self.odometer is not None:
                    self.odometer.reset()
        if self.begun_us is None:
            self.begun_us = int(batch.t_us[0])
        self.pending.append(batch)

    def _end_period(self, offset_us: int, now_s: float) -> StampedVelocity | None:
        """The velocity of what is pending, where that is long enough."""
        end_us, begun_us = int(self.pending[-1].t_us[-1]), self.begun_us or 0
        length_s = (end_us - begun_us) * 1e-6
        if length_s < FULL / self.config.rate_hz:
            return None
        period, self.pending, self.begun_us = join(self.pending), [], end_us
        self.counts["periods"] += 1
        self.counts["out_of_order"] += period.faults.get("out_of_order", 0)
        if self.config.mask_hot_pixels:
            hot = hot_pixels(period, HOT_FACTOR)[period.y, period.x]
            self.counts["hot_events"] += int(np.count_nonzero(hot))
            period = period.take(~hot) if hot.any() else period
        return self._measure(period, (end_us + offset_us) * 1e-6, length_s, now_s)

    def _measure(self, period: EventBatch, end_s: float, length_s: float, now_s: float) -> StampedVelocity | None:
        config = self.config
        verdict = judge_stamp(end_s, now_s, self.ended_s, config.max_event_age_s, config.future_tolerance_s)
        if verdict is not Verdict.OK:
            self.counts[f"events_{verdict.value}"] += 1
            self.complaints.tell("stamp", f"events refused, {verdict.value}: {now_s - end_s:.3f} s old")
            return None
        self.ended_s = end_s
        odometer, height_m = self._odometer((period.width, period.height)), self._height_m(end_s)
        if odometer is None or height_m is None:
            self.counts["no_focal_length" if odometer is None else "no_height"] += 1
            return None
        rates = self._rates(end_s)
        self.counts["no_rates"] += rates is None
        velocity = odometer.measure(period, np.zeros(3) if rates is None else rates, height_m, length_s)
        if velocity is None:
            self.counts["undecided"] += 1
            return None
        tilt_mps = config.tilt_rate_radps * height_m if rates is None else 0.0
        others = [config.least_error_mps**2 + (config.scale_error * value) ** 2 + tilt_mps**2 for value in velocity]
        self.counts["velocities"] += 1
        self.told = StampedVelocity(velocity, odometer.covariance + np.diag(others), end_s)
        return self.told

    def _odometer(self, size: tuple[int, int]) -> GroundOdometer | None:
        """The odometer of that sensor; none while its focal length is unknown."""
        focal_px = self.focal_px(size)
        if focal_px is None:
            return None
        if self.odometer is None or self.odometer.size != size:
            self.odometer = GroundOdometer(size, focal_px, self.model, odometer_config(self.config))
        self.odometer.focal_px = focal_px
        return self.odometer

    def focal_px(self, size: tuple[int, int]) -> float | None:
        """Focal length of the sensor of that size, as far as it is known."""
        if self.lens is not None and self.lens[1] == size:
            return self.lens[0]
        return self.config.focal_px or None

    def _height_m(self, end_s: float) -> float | None:
        last = self.check.last
        if last is None or abs(end_s - last.stamp_s) > self.config.max_height_age_s:
            return None
        return last.height_m

    def _rates(self, end_s: float) -> Array | None:
        """Turning rates (3,) nearest the end of a period."""
        nearest = min(self.rates, key=lambda rates: abs(end_s - rates.stamp_s), default=None)
        if nearest is None or abs(end_s - nearest.stamp_s) > self.config.max_rates_age_s:
            return None
        return nearest.radps

    def health(self, now_s: float) -> Health:
        """What is missing, what was refused, how much was used; a robot that stands still makes few events."""
        refused = self.check.counts.total() - self.check.counts[Verdict.OK]
        fresh, self._refused = refused - self._refused, refused
        complaints = [*self._missing(now_s), *self.complaints.listed()]
        if fresh > 0:
            complaints.append((Level.WARN, f"{fresh} ranges refused, the last one {self.check.complaint}"))
        p50, p99 = np.percentile(self.latencies_s, (50, 99)) if self.latencies_s else (math.nan, math.nan)
        age_s = now_s - self.told.stamp_s if self.told is not None else math.inf
        moving = self.told is not None and abs(age_s) <= self.config.complain_after_s
        forward, left = self.told.velocity if self.told is not None and moving else (math.nan, math.nan)
        worst = max((level for level, _ in complaints), default=Level.OK)
        values: dict[str, float | int | str] = {
            "forward_mps": forward, "left_mps": left, "latency_p50_ms": float(p50) * 1e3,
            "latency_p99_ms": float(p99) * 1e3, "trust": 0.0 if worst is Level.ERROR else 0.5 if complaints else 1.0,
            **{f"range_{verdict.value}": self.check.counts[verdict] for verdict in Verdict},
            **self.counts, **self.reader.counts,
        }  # fmt: skip
        fine = f"{forward:+.2f} m/s ahead, {left:+.2f} to the left" if moving else "events tell no velocity"
        return health(complaints, values, fine)

    def _missing(self, now_s: float) -> list[tuple[Level, str]]:
        """Inputs that are silent or of no use; each says what follows."""
        limit_s = self.config.complain_after_s
        range_s = self.check.last.stamp_s if self.check.last is not None else -math.inf
        rates_s = self.rates[-1].stamp_s if self.rates else -math.inf
        size = self.odometer.size if self.odometer is not None else (self.config.width, self.config.height)
        found = [
            (now_s - self.heard_s > limit_s, Level.ERROR, f"no packet of events {_since(now_s, self.heard_s)}"),
            (
                now_s - range_s > max(limit_s, self.config.max_height_age_s), Level.ERROR,
                f"no velocity without a height: no range {_since(now_s, range_s)}",
            ),
            (
                now_s - rates_s > limit_s, Level.WARN,
                f"not corrected for pitch and roll: no imu {_since(now_s, rates_s)}",
            ),
            (self.focal_px(size) is None, Level.ERROR, self._no_focal_length(size)),
        ]  # fmt: skip
        return [(level, text) for holds, level, text in found if holds]

    def _no_focal_length(self, size: tuple[int, int]) -> str:
        if self.lens is None:
            return "no velocity without a focal length: expected camera_info of the event camera, or focal_px"
        (width, height), (other, tall) = size, self.lens[1]
        return f"no velocity: camera_info is of {other} x {tall} px, expected that of the events, {width} x {height}"


def _since(now_s: float, then_s: float) -> str:
    return "yet" if math.isinf(then_s) else f"for {now_s - then_s:.1f} s"
