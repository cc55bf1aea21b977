"""How far each stream can be trusted, from 0 to 1, and why not further.

Cheap checks look at every sample: finite, in range, stamped in order, at the expected pace, not frozen, as predicted,
in agreement with its partner. The worst of them is the trust. A stream that nobody has heard is not trusted, and one
that was lost must show a row of healthy samples before it is trusted again.
"""

import math
from enum import Enum
from typing import NamedTuple

from pydantic import Field

from snn_control.coordination.agreement import Agreement
from snn_control.coordination.contracts import StreamContract
from snn_control.coordination.kalman import Track, track_update
from snn_core.config import Config
from snn_core.signals import Verdict
from snn_core.stamps import judge_stamp

TRUSTED = 0.5  # from here on a stream is used
DOUBTED = 0.9  # below it is a warning
FREE_REFUSALS = 0.5  # recent ones that cost nothing yet
RESTART_S = 1.0  # a longer gap says nothing about the pace
SMOOTHING = 0.15  # weight of the newest sample in smoothed statistics


class Doubt(str, Enum):
    """Why a stream is not fully trusted."""

    NONE = "ok"
    UNKNOWN = "unknown"
    SILENT = "silent"
    REFUSED = "refused"
    SLOW = "slow"
    JITTER = "jitter"
    STUCK = "stuck"
    INNOVATION = "innovation"
    DISAGREES = "disagrees"
    RECOVERING = "recovering"
    NOVEL = "novel"
    SICK = "sick"


class TrustConfig(Config):
    """When a statistic begins to cost trust, and when it has cost all of it."""

    healthy_samples: int = Field(5, ge=1, le=1000, description="good samples in a row that a stream must show")
    future_tolerance_s: float = Field(0.05, ge=0, le=1, description="how far a stamp may be ahead of the clock (s)")
    refusals: float = Field(3.0, gt=0, le=100, description="recent refusals that cost all trust (samples)")
    slow_warn: float = Field(1.5, gt=1, le=10, description="interval that begins to cost trust (expected intervals)")
    slow_fail: float = Field(3.5, gt=1, le=100, description="interval that costs all trust (expected intervals)")
    jitter_warn: float = Field(0.6, gt=0, le=10, description="jitter that begins to cost trust (expected intervals)")
    jitter_fail: float = Field(2.0, gt=0, le=100, description="jitter that costs all trust (expected intervals)")
    innovation_warn: float = Field(2.5, gt=0, le=1e6, description="innovation squared that begins to cost (variances)")
    innovation_fail: float = Field(8.0, gt=0, le=1e6, description="innovation squared that costs all (variances)")
    agreement_warn: float = Field(1.0, gt=0, le=1e3, description="disagreement that begins to cost (tolerances)")
    agreement_fail: float = Field(1.6, gt=0, le=1e3, description="disagreement that costs all trust (tolerances)")


class Trust(NamedTuple):
    """Verdict on a stream."""

    value: float
    doubt: Doubt
    evidence: str = ""

    @property
    def usable(self) -> bool:
        """Whether to fly by it."""
        return self.value >= TRUSTED


UNHEARD = Trust(0.0, Doubt.UNKNOWN, "never heard")
FULL = Trust(1.0, Doubt.NONE)


def ramp(value: float, warn: float, fail: float) -> float:
    """1 up to `warn`, 0 from `fail` on, straight between."""
    return 1.0 if value <= warn else 0.0 if value >= fail else (fail - value) / (fail - warn)


