"""The coordinator: how far each stream is trusted, who flies, how much is sensed; told the time, and nothing else.

One step takes in what came since the step before and answers with a decision. It reads no clock and does no I/O, so a
flight can be replayed through it to the same decisions.
"""

import math
from collections.abc import Mapping, Sequence

from snn_control.coordination.battery import MISSION, Charge, next_charge
from snn_control.coordination.budget import SHED_ORDER, Budget, Load, busiest
from snn_control.coordination.contracts import Contracts, Phase
from snn_control.coordination.controller_watch import ControllerWatch
from snn_control.coordination.coordination_config import CoordinationConfig
from snn_control.coordination.fleet import MOST_PEERS, Fleet, Observation, Transform
from snn_control.coordination.journal import Event, Journal, Kind
from snn_control.coordination.ladder import OWNER, Condition, Fitness, LadderState, Rung, causes, ladder_step
from snn_control.coordination.lifecycle import NodeState, Request, Supervisor
from snn_control.coordination.novelty import NoveltyModel
from snn_control.coordination.sensing_policy import Pressure, SensingPolicy
from snn_control.coordination.situation import Situation, next_phase, read_course
from snn_control.coordination.snapshot import Decision, NodeReport, Snapshot
from snn_control.coordination.streams import CLIMB, HEIGHT, MOTION, PID, PLACE, SNN, TURN, Streams
from snn_control.coordination.trust import UNHEARD
from snn_core.sensing import SensingOrder
from snn_core.signals import Health, Level, health

__all__ = ["CLIMB", "HEIGHT", "MOTION", "PID", "PLACE", "SNN", "TURN", "CoordinationConfig", "Coordinator"]

REPORT_KEPT_S = 5.0
LATE_S = 0.18  # between two steps: this coordinator was held up
CATCH_UP_S = 0.5  # time without judgement after that, for what waits to be heard


