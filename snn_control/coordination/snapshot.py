"""What the coordinator is told and what it answers, as plain values."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from snn_control.coordination.battery import Charge
from snn_control.coordination.contracts import Phase
from snn_control.coordination.fleet import Observation
from snn_control.coordination.journal import Event
from snn_control.coordination.ladder import Rung
from snn_control.coordination.lifecycle import NodeState, Request
from snn_control.coordination.trust import Trust
from snn_core.sensing import SensingOrder
from snn_core.signals import Level


class Sample(NamedTuple):
    """A message of a stream, reduced to the value that it is judged by."""

    stream: str
    stamp_s: float
    value: float


class NodeReport(NamedTuple):
    """What a node said of itself."""

    node: str
    level: Level
    state: NodeState
    values: Mapping[str, float]  # those of its numbers that are numbers
    process: str = ""


class Snapshot(NamedTuple):
    """Everything that came since the step before."""

    now_s: float
    samples: Sequence[Sample] = ()
    target_m: float | None = None  # None: as before
    reports: Sequence[NodeReport] = ()
    observations: Sequence[Observation] = ()
    battery: float | None = None  # charge, share; None: as before


class Decision(NamedTuple):
    """What follows from it."""

    rung: Rung
    owner: str | None  # who may command; None while too little is known to have an opinion
    orders: Mapping[str, SensingOrder]
    trusts: Mapping[str, Trust]
    phase: Phase
    charge: Charge
    requests: Sequence[Request]
    events: tuple[Event, ...]