class TrustMonitor:
    """Watches one stream. Cheap enough for every sample: some microseconds."""

    def __init__(self, contract: StreamContract, config: TrustConfig) -> None:
        self.contract, self.config = contract, config
        self.counts: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        self.rate_hz = contract.rate_nominal_hz
        self.age_limit_s = self._age_limit()
        self.settled_s = -math.inf
        self.agreement = Agreement(contract.partner_tolerance) if contract.partner else None
        self.outside: dict[Doubt, Trust] = {}  # verdicts of slower monitors: novelty, health of the spiking network
        self.reset()

    def reset(self) -> None:
        """Forget what was heard, as after a leap of the clock; the counts stay."""
        self.stamp_s: float | None = None
        self.value = math.nan
        self.track: Track | None = None
        self.interval_s, self.jitter_s = 1.0 / self.rate_hz, 0.0
        self.innovation, self.newest_innovation, self.refusals = 1.0, 1.0, 0.0
        self.signed_innovation, self.changed_s = 0.0, math.nan
        self.streak, self.lost = 0, True
        self.refusal = ""
        self.sampled = UNHEARD
        if self.agreement is not None:
            self.agreement.reset()

    def expect(self, rate_hz: float, now_s: float) -> None:
        """The rate that is asked of the stream from now on; it is not judged by it before it has settled."""
        if rate_hz != self.rate_hz:
            self.rate_hz = rate_hz
            self.age_limit_s = self._age_limit()
            self.settled_s = now_s + self.contract.settling_s + 1.0 / rate_hz
            self.interval_s, self.jitter_s = 1.0 / rate_hz, 0.0

    def _age_limit(self) -> float:
        """How old the newest sample may be (s): a sleeping sensor is not a dead one."""
        return max(self.contract.max_age_s, 1.0 / self.rate_hz + 0.5 * self.contract.max_age_s)

    def take(self, stamp_s: float, value: float, now_s: float) -> Verdict:
        """Judge a sample; only a good one is remembered."""
        verdict = judge_stamp(stamp_s, now_s, self.stamp_s, self.age_limit_s, self.config.future_tolerance_s)
        if verdict is Verdict.OK:
            verdict = self._judge_value(value)
        self.counts[verdict] += 1
        if verdict is Verdict.OK:
            self._learn(stamp_s, value, now_s)
        elif verdict is not Verdict.DUPLICATE:
            self.refusals += 1.0
            self.streak = 0
            self.refusal = f"{verdict.value}: {value:.6g}, {now_s - stamp_s:.3f} s old"
        self.sampled = self._judge_statistics()
        return verdict

    def _judge_value(self, value: float) -> Verdict:
        if self.contract.low <= value <= self.contract.high:
            return Verdict.OK
        return Verdict.OUT_OF_RANGE if math.isfinite(value) else Verdict.NON_FINITE

    def _learn(self, stamp_s: float, value: float, now_s: float) -> None:
        if self.stamp_s is not None:
            self._pace(stamp_s - self.stamp_s, now_s)
        if self.contract.model is not None:
            predicted = self.track.value + self.track.speed * (stamp_s - self.track.at_s) if self.track else value
            self.track, found = track_update(self.track, value, stamp_s, self.contract.model)
            self.newest_innovation = found
            self.signed_innovation = math.copysign(math.sqrt(found), value - predicted)
            self.innovation += SMOOTHING * (min(found, 100.0) - self.innovation)
        if self.agreement is not None:
            self.agreement.value(value)
        if value != self.value:
            self.changed_s = stamp_s
        self.stamp_s, self.value = stamp_s, value
        self.refusals *= 1.0 - SMOOTHING
        self.streak += 1

    def _pace(self, interval_s: float, now_s: float) -> None:
        if now_s < self.settled_s or interval_s < 0.0:
            return
        if interval_s > max(RESTART_S, 5.0 / self.rate_hz):  # it was gone, and is judged by what comes now
            self.interval_s, self.jitter_s = 1.0 / self.rate_hz, 0.0
            return
        self.interval_s += SMOOTHING * (interval_s - self.interval_s)
        self.jitter_s += SMOOTHING * (abs(interval_s - self.interval_s) - self.jitter_s)

    def partner(self, speed: float, stamp_s: float) -> None:
        """A sample of the rate of change from another sensor."""
        if self.agreement is not None:
            self.agreement.speed(speed, stamp_s)

    def _judge_statistics(self) -> Trust:
        """The worst of what the samples tell."""
        return FULL if self._all_is_well() else self._judge_each()

    def _all_is_well(self) -> bool:
        """Whether no statistic costs anything: the common case, decided without computing a share."""
        config, agreement = self.config, self.agreement
        if self.refusals > FREE_REFUSALS or self.innovation > config.innovation_warn:
            return False
        if agreement is not None and (agreement.disagreement > config.agreement_warn or self._stuck()):
            return False
        rate_hz = self.rate_hz
        paced = self.interval_s * rate_hz <= config.slow_warn and self.jitter_s * rate_hz <= config.jitter_warn
        return paced or self.contract.sporadic

    def _judge_each(self) -> Trust:
        config, agreement = self.config, self.agreement
        worst, doubt = ramp(self.refusals, FREE_REFUSALS, config.refusals), Doubt.REFUSED
        if not self.contract.sporadic:
            slow = ramp(self.interval_s * self.rate_hz, config.slow_warn, config.slow_fail)
            if slow < worst:
                worst, doubt = slow, Doubt.SLOW
            jitter = ramp(self.jitter_s * self.rate_hz, config.jitter_warn, config.jitter_fail)
            if jitter < worst:
                worst, doubt = jitter, Doubt.JITTER
        if self.track is not None:
            innovation = ramp(self.innovation, config.innovation_warn, config.innovation_fail)
            if innovation < worst:
                worst, doubt = innovation, Doubt.INNOVATION
        if agreement is not None:
            agreed = ramp(agreement.disagreement, config.agreement_warn, config.agreement_fail)
            if agreed < worst:
                worst, doubt = agreed, Doubt.DISAGREES
            if self._stuck():
                worst, doubt = 0.0, Doubt.STUCK
        return Trust(worst, doubt) if worst < 1.0 else FULL

    @property
    def anomaly(self) -> float:
        """The worst statistic as a share of what costs all trust: from 1 on nothing is trusted."""
        config, expected_s = self.config, 1.0 / self.rate_hz
        found = [self.refusals / config.refusals, float(self._stuck())]
        if not self.contract.sporadic:
            found += [(self.interval_s / expected_s - 1.0) / (config.slow_fail - 1.0)]
            found += [self.jitter_s / expected_s / config.jitter_fail]
        if self.contract.model is not None:
            found.append(self.innovation / config.innovation_fail)
        if self.agreement is not None:
            found.append(self.agreement.disagreement / config.agreement_fail)
        return max(found)

    def _stuck(self) -> bool:
        """Frozen for long, while its partner says that the vehicle moved further than it may disagree."""
        contract, agreement = self.contract, self.agreement
        if not contract.stuck_after_s or agreement is None or self.stamp_s is None:
            return False
        frozen_s = self.stamp_s - self.changed_s
        return frozen_s >= contract.stuck_after_s and abs(agreement.moved) > contract.partner_tolerance

    def judge(self, now_s: float) -> Trust:
        """The trust now."""
        if self.stamp_s is None:
            return UNHEARD
        trust = self.sampled
        age_s = now_s - self.stamp_s
        if age_s > self.age_limit_s and not self.contract.sporadic and now_s >= self.settled_s:
            trust = Trust(0.0, Doubt.SILENT)
        if self.outside:
            trust = min(trust, *self.outside.values(), key=lambda verdict: verdict.value)
        if trust.value < TRUSTED:
            self.lost, self.streak = True, 0
        elif self.lost:
            needed = self.config.healthy_samples
            if self.streak < needed:
                return Trust(0.0, Doubt.RECOVERING, f"{self.streak} of {needed} good samples")
            self.lost = False
        return trust

    def explain(self, trust: Trust, now_s: float) -> str:
        """The numbers behind a verdict."""
        if trust.evidence:
            return trust.evidence
        expected_s = 1.0 / self.rate_hz
        age_s = now_s - self.stamp_s if self.stamp_s is not None else math.inf
        return {
            Doubt.SILENT: f"no data for {age_s:.2f} s (limit {self.age_limit_s:.2f} s)",
            Doubt.REFUSED: f"{self.refusals:.1f} recent refusals, the last one {self.refusal}",
            Doubt.SLOW: f"rate {1.0 / self.interval_s:.1f} Hz, expected {self.rate_hz:.1f} Hz",
            Doubt.JITTER: f"jitter {self.jitter_s:.3f} s, expected intervals of {expected_s:.3f} s",
            Doubt.STUCK: f"{self.value:.4g} for {(self.stamp_s or 0.0) - self.changed_s:.1f} s while moving",
            Doubt.INNOVATION: f"innovations {self.innovation:.1f} times as large as expected",
            Doubt.DISAGREES: f"differs from {self.contract.partner} by {self.gap:.3f}, tolerance "
            f"{self.contract.partner_tolerance:g}",
            Doubt.NONE: "all checks passed",
        }.get(trust.doubt, trust.doubt.value)

    @property
    def gap(self) -> float:
        """Disagreement with the partner, in the unit of the value."""
        return self.agreement.gap if self.agreement is not None else 0.0
