"""The coordinator beside the robot of the fault suite: it hears the topics; gate and sensor take its leases."""

from collections import deque
from collections.abc import Mapping

import numpy as np

from snn_cli.faults.flight import Robot
from snn_control.coordination.contracts import load_contracts
from snn_control.coordination.coordinator import CLIMB, HEIGHT, MOTION, PLACE, CoordinationConfig, Coordinator
from snn_control.coordination.fleet import Observation, Transform
from snn_control.coordination.journal import Event
from snn_control.coordination.snapshot import Decision, Sample, Snapshot
from snn_control.flight_deck import CONTROLLERS, network_report, obey
from snn_control.owners import Owner
from snn_core.sensing import SensingOrder
from snn_core.signals import Level

PERIOD_S = 0.05
CLIMB_NOISE_MPS = 0.03
PEER_FRAME = "map_b"


class Watch:
    """Steps a coordinator at 20 Hz of the robot's clock, as its node does; a robot calls it at every tick.

    `dead_from_s` and `dead_until_s` are when it is not there. `battery` is the charge, `observations` are what peers
    say at every step.
    """

    def __init__(
        self, seed: int = 1, dead_from_s: float = np.inf, dead_until_s: float = np.inf, keep: int | None = None
    ) -> None:
        self.coordinator = Coordinator(
            load_contracts(), CoordinationConfig(), robot="a", frames={PEER_FRAME: Transform()}
        )
        self.generator = np.random.default_rng([seed, 9])
        self.dead_from_s, self.dead_until_s = dead_from_s, dead_until_s
        self.battery: float | None = None
        self.observations: list[Observation] = []
        self.decision: Decision | None = None
        self.trusts: deque[tuple[float, dict[str, float]]] = deque(maxlen=keep)
        self.events: deque[tuple[float, Event]] = deque(maxlen=keep)
        self.samples: list[Sample] = []

    def __call__(self, robot: Robot) -> None:
        """One tick."""
        self._listen(robot)
        if self.dead_from_s <= robot.time_s < self.dead_until_s:
            self.samples = []
            self._expire(robot)
            return
        if robot.count % max(1, round(PERIOD_S / robot.tick_s)) == 0:
            self._step(robot)

    def _listen(self, robot: Robot) -> None:
        """What came on the topics since the tick before."""
        now_s, flight = robot.now_s, robot.flight
        self.samples += [Sample(HEIGHT, reading.stamp_s, reading.height_m) for reading in robot.readings]
        for owner, name in CONTROLLERS.items():
            self.samples += [Sample(f"command/{name}", c.stamp_s, c.value) for c in robot.commands[owner]]
        self.samples.append(Sample(MOTION, now_s, flight.climb_mps / max(0.3, flight.height_m)))
        if robot.count % robot.sense_every == 0:
            noise = CLIMB_NOISE_MPS * float(self.generator.standard_normal())
            self.samples += [Sample(CLIMB, now_s, flight.climb_mps + noise), Sample(PLACE, now_s, 0.0)]

    def _step(self, robot: Robot) -> None:
        now_s = robot.now_s
        target_m = robot.loops[Owner.PID].target_m
        reports = [network_report(robot.loops[Owner.SNN])] if robot.count % robot.report_every == 0 else []
        snapshot = Snapshot(now_s, self.samples, target_m, reports, self.observations, self.battery)
        self.samples = []
        self.decision = self.coordinator.step(snapshot)
        trusts = {name: trust.value for name, trust in self.decision.trusts.items()}
        self.trusts.append((robot.time_s, trusts))
        self.events += [(robot.time_s, event) for event in self.decision.events]
        if self.decision.owner is not None:
            robot.gate.lease(self.decision.owner, now_s, now_s)
        self._obey(robot, self.decision.orders)

    def _obey(self, robot: Robot, orders: Mapping[str, SensingOrder]) -> None:
        robot.range_order = orders.get(HEIGHT)
        obey(robot.loops, orders)

    def _expire(self, robot: Robot) -> None:
        """The sensors' leases run out."""
        if robot.time_s >= self.dead_from_s + 1.0:
            self._obey(robot, {})

    def said(self, level: Level, words: str, start_s: float = 0.0, end_s: float = np.inf) -> str:
        """The first event of at least this level that contains the words; empty where there is none."""
        for time_s, event in self.events:
            if start_s <= time_s <= end_s and event.level >= level and words in str(event):
                return f"{event.level.name} {event}"
        return ""

    def least_trust(self, stream: str, start_s: float, end_s: float) -> float:
        """The lowest trust in a stream over a time."""
        return min(trusts[stream] for time_s, trusts in self.trusts if start_s <= time_s < end_s)
