"""All streams of the robot: their monitors, which of them check each other, and what each can be trusted."""

import math
from collections.abc import Mapping

from snn_control.coordination.contracts import Contracts, Criticality, Phase
from snn_control.coordination.coordination_config import CoordinationConfig
from snn_control.coordination.journal import Event, Journal, Kind
from snn_control.coordination.novelty import NoveltyModel, NoveltyMonitor
from snn_control.coordination.situation import Situation
from snn_control.coordination.snapshot import Sample
from snn_control.coordination.trust import DOUBTED, TRUSTED, UNHEARD, Doubt, Trust, TrustMonitor, ramp
from snn_core.sensing import SensingOrder
from snn_core.signals import Health, Level, Verdict

SNN, PID, HEIGHT, CLIMB, PLACE, MOTION = "command/snn", "command/pid", "range", "climb", "place", "motion"
HEADING, TURNING = "heading", "turning"  # a gyro, added up, and another sensor of how fast it turns
TURN = "turn"  # by which the image would match the one taught
PARTNER_TRUST = 0.5
HYSTERESIS = 0.05  # of trust
NOVEL_FAIL = 4.0  # regret, as a share of its limit, that costs as much trust as novelty may
NOVEL_LEAST = TRUSTED  # what is new is doubted, and no more: it need not be wrong


