"""A robot's flight deck in simulated time: coordinator, both altitude controllers and gate, wired as the nodes are.

One period is: what is due is sensed, the coordinator decides, both controllers step, the owner's command goes out.
"""

import math
from collections.abc import Mapping, Sequence

from snn_control.altitude_loop import AltitudeLoop, LoopConfig
from snn_control.command_gate import CommandGate, GateConfig
from snn_control.controllers import Controller, PidController, SpikingController
from snn_control.coordination.contracts import Contracts
from snn_control.coordination.coordinator import HEIGHT, SNN, CoordinationConfig, Coordinator
from snn_control.coordination.lifecycle import NodeState
from snn_control.coordination.snapshot import Decision, NodeReport, Sample, Snapshot
from snn_control.owners import Owner
from snn_control.pid import PidConfig
from snn_control.spiking_pid import SpikingPid, model_path
from snn_core.sensing import SamplePacer, SensingOrder
from snn_core.signals import AltitudeReading, Command, Level

CONTROLLERS = {Owner.SNN: "snn", Owner.PID: "pid"}
REPORT_EVERY_S = 1.0  # as often as nodes write to /diagnostics
ROUNDING_S = 1e-6


def twin_loops(config: LoopConfig, networks: SpikingPid | None = None) -> dict[Owner, AltitudeLoop]:
    """The loops of the spiking controller (the shipped one where none is given) and of its PID twin."""
    networks = networks or SpikingPid.load(model_path("default"), config.dt_s)
    controllers: dict[Owner, Controller] = {
        Owner.SNN: SpikingController(networks), Owner.PID: PidController(PidConfig()),
    }  # fmt: skip
    return {owner: AltitudeLoop(config, controller) for owner, controller in controllers.items()}


def answers(
    loop: AltitudeLoop, readings: Sequence[AltitudeReading], now_s: float, tick: bool, hold: bool
) -> list[Command]:
    """What a controller's node sends at one instant.

    It answers each reading; where none of them called for a step it flies by a predicted height at its own `tick`, and
    at the instants at which it looks whether a reading is late (`hold`) it says the newest command once more.
    """
    sent = [loop.take_reading(reading, now_s) for reading in readings]
    if not any(sent) and tick:
        sent.append(loop.take_tick(now_s))
    if not any(sent) and hold:
        sent.append(loop.hold(now_s))
    return [command for command in sent if command is not None]


def network_report(loop: AltitudeLoop) -> NodeReport:
    """The counters by which the coordinator watches the networks."""
    numbers = {**loop.controller.counters(), "off_target_steps": loop.off_target_steps}
    values = {key: float(value) for key, value in numbers.items()}
    return NodeReport("altitude_controller", Level.OK, NodeState.ACTIVE, values)


def obey(loops: Mapping[Owner, AltitudeLoop], orders: Mapping[str, SensingOrder]) -> None:
    """Both controllers expect the range as it is ordered; of the networks speak those that should."""
    asleep, speak = orders.get(HEIGHT), orders.get(SNN)
    for loop in loops.values():
        loop.bridge.ask(asleep.rate_hz if asleep is not None else None)
        loop.controller.ask(speak.parts if speak is not None else "")


class Sensing:
    """Which ticks of the sensors are sampled under the coordinator's orders, and how many would be at nominal rates."""

    def __init__(self, contracts: Contracts, periods_s: dict[str, float]) -> None:
        self.nominal = {name: SensingOrder(contracts[name].rate_nominal_hz) for name in periods_s}
        self.orders = dict(self.nominal)
        self.pacers = {name: SamplePacer(period_s) for name, period_s in periods_s.items()}
        self.full = {name: SamplePacer(period_s) for name, period_s in periods_s.items()}
        self.taken = dict.fromkeys(periods_s, 0)
        self.reduced = dict.fromkeys(periods_s, 0)  # those of them with a smaller region or fewer time steps
        self.possible = dict.fromkeys(periods_s, 0)

    def due(self, stream: str, now_s: float) -> bool:
        """Whether a stream is sampled at this tick of its sensor."""
        order = self.orders[stream]
        self.possible[stream] += self.full[stream].due(now_s, self.nominal[stream])
        due = self.pacers[stream].due(now_s, order)
        self.taken[stream] += due
        self.reduced[stream] += due and (order.time_steps > 0 or order.region[0] > 0.0)
        return due

    def duties(self) -> dict[str, float]:
        """Samples taken, as a share of those at the nominal rate, of each stream that was used."""
        return {name: self.taken[name] / possible for name, possible in self.possible.items() if possible}


class FlightDeck:
    """Everything between the senses of a robot and the command for its height.

    periods_s: how often each sensor that is sampled under orders ticks, stream -> seconds.
    """

    def __init__(
        self,
        contracts: Contracts,
        coordination: CoordinationConfig,
        periods_s: dict[str, float],
        loop: LoopConfig | None = None,
        networks: SpikingPid | None = None,
    ) -> None:
        self.coordinator = Coordinator(contracts, coordination)
        self.sensing = Sensing(contracts, periods_s)
        config = loop or LoopConfig()
        self.loops, self.gate = twin_loops(config, networks), CommandGate(GateConfig())
        self.loops[Owner.SNN].controller.reset()
        self.commands: dict[Owner, list[Command]] = {}  # that were sent in the period before
        self.reported_s = -math.inf
        self.decision: Decision | None = None

    def reporting(self, now_s: float) -> bool:
        """Whether nodes report at this instant."""
        return now_s - self.reported_s >= REPORT_EVERY_S - ROUNDING_S

    def decide(self, now_s: float, samples: list[Sample], target_m: float, reports: list[NodeReport]) -> Decision:
        """What the coordinator says to what came since the decision before; sensors and gate take its leases."""
        for owner, commands in self.commands.items():
            samples += [Sample(f"command/{CONTROLLERS[owner]}", c.stamp_s, c.value) for c in commands]
        if self.reporting(now_s):
            self.reported_s = now_s
            reports = [network_report(self.loops[Owner.SNN]), *reports]
        self.decision = decision = self.coordinator.step(Snapshot(now_s, samples, target_m, reports))
        obey(self.loops, decision.orders)
        self.sensing.orders |= {name: order for name, order in decision.orders.items() if name in self.sensing.nominal}
        if decision.owner is not None:
            self.gate.lease(decision.owner, now_s, now_s)
        return decision

    def steer(self, now_s: float, readings: Sequence[AltitudeReading], target_m: float) -> Command:
        """Both controllers step; what the gate lets out is the owner's command while it is fresh, else neutral."""
        for owner, loop in self.loops.items():
            loop.take_target(target_m, now_s)
            self.commands[owner] = answers(loop, readings, now_s, tick=True, hold=True)
            for command in self.commands[owner]:
                self.gate.offer(owner, command, now_s)
        return self.gate.emit(now_s, now_s)[0]
