"""From windows of events to motion with confidence, or no decision."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.events.batch import EventBatch
from snn_perception.motion.alignment import Aligner
from snn_perception.motion.delay_layer import FASTEST_PX_S, SPEEDS
from snn_perception.motion.evidence import Evidence, EvidenceGatherer
from snn_perception.motion.motion_fit import fit_motion
from snn_perception.motion.motion_model import MotionModel

SLOWEST_PX_S = FASTEST_PX_S * 2.0 ** (-(SPEEDS - 1) / 2)  # of the layer's neurons; what is slower is standing still


class MotionConfig(Config):
    """How motion is judged."""

    budget: int = Field(300, ge=10, le=1_000_000, description="patches of a window that are judged at most")
    align: int = Field(
        16_000, ge=0, le=1_000_000, description="events at most that refine a motion, 0 = as the layer found it"
    )
    min_events: int = Field(20, ge=1, le=1_000_000, description="events without which a window has no motion")
    min_confidence: float = Field(0.5, ge=0, le=1, description="least confidence of a decision")


class Motion(NamedTuple):
    """Motion of the image; x right, y up, rotation counter-clockwise. NaN and no covariance without a decision.

    The velocity is that of the image where its events are, at their mean `centre_px`: far from there, as at the middle
    when only a corner is busy, it would hang on the rotation. `about` tells it for another point.
    """

    t_us: int  # end of the window
    events: int
    vx_px_s: float
    vy_px_s: float
    rotation_rad_s: float
    divergence_per_s: float  # rate of expansion; time to contact is 1 over it
    covariance: NDArray[np.float64] | None  # (4, 4) of the four above
    confidence: float
    decided: bool
    centre_px: tuple[float, float] = (0.0, 0.0)  # from the sensor's middle

    def about(self, point_px: tuple[float, float] = (0.0, 0.0)) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Motion (4,) and covariance (4, 4) with the velocity at a point, the sensor's middle unless told."""
        shift = moved_to((point_px[0] - self.centre_px[0], point_px[1] - self.centre_px[1]))
        motion = shift @ [self.vx_px_s, self.vy_px_s, self.rotation_rad_s, self.divergence_per_s]
        covariance = np.full((4, 4), math.nan) if self.covariance is None else self.covariance
        return motion, shift @ covariance @ shift.T

    @property
    def speed_px_s(self) -> float:
        """Length of the velocity."""
        return math.hypot(self.vx_px_s, self.vy_px_s)

    @property
    def direction_deg(self) -> float:
        """Angle of the velocity from x, counter-clockwise, -180 to 180."""
        return math.degrees(math.atan2(self.vy_px_s, self.vx_px_s))


class Afterwards(NamedTuple):
    """What came after a window, which only a recording tells."""

    evidence: Evidence  # of the window and what follows, played backwards
    events: EventBatch  # that follow


class Judged(NamedTuple):
    """What a window says, before it is decided."""

    motion: NDArray[np.float64]  # (4,) as in Fit, at the sensor's middle
    covariance: NDArray[np.float64]  # (4, 4)
    features: tuple[float, ...]  # as in Calibration: gain, log patches, log spread, sharpness


