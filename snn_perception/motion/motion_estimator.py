"""From windows of events to motion with confidence, or no decision."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.events.batch import EventBatch
from snn_perception.motion.evidence import Evidence, EvidenceGatherer
from snn_perception.motion.motion_fit import Fit, fit_motion
from snn_perception.motion.motion_model import Calibration, MotionModel


class MotionConfig(Config):
    """How motion is judged."""

    budget: int = Field(1000, ge=10, le=1_000_000, description="patches of a window that are judged at most")
    min_events: int = Field(20, ge=1, le=1_000_000, description="events without which a window has no motion")
    min_confidence: float = Field(0.5, ge=0, le=1, description="least confidence of a decision")


class Motion(NamedTuple):
    """Motion of the image; x right, y up, rotation counter-clockwise. NaN and no covariance without a decision."""

    t_us: int  # end of the window
    events: int
    vx_px_s: float
    vy_px_s: float
    rotation_rad_s: float
    divergence_per_s: float  # rate of expansion; time to contact is 1 over it
    covariance: NDArray[np.float64] | None  # (4, 4) of the four above
    confidence: float
    decided: bool

    @property
    def speed_px_s(self) -> float:
        """Length of the velocity."""
        return math.hypot(self.vx_px_s, self.vy_px_s)

    @property
    def direction_deg(self) -> float:
        """Angle of the velocity from x, counter-clockwise, -180 to 180."""
        return math.degrees(math.atan2(self.vy_px_s, self.vx_px_s))


class MotionEstimator:
    """Motion of one sensor, window by window."""

    def __init__(self, width: int, height: int, model: MotionModel, config: MotionConfig | None = None) -> None:
        self.config = config or MotionConfig()
        self.calibration = model.header.calibration
        self.gatherer = EvidenceGatherer(width, height, model.weights, self.config.budget)
        self.evidence: Evidence | None = None  # of the newest window

    def reset(self) -> None:
        """Forget all events, as after a jump of the clock."""
        self.gatherer.reset()
        self.evidence = None

    def estimate(self, batch: EventBatch, t_us: int) -> Motion:
        """Motion of a window that ends at `t_us`."""
        self.evidence = self.gatherer.read(batch)
        fit = fit_motion(self.evidence, self.calibration.correlation)
        if fit is None or len(batch) < self.config.min_events:
            return undecided(t_us, len(batch), 0.0)
        confidence = confidence_of(fit, self.calibration)
        if confidence < self.config.min_confidence:
            return undecided(t_us, len(batch), confidence)
        vx, vy, rotation, divergence = fit.motion.tolist()
        return Motion(t_us, len(batch), vx, vy, rotation, divergence, fit.covariance, confidence, True)


def undecided(t_us: int, events: int, confidence: float) -> Motion:
    """A window without a decision."""
    nothing = math.nan
    return Motion(t_us, events, nothing, nothing, nothing, nothing, None, confidence, False)


def features(fit: Fit) -> tuple[float, float, float]:
    """What confidence is judged by: gain, logarithms of patches and of the relative standard deviation."""
    spread = math.sqrt(max(fit.covariance[0, 0] + fit.covariance[1, 1], 0.0))
    relative = spread / max(math.hypot(fit.motion[0], fit.motion[1]), 1.0)
    return fit.gain, math.log(fit.patches), math.log(min(max(relative, 1e-3), 1e2))


def confidence_of(fit: Fit, calibration: Calibration) -> float:
    """Calibrated probability that the direction is right within 30 degrees."""
    gain, patches, spread = features(fit)
    z = calibration.constant + calibration.gain * gain + calibration.patches * patches + calibration.spread * spread
    return 1.0 / (1.0 + math.exp(-min(max(z, -30.0), 30.0)))


def windows(batch: EventBatch, window_us: int) -> Iterator[tuple[int, EventBatch]]:
    """End of each window (us) and its events, from the first event on; windows may be empty."""
    edges = np.arange(batch.t_us[0], batch.t_us[-1] + 1, window_us)
    cuts = np.append(np.searchsorted(batch.t_us, edges), len(batch))
    for edge, first, last in zip(edges, cuts[:-1], cuts[1:], strict=True):
        yield int(edge) + window_us, batch.take(slice(int(first), int(last)))
