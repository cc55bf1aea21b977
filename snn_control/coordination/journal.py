"""Everything the coordinator changes, as one event each: cause, evidence, old and new value, stamp."""

from collections import deque
from enum import Enum
from typing import NamedTuple

from snn_core.signals import Level

KEPT = 500


class Kind(str, Enum):
    """What changed."""

    OWNER = "owner"
    TRUST = "trust"
    SENSING = "sensing"
    PHASE = "phase"
    BUDGET = "budget"
    CLOCK = "clock"
    FLEET = "fleet"
    LIFECYCLE = "lifecycle"
    BATTERY = "battery"
    SHADOW = "shadow"
    ADAPTATION = "adaptation"


class Event(NamedTuple):
    """One change."""

    stamp_s: float
    kind: Kind
    subject: str
    old: str
    new: str
    cause: str
    evidence: str = ""
    level: Level = Level.OK

    def __str__(self) -> str:
        why = f"{self.cause} ({self.evidence})" if self.evidence else self.cause
        return f"{self.kind.value} {self.subject}: {self.old} -> {self.new}: {why}"


class Journal:
    """Collects the events of a step, and keeps the newest of them."""

    def __init__(self) -> None:
        self.kept: deque[Event] = deque(maxlen=KEPT)
        self.fresh: list[Event] = []
        self.total = 0

    def add(self, event: Event) -> None:
        """Note a change."""
        self.total += 1
        self.fresh.append(event)
        self.kept.append(event)

    def take(self) -> tuple[Event, ...]:
        """The events since the last call."""
        events, self.fresh = tuple(self.fresh), []
        return events