class Streams:
    """Takes samples, judges streams; crossing a limit of trust is an event."""

    def __init__(
        self, contracts: Contracts, config: CoordinationConfig, journal: Journal, novelty: NoveltyModel | None = None
    ) -> None:
        self.contracts, self.config, self.journal = contracts, config, journal
        self.monitors = {name: TrustMonitor(contract, config) for name, contract in contracts.items()}
        self.partners: dict[str, list[TrustMonitor]] = {}
        for name, contract in contracts.items():
            if contract.partner:
                self.partners.setdefault(contract.partner, []).append(self.monitors[name])
        self.trusts: dict[str, Trust] = dict.fromkeys(contracts, UNHEARD)
        self.grades = dict.fromkeys(contracts, 0)
        self.untrusted = set(contracts)
        self.required = {phase: required_senses(contracts, phase) for phase in Phase}
        self.novelty = NoveltyMonitor(novelty) if novelty is not None and HEIGHT in contracts else None
        self.surprised = False

    def reset(self) -> None:
        """Forget everything that was stamped by a clock that has been set since."""
        for monitor in self.monitors.values():
            monitor.reset()
        if self.novelty is not None:
            self.novelty.reset()

    def take(self, sample: Sample, situation: Situation, now_s: float) -> None:
        """A sample of any stream; one that nobody has a contract for is nobody's business."""
        monitor = self.monitors.get(sample.stream)
        if monitor is None or monitor.take(sample.stamp_s, sample.value, now_s) is not Verdict.OK:
            return
        if sample.stream in self.partners and self.trusts[sample.stream].value >= PARTNER_TRUST:
            for other in self.partners[sample.stream]:
                other.partner(sample.value, sample.stamp_s)
        if monitor.track is not None and sample.stream == HEIGHT:
            self.surprised = monitor.newest_innovation > self.config.surprise
            if self.novelty is not None:
                self.novelty.learn(self.features(situation))

    def features(self, situation: Situation) -> tuple[float, ...]:
        """What the newest height looks like to the model of healthy flight, in the order of its FEATURES."""
        height = self.monitors[HEIGHT]
        commands = (self.monitors[name].value if name in self.monitors else 0.0 for name in (SNN, PID))
        agreement = height.agreement
        return (
            height.signed_innovation, math.log(1e-3 + height.innovation),
            agreement.gap / agreement.tolerance if agreement is not None else 0.0,
            situation.climb_mps, situation.error_m,
            *(0.0 if math.isnan(value) else value / self.config.command_limit for value in commands),
        )  # fmt: skip

    def suspect(self, novelty: NoveltyMonitor, now_s: float) -> None:
        """Ask the model of healthy flight, slowly, and only where a cheap check has begun to worry."""
        height = self.monitors[HEIGHT]
        if height.anomaly < self.config.suspicion:
            height.outside.pop(Doubt.NOVEL, None)
        elif novelty.ask(now_s) is not None:
            trust = max(NOVEL_LEAST, ramp(novelty.share, 1.0, NOVEL_FAIL))
            limit = novelty.model.header.regret_warn
            evidence = f"likelihood regret {novelty.regret:.1f} nats, healthy below {limit:.1f}"
            height.outside[Doubt.NOVEL] = Trust(trust, Doubt.NOVEL, evidence)

    def judge(self, phase: Phase, now_s: float) -> None:
        """Every trust now."""
        trusts = self.trusts
        for name, monitor in self.monitors.items():
            trust, before = monitor.judge(now_s), trusts[name]
            trusts[name] = trust
            if trust is not before:
                (self.untrusted.discard if trust.usable else self.untrusted.add)(name)
                grade = _grade(trust, self.grades[name])
                if grade != self.grades[name]:
                    self.grades[name] = grade
                    self._note(name, before, trust, phase, now_s)

    def _note(self, name: str, before: Trust, trust: Trust, phase: Phase, now_s: float) -> None:
        grade = self.grades[name]
        level = (Level.ERROR, Level.WARN, Level.OK)[grade]
        if trust.doubt in (Doubt.RECOVERING, Doubt.UNKNOWN) or before.doubt is Doubt.UNKNOWN:
            level = Level.OK
        elif grade == 0 and self.contracts[name].criticality_in(phase) is not Criticality.REQUIRED:
            level = Level.WARN
        old, new = f"{before.value:.2f} ({before.doubt.value})", f"{trust.value:.2f} ({trust.doubt.value})"
        cause = "all checks passed" if trust.doubt is Doubt.NONE else trust.doubt.value
        evidence = self.monitors[name].explain(trust, now_s)
        self.journal.add(Event(now_s, Kind.TRUST, name, old, new, cause, evidence, level))

    def sense_lost(self, phase: Phase) -> bool:
        """Whether a sense that the phase requires is not trusted."""
        return not self.untrusted.isdisjoint(self.required[phase])

    def expect(self, orders: Mapping[str, SensingOrder], now_s: float) -> None:
        """The orders that are in force from now on."""
        for name, order in orders.items():
            monitor = self.monitors[name]
            if monitor.rate_hz != order.rate_hz:
                monitor.expect(order.rate_hz, now_s)

    def describe(
        self, name: str, order: SensingOrder | None, phase: Phase, now_s: float
    ) -> tuple[str, Health, SensingOrder]:
        """State of a stream, and the order that it is under. A sleeping sensor is well."""
        monitor, trust, contract = self.monitors[name], self.trusts[name], self.contracts[name]
        order = order or SensingOrder(contract.rate_nominal_hz)
        text = f"trust {trust.value:.2f}: {monitor.explain(trust, now_s)}"
        level = Level.OK if trust.value >= DOUBTED or contract.sporadic else Level.WARN
        if not trust.usable and contract.criticality_in(phase) is Criticality.REQUIRED:
            level = Level.ERROR
        if trust.usable and monitor.stamp_s is not None and order.rate_hz < contract.rate_nominal_hz:
            order = order._replace(asleep_until_s=monitor.stamp_s + 1.0 / order.rate_hz)
            if now_s < order.asleep_until_s:
                text = f"asleep until {order.asleep_until_s:.2f} s, {text}"
        return name, Health(level, text, {"trust": trust.value, "reason": trust.doubt.value}), order


def required_senses(contracts: Contracts, phase: Phase) -> list[str]:
    """Streams without which nobody may command; the commands themselves are not among them."""
    return [
        name
        for name, contract in contracts.items()
        if name not in (SNN, PID) and contract.criticality_in(phase) is Criticality.REQUIRED
    ]


def _grade(trust: Trust, before: int) -> int:
    """0 not used, 1 doubted, 2 trusted; the way back up takes a little more, so that nothing flickers."""
    doubted = DOUBTED + (HYSTERESIS if before < 2 else 0.0)
    return 2 if trust.value >= doubted else 1 if trust.usable else 0