class MotionEstimator:
    """Motion of one sensor, window by window."""

    def __init__(self, width: int, height: int, model: MotionModel, config: MotionConfig | None = None) -> None:
        self.config = config or MotionConfig()
        self.calibration = model.header.calibration
        self.gatherer = EvidenceGatherer(width, height, model.weights, self.config.budget)
        self.aligner = Aligner(width, height, self.gatherer.tile, self.config.align)
        self.reach = reach_px(width, height)
        self.evidence: Evidence | None = None  # of the newest window

    def configure(self, config: MotionConfig) -> None:
        """Take over new settings."""
        self.config = config
        self.gatherer.budget, self.aligner.budget = config.budget, config.align

    def reset(self) -> None:
        """Forget all events, as after a jump of the clock."""
        self.gatherer.reset()
        self.aligner.reset()
        self.evidence = None

    def estimate(self, batch: EventBatch, t_us: int, after: Afterwards | None = None) -> Motion:
        """Motion of a window that ends at `t_us`; in hindsight, where it is known what came after."""
        judged = self.judge(batch, after)
        if judged is None or len(batch) < self.config.min_events or flow_px_s(judged.motion, self.reach) < SLOWEST_PX_S:
            return undecided(t_us, len(batch), 0.0)
        confidence = self.confidence(judged)
        if confidence < self.config.min_confidence:
            return undecided(t_us, len(batch), confidence)
        centre = centre_px(batch)
        shift = moved_to(centre)
        vx, vy, rotation, divergence = (shift @ judged.motion).tolist()
        covariance = shift @ judged.covariance @ shift.T
        return Motion(t_us, len(batch), vx, vy, rotation, divergence, covariance, confidence, True, centre)

    def judge(self, batch: EventBatch, after: Afterwards | None = None) -> Judged | None:
        """The most likely motion of a window, whatever it is worth; none where no patch could be judged."""
        self.evidence = self.gatherer.read(batch)
        if after is not None:
            self.evidence = self.evidence.with_reverse(after.evidence)
        fit = fit_motion(self.evidence, self.calibration.correlation)
        if self.config.align:
            self.aligner.remember(batch)
        if fit is None:
            return None
        following = after.events if after is not None else None
        aligned = self.aligner.refine(fit.motion, following) if self.config.align else None
        if aligned is None:
            motion, covariance, sharpness = fit.motion, fit.covariance, 0.0
        else:
            motion, sharpness = aligned.motion, aligned.gain
            covariance = aligned.covariance * self.calibration.redundancy
        return Judged(
            motion, covariance, (fit.gain, math.log(fit.patches), self._spread(motion, covariance), sharpness)
        )

    def _spread(self, motion: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
        """Logarithm of the standard deviation of the flow relative to the flow, over the sensor."""
        c = np.maximum(np.diag(covariance), 0.0)
        deviation = math.sqrt(c[0] + c[1] + self.reach**2 * (c[2] + c[3]))
        return math.log(min(max(deviation / max(flow_px_s(motion, self.reach), 1.0), 1e-3), 1e2))

    def confidence(self, judged: Judged) -> float:
        """Calibrated probability that the flow is right within half of it, as a direction is within 30 degrees."""
        c = self.calibration
        z = c.constant + float(np.dot((c.gain, c.patches, c.spread, c.sharpness), judged.features))
        return 1.0 / (1.0 + math.exp(-min(max(z, -30.0), 30.0)))


def centre_px(batch: EventBatch) -> tuple[float, float]:
    """Where the events are, right of and above the sensor's middle."""
    return float(batch.x.mean()) - 0.5 * (batch.width - 1), 0.5 * (batch.height - 1) - float(batch.y.mean())


def moved_to(offset_px: tuple[float, float]) -> NDArray[np.float64]:
    """What takes a motion (4,) at one point to that at another, so far away."""
    x, y = offset_px
    return np.array([[1.0, 0.0, -y, x], [0.0, 1.0, x, y], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


def undecided(t_us: int, events: int, confidence: float) -> Motion:
    """A window without a decision."""
    nothing = math.nan
    return Motion(t_us, events, nothing, nothing, nothing, nothing, None, confidence, False)


def reach_px(width: int, height: int) -> float:
    """Root mean square distance of a sensor's pixels from its middle (px)."""
    return math.hypot(width, height) / math.sqrt(12)


def flow_px_s(motion: NDArray[np.float64], reach: float) -> float:
    """Root mean square over the sensor of the flow of a motion (4,), or of the difference of two."""
    vx, vy, rotation, divergence = motion.tolist()
    return math.sqrt(vx**2 + vy**2 + reach**2 * (rotation**2 + divergence**2))


def windows(batch: EventBatch, window_us: int) -> Iterator[tuple[int, EventBatch]]:
    """End of each window (us) and its events, from the first event on; windows may be empty."""
    edges = np.arange(batch.t_us[0], batch.t_us[-1] + 1, window_us)
    cuts = np.append(np.searchsorted(batch.t_us, edges), len(batch))
    for edge, first, last in zip(edges, cuts[:-1], cuts[1:], strict=True):
        yield int(edge) + window_us, batch.take(slice(int(first), int(last)))
