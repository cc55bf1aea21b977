"""Event motion in a robot's loop: packets in, motions out; a bounded queue, drops counted and named."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from pydantic import Field

from snn_core.complaints import Complaints
from snn_core.errors import DataError
from snn_core.signals import Health, Level, health
from snn_perception.events.batch import EventBatch, join, make_batch
from snn_perception.events.decoders import EventDecoder, EventPacket
from snn_perception.events.filters import hot_pixels
from snn_perception.events.packets import Packet, PacketReader
from snn_perception.motion.motion_estimator import Motion, MotionConfig, MotionEstimator, undecided
from snn_perception.motion.motion_model import MotionModel
from snn_perception.region_of_interest import RegionOfInterestConfig

LATENCIES = 1000  # newest ones that the percentiles stand for
QUIET_PACKETS = 100  # good packets until an old complaint is forgotten
HOT_FACTOR = 20.0
COST_DECAY = 0.8  # of the dearest recent window, with each that is cheaper
COST_SHARE = 0.2  # of the latency bound that a window should cost; one may just have begun, then comes the packet's own
LEAST_EFFORT, EASING, HASTENING = 0.1, 1.1, 0.5  # of the budgets, where windows cost more; the most that one changes it
LEAST_PATCHES = 50
SENDING_S = 0.004  # that publishing and the transport take of the latency


class MotionLoopConfig(MotionConfig, RegionOfInterestConfig):
    """How packets are queued, cut into windows and used."""

    rate_hz: float = Field(50.0, ge=1, le=1000, description="windows per second of the camera's time (Hz)")
    max_latency_ms: float = Field(
        20.0,
        ge=1,
        le=1000,
        description="motions later than this are not told, packets dropped for it, oldest first (ms)",
    )
    max_queue: int = Field(200, ge=1, le=100_000, description="packets that may wait")
    max_gap_s: float = Field(0.5, gt=0, le=100, description="a jump of the camera's time that starts anew (s)")
    mask_hot_pixels: bool = Field(True, description="leave out pixels that are far busier than the busy ones")
    width: int = Field(640, ge=1, le=8192, description="sensor width, for point clouds, which do not tell (px)")
    height: int = Field(480, ge=1, le=8192, description="sensor height, for point clouds (px)")
    complain_after_s: float = Field(
        2.0, gt=0, le=3600, description="silence of the camera's driver that is an error (s)"
    )


class Waiting(NamedTuple):
    """A packet in the queue; what is dropped is never unpacked."""

    arrived_s: float
    unpack: Callable[[], Packet]


class StampedMotion(NamedTuple):
    """A motion, and the stamp of the packet that completed its window."""

    motion: Motion
    stamp_ns: int


class MotionLoop:
    """Queues packets, drops the oldest when it falls behind, and estimates the motion of every full window."""

    def __init__(self, model: MotionModel, config: MotionLoopConfig) -> None:
        self.model, self.config = model, config
        self.queue: deque[Waiting] = deque()
        self.reader = PacketReader()
        self.estimator: MotionEstimator | None = None
        self.pending: list[EventBatch] = []
        self.window_end_us: int | None = None
        self.newest: Motion | None = None
        self.recent: EventBatch | None = None  # the newest full window
        self.counts: Counter[str] = Counter()
        self.latencies_s: deque[float] = deque(maxlen=LATENCIES)
        self._cost_s = 0.0  # of a window, the dearest of late
        self.effort = 1.0  # share of the budgets that this machine has time for
        self.complaints = Complaints(QUIET_PACKETS)
        self.last_arrival_s, self._rate_hz = -math.inf, 0.0

    def configure(self, config: MotionLoopConfig) -> None:
        """Take over new settings."""
        if self.estimator is not None:
            self.estimator.configure(config)
        self.config = config

    def push(self, unpack: Callable[[], Packet], arrived_s: float) -> None:
        """A packet has come; where the queue is full the oldest goes."""
        self.last_arrival_s = arrived_s
        if len(self.queue) >= self.config.max_queue:
            self.queue.popleft()
            self._drop()
        self.queue.append(Waiting(arrived_s, unpack))

    def _drop(self) -> None:
        self.counts["dropped_packets"] += 1
        self.reader.skip()
        self.complaints.tell("dropped", f"falling behind: {self.counts['dropped_packets']} packets dropped")

    def work(self, clock: Callable[[], float] = time.perf_counter) -> list[StampedMotion]:
        """Use what waits, oldest first, until a window is full; what would come too late is dropped.

        Too late is what has waited for so long that a window, at what the dearest of late cost, would be past
        `max_latency_ms`; what comes during a window is noticed after it, so that one counts too. The newest packet is
        always used. A motion that is late all the same is counted, not told.
        """
        while self.queue:
            waiting, began_s = self.queue.popleft(), clock()
            late_s = self.config.max_latency_ms * 1e-3 - SENDING_S - 2 * self._cost_s
            if self.queue and began_s - waiting.arrived_s > late_s:
                self._drop()
                continue
            found = self._take(waiting)
            if found:
                now_s = clock()
                self._pace(now_s - began_s)
                if now_s - waiting.arrived_s > self.config.max_latency_ms * 1e-3 - SENDING_S:
                    self.counts["late_motions"] += len(found)
                    self.complaints.tell(
                        "late", f"too slow: {self.counts['late_motions']} motions were late and not told"
                    )
                    continue
                self.latencies_s.append(now_s - waiting.arrived_s)
                return found
        return []

    def _pace(self, cost_s: float) -> None:
        """Fewer patches and events for each window, where one takes too long; more again as soon as there is time."""
        self._cost_s = max(cost_s, COST_DECAY * self._cost_s)
        goal_s = COST_SHARE * self.config.max_latency_ms * 1e-3
        change = min(max(goal_s / max(cost_s, 1e-9), HASTENING), EASING)
        self.effort = min(max(self.effort * change, LEAST_EFFORT), 1.0)
        if self.estimator is not None:
            budget = max(round(self.config.budget * self.effort), LEAST_PATCHES)
            align = round(self.config.align * self.effort)
            self.estimator.configure(self.config.model_copy(update={"budget": budget, "align": align}))

    def _take(self, waiting: Waiting) -> list[StampedMotion]:
        try:
            packet = waiting.unpack()
            batch = self.reader.read(packet, (self.config.width, self.config.height))
        except DataError as error:
            self.counts["bad_packet"] += 1
            self.complaints.tell("bad", str(error))
            return []
        self.counts["packets"] += 1
        self.complaints.good()
        if not len(batch):
            self.counts["empty_packets"] += 1
            return []
        self.counts["events"] += len(batch)
        self._follow(batch)
        return [StampedMotion(motion, packet.stamp_ns) for motion in self._windows(self._region(batch))]

    def _follow(self, batch: EventBatch) -> None:
        """A new sensor, a gap or a clock that was set begins anew."""
        size = (batch.width, batch.height)
        gatherer = self.estimator.gatherer if self.estimator is not None else None
        if gatherer is None or (gatherer.width, gatherer.height) != size:
            self.counts["sensor_changed"] += gatherer is not None
            self.estimator = MotionEstimator(*size, self.model, self.config)
            self.pending, self.window_end_us = [], None
        if self.window_end_us is None:
            self.window_end_us = int(batch.t_us[0]) + self._window_us()
        ahead_s = (int(batch.t_us[0]) - self.window_end_us) * 1e-6
        if not -1.0 / self.config.rate_hz - self.config.max_gap_s <= ahead_s <= self.config.max_gap_s:
            self.counts["time_jumps"] += 1
            self.complaints.tell("jump", f"time jumped by {ahead_s:+.3f} s: starting anew")
            if self.estimator is not None:
                self.estimator.reset()
            self.pending, self.window_end_us = [], int(batch.t_us[0]) + self._window_us()

    def _window_us(self) -> int:
        return round(1e6 / self.config.rate_hz)

    def _region(self, batch: EventBatch) -> EventBatch:
        config = self.config
        if (config.roi_left, config.roi_top, config.roi_right, config.roi_bottom) == (0.0, 0.0, 1.0, 1.0):
            return batch
        inside = (batch.x >= config.roi_left * batch.width) & (batch.x < config.roi_right * batch.width)
        inside &= (batch.y >= config.roi_top * batch.height) & (batch.y < config.roi_bottom * batch.height)
        return batch.take(inside)

    def _windows(self, batch: EventBatch) -> list[Motion]:
        """Close every window that ends before the newest event."""
        motions: list[Motion] = []
        end_us = self.window_end_us
        while end_us is not None and len(batch) and batch.t_us[-1] >= end_us:
            cut = int(np.searchsorted(batch.t_us, end_us))
            motions.append(self._close([*self.pending, batch.take(slice(0, cut))], end_us))
            batch, self.pending = batch.take(slice(cut, None)), []
            end_us = max(end_us + self._window_us(), int(batch.t_us[0]) + 1 if len(batch) else 0)
        self.window_end_us = end_us
        if len(batch):
            self.pending.append(batch)
        return motions

    def _close(self, parts: list[EventBatch], end_us: int) -> Motion:
        parts = [part for part in parts if len(part)]
        window = join(parts) if parts else None
        if window is None or self.estimator is None:
            self.counts["empty_windows"] += 1
            return undecided(end_us, 0, 0.0)
        self.counts["out_of_order"] += window.faults.get("out_of_order", 0)
        if self.config.mask_hot_pixels:
            hot = hot_pixels(window, HOT_FACTOR)[window.y, window.x]
            self.counts["hot_events"] += int(np.count_nonzero(hot))
            window = window.take(~hot) if hot.any() else window
        self.newest, self.recent = self.estimator.estimate(window, end_us), window
        self._rate_hz = len(window) * self.config.rate_hz
        self.counts["windows"] += 1
        self.counts["no_decision"] += not self.newest.decided
        return self.newest

    def health(self, now_s: float) -> Health:
        """Events per second, drops, latency, confidence and trust; a still scene is quiet, not dead."""
        complaints = []
        silence_s = now_s - self.last_arrival_s
        if silence_s > self.config.complain_after_s:
            newest = "no packet yet" if math.isinf(silence_s) else f"no packet for {silence_s:.1f} s"
            complaints.append((Level.ERROR, f"{newest} (limit {self.config.complain_after_s:g} s)"))
        complaints += self.complaints.listed()
        p50, p99 = np.percentile(self.latencies_s, (50, 99)) if self.latencies_s else (math.nan, math.nan)
        confidence = self.newest.confidence if self.newest is not None else 0.0
        values: dict[str, float | int | str] = {
            "events_per_s": self._rate_hz, "latency_p50_ms": float(p50) * 1e3, "latency_p99_ms": float(p99) * 1e3,
            "confidence": confidence, "trust": 0.0 if complaints else confidence, "waiting": len(self.queue),
            "effort": self.effort,
            **self.counts, **self.reader.counts,
        }  # fmt: skip
        decided = self.newest is not None and self.newest.decided
        return health(complaints, values, "moving" if decided else "quiet or undecided")


def warm(model: MotionModel) -> None:
    """Compile every kernel, with a toy recording."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 30, (2, 400))
    batch = make_batch(x, y, np.sort(rng.integers(0, 20_000, 400)), rng.random(400) < 0.5, (30, 30))
    MotionEstimator(30, 30, model, MotionConfig(min_events=1, min_confidence=0.0)).estimate(batch, 0)
    EventDecoder().decode(EventPacket(b"\x00\x80\x00\x00\x00\x20", "evt3", 30, 30))
