"""Brings managed nodes up in order, and up again after a crash: with back-off, and not for ever.

Processes are started and restarted by whoever launched them. The supervisor sees what is there, asks for the transition
that is missing, and leaves a node alone that fell too often. In which order nodes appear does not matter.
"""

import math
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from pydantic import Field

from snn_core.config import Config


class NodeState(str, Enum):
    """Where a node is in its life."""

    GONE = "gone"
    UNCONFIGURED = "unconfigured"
    INACTIVE = "inactive"
    ACTIVE = "active"


class Transition(str, Enum):
    """What a node is asked to do."""

    CONFIGURE = "configure"
    ACTIVATE = "activate"


NEEDED = {NodeState.UNCONFIGURED: Transition.CONFIGURE, NodeState.INACTIVE: Transition.ACTIVATE}


class LifecycleConfig(Config):
    """How patient the supervisor is."""

    gone_after_s: float = Field(3.5, gt=0, le=600, description="silence of a node that means that it is gone (s)")
    answer_s: float = Field(2.0, gt=0, le=600, description="time that a node is given for a transition (s)")
    backoff_s: float = Field(0.5, gt=0, le=600, description="wait before the second attempt, doubled by each one (s)")
    backoff_max_s: float = Field(30.0, gt=0, le=3600, description="longest wait between attempts (s)")
    restarts_max: int = Field(5, ge=1, le=1000, description="falls within restarts_window_s until a node is left alone")
    restarts_window_s: float = Field(120.0, gt=0, le=36000, description="window of restarts_max (s)")


class Request(NamedTuple):
    """A transition that a node is asked for."""

    node: str
    transition: Transition
    attempt: int


class Managed:
    """What is known of one node."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = NodeState.GONE
        self.heard_s = -math.inf
        self.asked_s = -math.inf
        self.attempt = 0
        self.was_active = False
        self.falls_s: list[float] = []
        self.given_up = False


class Supervisor:
    """Pure: told what is seen, answers with what to ask for."""

    def __init__(self, names: Sequence[str], config: LifecycleConfig) -> None:
        self.config = config
        self.nodes = {name: Managed(name) for name in names}
        self.changes: list[tuple[str, str, str, str]] = []  # node, old, new, cause; taken by `take_changes`

    def seen(self, name: str, state: NodeState, now_s: float) -> None:
        """A sign of life with the state that it shows."""
        node = self.nodes.get(name)
        if node is not None:
            node.heard_s = now_s
            self._become(node, state, "reports", now_s)

    def step(self, now_s: float) -> list[Request]:
        """What to ask for now: of each node its next transition, once all before it are active or given up."""
        requests = []
        for node in self.nodes.values():
            if now_s - node.heard_s > self.config.gone_after_s:
                self._become(node, NodeState.GONE, f"not heard for {self.config.gone_after_s:g} s", now_s)
            if not node.given_up and node.state in NEEDED and self._may_ask(node, now_s):
                node.attempt += 1
                node.asked_s = now_s
                requests.append(Request(node.name, NEEDED[node.state], node.attempt))
            if node.state is not NodeState.ACTIVE and not node.given_up:
                break
        return requests

    def _may_ask(self, node: Managed, now_s: float) -> bool:
        doubled = self.config.backoff_s * 2.0 ** min(node.attempt - 1, 30)
        wait_s = self.config.answer_s + min(self.config.backoff_max_s, doubled) if node.attempt else 0.0
        return not 0.0 <= now_s - node.asked_s < wait_s

    def _become(self, node: Managed, state: NodeState, cause: str, now_s: float) -> None:
        if state is node.state:
            return
        self.changes.append((node.name, node.state.value, state.value, cause))
        fell = node.was_active and state in (NodeState.GONE, NodeState.UNCONFIGURED)
        node.state = state
        if state is NodeState.ACTIVE:
            node.was_active, node.attempt = True, len(node.falls_s)
        elif fell:
            self._count_fall(node, now_s)

    def _count_fall(self, node: Managed, now_s: float) -> None:
        node.was_active = False
        window_s = self.config.restarts_window_s
        node.falls_s = [t for t in node.falls_s if 0.0 <= now_s - t <= window_s] + [now_s]
        node.attempt, node.asked_s = len(node.falls_s), now_s
        if len(node.falls_s) >= self.config.restarts_max:
            node.given_up = True
            falls = f"{len(node.falls_s)} falls within {window_s:g} s"
            self.changes.append((node.name, node.state.value, "given up", falls))

    def take_changes(self) -> list[tuple[str, str, str, str]]:
        """The changes since the last call."""
        changes, self.changes = self.changes, []
        return changes
