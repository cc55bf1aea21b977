"""One case of the fault suite, and what its check says."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from snn_core.errors import SnnError

Level = Literal["sensor", "message", "clock", "graph", "process", "model", "config", "control", "coordinator"]
LEVELS: tuple[str, ...] = (
    "sensor",
    "message",
    "clock",
    "graph",
    "process",
    "model",
    "config",
    "control",
    "coordinator",
)
Check = Callable[[], str]
"""Injects the fault; returns what was seen, or raises `Missed` or another SnnError."""


class Case(NamedTuple):
    """One row of the table: what is injected, and what a user may expect then."""

    number: int
    name: str
    level: Level
    injected: str
    expected: str


class Missed(SnnError):
    """The expected behaviour was not seen."""


def need(holds: object, seen: str) -> None:
    """Go on if it holds, else the case has failed with what was seen."""
    if not holds:
        raise Missed(seen)
