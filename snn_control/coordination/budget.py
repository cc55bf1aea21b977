"""The compute budget: when processors run short, perception gives way before control feels it.

Nodes report which share of the time they spend in callbacks. Nodes of one process share its only thread. Perception is
shed in a stated order, one item at a time, and comes back in the reverse order; control is on no list.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from pydantic import Field, model_validator

from snn_core.config import Config

SHED_ORDER = (("place", "rate"), ("motion", "region"), ("motion", "rate"), ("place", "time_steps"))


class BudgetConfig(Config):
    """How much load is too much."""

    load_high: float = Field(0.75, gt=0, le=10, description="share of a thread that is overload")
    load_relief: float = Field(0.5, gt=0, le=10, description="share of a thread that leaves room again")
    overload_s: float = Field(
        1.0, ge=0, le=600, description="overload that must last before one more thing is shed (s)"
    )
    relief_s: float = Field(10.0, ge=0, le=600, description="relief that must last before one thing comes back (s)")

    @model_validator(mode="after")
    def _hysteresis(self) -> "BudgetConfig":
        if self.load_relief >= self.load_high:
            raise ValueError(f"load_relief {self.load_relief} must be below load_high {self.load_high}")
        return self


class Load(NamedTuple):
    """What one node used since its report before."""

    node: str
    process: str  # nodes of the same process compete for one thread
    busy: float  # share of the time in callbacks
    cpu: float = math.nan  # share of a processor that its process used


def busiest(loads: Iterable[Load]) -> tuple[str, float]:
    """The process whose thread has least time left, and its load; what is not a number counts as no load."""
    totals: dict[str, float] = {}
    for load in loads:
        if math.isfinite(load.busy) and load.busy >= 0.0:
            totals[load.process] = totals.get(load.process, 0.0) + load.busy
    return max(totals.items(), key=lambda item: item[1], default=("", 0.0))


class Budget:
    """Decides what is shed now."""

    def __init__(self, config: BudgetConfig) -> None:
        self.config = config
        self.level = 0
        self.beyond_since_s: float | None = None
        self.relief_since_s: float | None = None

    @property
    def shed(self) -> frozenset[tuple[str, str]]:
        """What is taken away: (role of the stream, knob)."""
        return frozenset(SHED_ORDER[: self.level])

    def step(self, load: float, now_s: float) -> int:
        """The change of level, -1, 0 or 1, for the load of the busiest thread."""
        config = self.config
        self.beyond_since_s = _since(self.beyond_since_s, load > config.load_high, now_s)
        self.relief_since_s = _since(self.relief_since_s, load < config.load_relief, now_s)
        if self.beyond_since_s is not None and now_s - self.beyond_since_s >= config.overload_s:
            self.beyond_since_s = now_s
            return self._move(1)
        if self.relief_since_s is not None and now_s - self.relief_since_s >= config.relief_s:
            self.relief_since_s = now_s
            return self._move(-1)
        return 0

    def _move(self, change: int) -> int:
        before = self.level
        self.level = max(0, min(len(SHED_ORDER), before + change))
        return self.level - before


def _since(since_s: float | None, holds: bool, now_s: float) -> float | None:
    if not holds:
        return None
    return since_s if since_s is not None and since_s <= now_s else now_s