class Coordinator:
    """State machines of a robot's loop between sensing and action, composed."""

    def __init__(
        self,
        contracts: Contracts,
        config: CoordinationConfig,
        managed: Sequence[str] = (),
        robot: str = "",
        frames: dict[str, Transform] | None = None,
        novelty: NoveltyModel | None = None,
    ) -> None:
        self.config, self.contracts = config, contracts
        self.journal = Journal()
        self.streams = Streams(contracts, config, self.journal, novelty)
        self.monitors, self.trusts = self.streams.monitors, self.streams.trusts
        self.watch = ControllerWatch(config, self.journal)
        self.policy = SensingPolicy(contracts, config, self.journal)
        self.ladder = LadderState()
        self.budget = Budget(config)
        self.supervisor = Supervisor(managed, config)
        self.fleet = Fleet(robot, config, frames or {})
        self.refused: set[str] = set()  # peers whose refusal was told
        self.situation = Situation()
        self.charge = Charge.FULL
        self.loads: dict[str, tuple[Load, float]] = {}
        self.target_m: float | None = None
        self.now_s: float | None = None
        self.began_s: float | None = None
        self.opinion, self.flyer = False, OWNER[Rung.NEUTRAL]
        self.late_s = -math.inf  # when a step came late

    def step(self, snapshot: Snapshot) -> Decision:
        """Take in what came and decide."""
        now_s = snapshot.now_s
        dt_s, jumped = self._watch_clock(now_s)
        for sample in snapshot.samples:
            self.streams.take(sample, self.situation, now_s)
        if snapshot.target_m is not None and math.isfinite(snapshot.target_m):
            self.target_m = snapshot.target_m
        if snapshot.battery is not None:
            self._take_battery(snapshot.battery, now_s)
        for report in snapshot.reports:
            self._take_report(report, now_s)
        for observation in snapshot.observations:
            self._hear(observation, now_s)
        if self.streams.novelty is not None:
            self.streams.suspect(self.streams.novelty, now_s)
        catching_up = self._late(dt_s, now_s)
        if not catching_up:
            self.streams.judge(self.situation.phase, now_s)
        self._locate(dt_s, now_s)
        if not catching_up:
            self._climb(jumped, now_s)
        if snapshot.reports or self.budget.level:
            self._spend(now_s)
        orders = self._order(now_s)
        requests = self._supervise(now_s) if self.supervisor.nodes else []
        return Decision(
            self.ladder.rung, self._owner(now_s), orders, self.trusts, self.situation.phase, self.charge, requests,
            self.journal.take(),
        )  # fmt: skip

    def _late(self, dt_s: float, now_s: float) -> bool:
        """Whether this coordinator itself was held up: what it did not hear then is no fault of those who spoke."""
        if dt_s > LATE_S:
            self.late_s = now_s
        return 0.0 <= now_s - self.late_s < CATCH_UP_S

    def _watch_clock(self, now_s: float) -> tuple[float, bool]:
        """Time since the step before, and whether the clock was set: then everything stamped by it is forgotten."""
        before, self.now_s = self.now_s, now_s
        if before is None:
            self.began_s = now_s
            return 0.0, False
        leap_s = now_s - before
        if -self.config.future_tolerance_s <= leap_s <= self.config.clock_jump_s:
            return max(0.0, leap_s), False
        self.streams.reset()
        self.watch.reset()
        self.policy.reset(now_s)
        self.loads.clear()
        self.situation = self.situation._replace(calm_s=0.0)
        self._note(now_s, Kind.CLOCK, "clock", f"{before:.3f} s", f"{now_s:.3f} s", f"time jumped {leap_s:+.3f} s",
                   "everything stamped before is forgotten", Level.WARN)  # fmt: skip
        return 0.0, True

    def _hear(self, observation: Observation, now_s: float) -> None:
        """A peer speaks; the first refusal of each is an event, the others are counted."""
        if self.fleet.take(observation, now_s) or observation.robot in self.refused or len(self.refused) >= MOST_PEERS:
            return
        self.refused.add(observation.robot)
        self._note(now_s, Kind.FLEET, observation.robot[:40], "heard", "refused", self.fleet.complaint, "", Level.WARN)

    def _take_battery(self, share: float, now_s: float) -> None:
        charge = next_charge(self.charge, share, self.config)
        if charge is not self.charge:
            level = Level.OK if charge is Charge.FULL else Level.WARN if charge is Charge.LOW else Level.ERROR
            old, new = MISSION[self.charge], MISSION[charge]
            self._note(now_s, Kind.BATTERY, "mission", old, new, f"battery {charge.name.lower()}", f"{share:.0%} left",
                       level)  # fmt: skip
            self.charge = charge

    def _take_report(self, report: NodeReport, now_s: float) -> None:
        values = report.values
        self.supervisor.seen(report.node, report.state, now_s)
        if "busy" in values:
            load = Load(report.node, report.process, values["busy"], values.get("process_cpu", math.nan))
            self.loads[report.node] = (load, now_s)
        if "probability" in values:
            self.situation = self.situation._replace(place_confidence=min(1.0, max(0.0, values["probability"])))
        if "course_off_m" in values:
            self.situation = self.situation._replace(course=read_course(values))
        self.watch.take_counts(values, now_s)

    def _locate(self, dt_s: float, now_s: float) -> None:
        """What the robot is doing."""
        height = self.monitors.get(HEIGHT)
        known = height is not None and self.target_m is not None and self.trusts[HEIGHT].usable
        error_m = self.target_m - height.value if known and height and self.target_m is not None else None
        phase, calm_s = next_phase(self.situation, error_m, dt_s, self.config)
        track = height.track if height is not None else None
        motion = self.monitors.get(MOTION)
        divergence = motion.value if motion is not None and self.trusts[MOTION].usable else 0.0
        if phase is not self.situation.phase:
            evidence = f"error {error_m or 0.0:+.3f} m"
            old = self.situation.phase.value
            self._note(now_s, Kind.PHASE, "mission", old, phase.value, f"phase {phase.value}", evidence)
        self.situation = Situation(
            phase, error_m or 0.0, track.speed if track else 0.0, divergence, self.situation.place_confidence, calm_s,
            self.situation.course,
        )  # fmt: skip

    def _conditions(self, jumped: bool, now_s: float) -> set[Condition]:
        """Everything that forbids a rung now."""
        active = set()
        snn, pid = self.trusts.get(SNN, UNHEARD), self.trusts.get(PID, UNHEARD)
        if not snn.usable:
            active.add(Condition.SNN_UNTRUSTED)
        elif pid.usable and self._overruled(now_s):
            active.add(Condition.SHADOW_ALARM)
        if self.watch.sick:
            active.add(Condition.NETWORK_SICK if set(self.watch.sick) == {"integral"} else Condition.SNN_UNTRUSTED)
        if self.streams.sense_lost(self.situation.phase):
            active.add(Condition.SENSE_LOST)
        if jumped:
            active.add(Condition.CLOCK_JUMPED)
        return active

    def _overruled(self, now_s: float) -> bool:
        snn, pid = self.monitors[SNN].value, self.monitors[PID].value
        return self.watch.overruled(snn, pid, self.situation.error_m, now_s)

    def _climb(self, jumped: bool, now_s: float) -> None:
        """The rung to stand on."""
        active = self._conditions(jumped, now_s)
        trusts, before = self.trusts, self.ladder
        snn, pid = trusts.get(SNN, UNHEARD).usable, trusts.get(PID, UNHEARD).usable
        snn_sick = "pd" in self.watch.sick
        gap = 0.0
        if snn and pid:
            gap = abs(self.monitors[SNN].value - self.monitors[PID].value)
        fit = Fitness(snn and not self.watch.sick, snn and not snn_sick, pid, snn or pid, gap)
        self.ladder = ladder_step(before, active, fit, self.situation.phase, now_s, self.config)
        if self.ladder.rung is not before.rung:
            self._note_rung(before.rung, now_s)

    def _note_rung(self, before: Rung, now_s: float) -> None:
        rung = self.ladder.rung
        level = Level.ERROR if rung >= Rung.HOLD else Level.WARN if rung > Rung.PAIR else Level.OK
        if not self.opinion:
            level = Level.OK
        lost = [name for name in self.contracts if name in self.streams.untrusted and not self.contracts[name].sporadic]
        evidence = ", ".join(f"{name} {self.trusts[name].doubt.value}" for name in lost)
        held = causes(self.ladder.held)
        self._note(now_s, Kind.OWNER, "controller", before.name.lower(), rung.name.lower(), self.ladder.cause,
                   evidence or held or "everything is trusted", level)  # fmt: skip

    def _owner(self, now_s: float) -> str | None:
        """The choice, once there is an opinion: when a controller is fit, or when waiting for one took too long."""
        rung = self.ladder.rung
        if not self.opinion:
            waited_s = now_s - (self.began_s if self.began_s is not None else now_s)
            self.opinion = rung <= Rung.REMAINING or not 0.0 <= waited_s <= self.config.grace_s
            if not self.opinion:
                return None
        if rung is not Rung.HOLD:
            self.flyer = OWNER[rung]
        return self.flyer  # on hold whoever flew: the gate goes on with its last command until that is old

    def _spend(self, now_s: float) -> None:
        """Shed perception, or give it back."""
        fresh = [load for load, heard_s in self.loads.values() if 0.0 <= now_s - heard_s <= REPORT_KEPT_S]
        process, load = busiest(fresh)
        change = self.budget.step(load, now_s)
        if change:
            item = SHED_ORDER[self.budget.level - 1 if change > 0 else self.budget.level]
            old, new = ("given", "shed") if change > 0 else ("shed", "given")
            evidence = f"{process or 'threads'} busy {load:.0%}, limit {self.config.load_high:.0%}"
            self._note(now_s, Kind.BUDGET, " ".join(item), old, new, "overload" if change > 0 else "relief", evidence,
                       Level.WARN if change > 0 else Level.OK)  # fmt: skip

    def _order(self, now_s: float) -> Mapping[str, SensingOrder]:
        streams, low = self.streams, self.charge is not Charge.FULL
        pressure = Pressure(streams.untrusted, streams.surprised, self.budget.shed, low)
        streams.surprised = False
        self.policy.parts = "pd" if self.ladder.rung is Rung.REMAINING or self._wound_up else ""
        orders = self.policy.step(self.situation, pressure, now_s)
        streams.expect(orders, now_s)
        return orders

    @property
    def _wound_up(self) -> bool:
        """Whether the networks contradict for long what holds the target without them: their integral has to let go."""
        on_target = abs(self.situation.error_m) < self.config.arrive_m and self.situation.phase is Phase.HOLD
        return self.ladder.rung is Rung.PID and on_target and self.watch.shadow.alarm

    def _supervise(self, now_s: float) -> list[Request]:
        requests = self.supervisor.step(now_s)
        for node, old, new, cause in self.supervisor.take_changes():
            level = Level.OK if new in (NodeState.ACTIVE, NodeState.INACTIVE) or old == "gone" else Level.WARN
            self._note(now_s, Kind.LIFECYCLE, node, old, new, cause, "", Level.ERROR if new == "given up" else level)
        return requests

    @property
    def mission(self) -> str:
        """What the battery leaves of the mission."""
        return MISSION[self.charge]

    def sensing(self, now_s: float) -> list[tuple[str, Health, SensingOrder]]:
        """Of every stream: its state, and the order that it is under. A sleeping sensor is well."""
        orders, phase = self.policy.orders, self.situation.phase
        return [self.streams.describe(name, orders.get(name), phase, now_s) for name in self.monitors]

    def health(self) -> Health:
        """Who flies, what is not trusted, and what is shed."""
        rung, level = self.ladder.rung, Level.OK
        complaints = []
        if self.opinion and rung is not Rung.PAIR:
            level = Level.ERROR if rung >= Rung.HOLD else Level.WARN
            complaints.append((level, f"{rung.name.lower()} flies: {self.ladder.cause}"))
        if self.budget.level:
            complaints.append(
                (Level.WARN, f"shed: {', '.join(' '.join(item) for item in SHED_ORDER[: self.budget.level])}")
            )
        if self.charge is not Charge.FULL:
            complaints.append((Level.WARN, f"battery {self.charge.name.lower()}: {MISSION[self.charge]}"))
        values: dict[str, float | int | str] = {f"trust_{name}": trust.value for name, trust in self.trusts.items()}
        values |= {f"{name}_{v.value}": n for name, m in self.monitors.items() for v, n in m.counts.items() if n}
        values |= {"rung": rung.name.lower(), "phase": self.situation.phase.value, "shed": self.budget.level}
        values |= {
            "events": self.journal.total,
            "newest_event": str(self.journal.kept[-1]) if self.journal.kept else "",
        }
        values |= {f"fleet_{reason}": n for reason, n in self.fleet.counts.items()}
        return health(complaints, values, f"{rung.name.lower()} flies")

    def _note(
        self,
        now_s: float,
        kind: Kind,
        subject: str,
        old: str,
        new: str,
        cause: str,
        evidence: str,
        level: Level = Level.OK,
    ) -> None:
        self.journal.add(Event(now_s, kind, subject, old, new, cause, evidence, level))
