"""Observations shared between robots: heard, judged, borrowed, never obeyed.

What a peer says stands beside local evidence and never replaces it. Its trust is what the peer claims, times the
reputation that it earned where both could see, faded by age, and capped below what a robot flies by. A peer can
neither raise nor lower the trust in a local stream, and there is nothing in an observation that commands.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import Field

from snn_control.coordination.trust import TRUSTED
from snn_core.config import Config
from snn_core.signals import Verdict
from snn_core.stamps import judge_stamp

MOST_PEERS = 64
CAP = 0.9 * TRUSTED  # of borrowed trust: worth looking at, never enough to fly by
LEARNING = 0.1
WITHIN = 3.0  # standard deviations that two honest observations may differ by


class FleetConfig(Config):
    """Whom to listen to."""

    peer_max_age_s: float = Field(2.0, gt=0, le=600, description="oldest observation of a peer that is heard (s)")
    peer_future_s: float = Field(0.2, ge=0, le=10, description="how far a peer's stamp may be ahead of the clock (s)")
    peer_reputation: float = Field(0.5, ge=0, le=1, description="reputation of a peer that is new")


class Transform(NamedTuple):
    """From a peer's frame to the local one: turned by the yaw, then moved."""

    x_m: float = 0.0
    y_m: float = 0.0
    z_m: float = 0.0
    yaw_rad: float = 0.0


class Observation(NamedTuple):
    """Where a robot believes that something is, in its own frame."""

    robot: str
    kind: str  # what was observed, for example "place/12"
    stamp_s: float
    frame: str
    x_m: float
    y_m: float
    z_m: float
    stddev_m: float
    trust: float


class Borrowed(NamedTuple):
    """A peer's observation in the local frame, with what it is worth here."""

    robot: str
    kind: str
    x_m: float
    y_m: float
    z_m: float
    stddev_m: float
    trust: float
    age_s: float


def moved(observation: Observation, transform: Transform) -> tuple[float, float, float]:
    """The position in the local frame."""
    c, s = math.cos(transform.yaw_rad), math.sin(transform.yaw_rad)
    x, y = observation.x_m, observation.y_m
    return c * x - s * y + transform.x_m, s * x + c * y + transform.y_m, observation.z_m + transform.z_m


class Fleet:
    """What peers told lately."""

    def __init__(self, own_name: str, config: FleetConfig, frames: Mapping[str, Transform]) -> None:
        self.own_name, self.config, self.frames = own_name, config, dict(frames)
        self.heard: dict[tuple[str, str], Observation] = {}
        self.reputation: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        self.complaint = ""

    def take(self, observation: Observation, now_s: float) -> bool:
        """Judge what a peer says; what is refused is counted and named."""
        reason = self._judge(observation, now_s)
        self.counts[reason or "ok"] += 1
        if reason:
            self.complaint = f"{observation.robot[:40]}: {reason}"
            return False
        self.reputation.setdefault(observation.robot, self.config.peer_reputation)
        self.heard[observation.robot, observation.kind] = observation
        return True

    def _judge(self, seen: Observation, now_s: float) -> str:
        last = self.heard.get((seen.robot, seen.kind))
        config = self.config
        last_s = last.stamp_s if last else None
        verdict = judge_stamp(seen.stamp_s, now_s, last_s, config.peer_max_age_s, config.peer_future_s)
        if seen.robot == self.own_name or not seen.robot:
            return "own_name"
        if verdict is not Verdict.OK:
            return verdict.value
        if seen.frame not in self.frames:
            return f"unknown frame '{seen.frame[:40]}', known: {', '.join(sorted(self.frames)) or 'none'}"
        if not all(math.isfinite(value) for value in seen[4:]) or not 0.0 <= seen.trust <= 1.0 or seen.stddev_m <= 0.0:
            return Verdict.NON_FINITE.value
        if seen.robot not in self.reputation and len(self.reputation) >= MOST_PEERS:
            return "too many peers"
        return ""

    def forget(self, now_s: float) -> None:
        """Drop what is too old, as after a partition, or from a future that a set clock took away."""
        low, high = now_s - self.config.peer_max_age_s, now_s + self.config.peer_future_s
        if any(not low <= seen.stamp_s <= high for seen in self.heard.values()):
            self.heard = {key: seen for key, seen in self.heard.items() if low <= seen.stamp_s <= high}

    def compare(self, kind: str, position: tuple[float, float, float], stddev_m: float, local_trust: float) -> None:
        """What this robot itself sees of a kind, well enough to judge those who say that they see it too."""
        if local_trust < TRUSTED:
            return
        for (robot, other), seen in self.heard.items():
            if other == kind:
                x, y, z = moved(seen, self.frames[seen.frame])
                distance = math.dist((x, y, z), position)
                agrees = distance <= WITHIN * math.hypot(seen.stddev_m, stddev_m)
                self.reputation[robot] += LEARNING * (float(agrees) - self.reputation[robot])

    def borrow(self, kind: str, now_s: float) -> Borrowed | None:
        """The most trusted fresh observation of a kind by a peer, below any trust that is flown by."""
        self.forget(now_s)
        offers = [self._worth(seen, now_s) for (_, other), seen in self.heard.items() if other == kind]
        return max(offers, key=lambda offer: (offer.trust, offer.robot), default=None)

    def _worth(self, seen: Observation, now_s: float) -> Borrowed:
        age_s = max(0.0, now_s - seen.stamp_s)
        fading = max(0.0, 1.0 - age_s / self.config.peer_max_age_s)
        trust = min(CAP, seen.trust * self.reputation[seen.robot] * fading)
        return Borrowed(seen.robot, seen.kind, *moved(seen, self.frames[seen.frame]), seen.stddev_m, trust, age_s)
