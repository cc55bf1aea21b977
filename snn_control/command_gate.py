"""The last hop before an actuator: who commands, how old the command is, how far and how fast it may go.

Owners form a ladder: a human, the spiking controller, the PID twin, and neutral where nobody is fit to command. A
stale owner loses at once to the next fit one; one that was lost climbs back only after a row of healthy commands. A
coordinator may shut out upper rungs by a lease; nothing here depends on its being alive.
"""

import math
from collections import Counter, deque
from typing import NamedTuple

from pydantic import Field, model_validator

from snn_control.owners import LEASABLE, SOURCES, Lease, Owner, Transition, highest_rung
from snn_core.config import Config
from snn_core.signals import Command, Health, Level, Verdict, health
from snn_core.stamps import judge_stamp

SLEW_CREDIT_S = 0.1  # the room to move that a resting output gathers, as time at the slew limit
CLOCK_JUMP_S = 1.0  # a longer leap between two looks at the clock means that the clock was set
KEPT_TRANSITIONS = 20
LEASE_VERDICTS = ("ok", "unknown", "stale", "future", "no_stamp", "duplicate", "out_of_order")
REFUSALS = (
    Verdict.NO_STAMP, Verdict.STALE, Verdict.FUTURE, Verdict.DUPLICATE, Verdict.OUT_OF_ORDER, Verdict.NON_FINITE,
    Verdict.WRONG_FRAME,
)  # fmt: skip


class GateConfig(Config):
    """Limits of the last hop."""

    command_timeout_s: float = Field(0.15, ge=0.001, le=1, description="age at which a command is worth nothing (s)")
    future_tolerance_s: float = Field(0.05, ge=0, le=1, description="how far a stamp may be ahead of the clock (s)")
    command_limit: float = Field(10.0, gt=0, le=10, description="largest command let through, either sign (command)")
    slew_per_s: float = Field(200.0, gt=0, le=100000, description="fastest change, except to neutral (command/s)")
    healthy_samples: int = Field(5, ge=1, le=1000, description="commands in a row that a lost controller must show")
    neutral_command: float = Field(0.0, ge=-10, le=10, description="command while nobody is fit to command (command)")
    blend_s: float = Field(0.2, ge=0, le=10, description="time in which a transfer between controllers is blended (s)")
    owner_lease_s: float = Field(0.5, ge=0.01, le=10, description="age at which a coordinator's lease runs out (s)")
    joy_timeout_s: float = Field(0.3, ge=0.01, le=10, description="age at which a joystick gives back the command (s)")
    frozen_clock_s: float = Field(
        1.0, ge=0, le=3600, description="real time that the clock may stand still until neutral goes out, 0 = any (s)"
    )
    use_snn: bool = Field(True, description="let the spiking controller command")

    @model_validator(mode="after")
    def _safe(self) -> "GateConfig":
        if abs(self.neutral_command) > self.command_limit:
            raise ValueError(f"neutral_command {self.neutral_command} exceeds command_limit {self.command_limit}")
        return self

    def timeout_s(self, owner: Owner) -> float:
        """Age at which a command of that owner is worth nothing."""
        return self.joy_timeout_s if owner is Owner.HUMAN else self.command_timeout_s


class Source(NamedTuple):
    """What the gate knows of one controller."""

    command: Command | None = None  # the newest, until it is stale
    last_stamp_s: float | None = None
    streak: int = 0  # healthy commands in a row
    lost: bool = False  # has failed before, so that a row of healthy commands is asked of it


class GateState(NamedTuple):
    """Memory of the gate."""

    sources: tuple[Source, ...] = (Source(),) * len(SOURCES)
    owner: Owner = Owner.NEUTRAL
    output: float = 0.0
    moved_s: float = -math.inf
    now_s: float | None = None
    lease: Lease | None = None
    bump: float = 0.0  # output before the newest transfer minus the new owner's command, command units
    transferred_s: float = -math.inf

    def with_source(self, owner: Owner, source: Source) -> "GateState":
        """The same, but for one controller."""
        return self._replace(
            sources=tuple(source if o is owner else s for o, s in zip(SOURCES, self.sources, strict=True))
        )


def gate_offer(
    state: GateState, owner: Owner, command: Command, now_s: float, config: GateConfig
) -> tuple[GateState, Verdict]:
    """Judge a command of one controller; a refused one is not kept and ends the controller's row of healthy ones."""
    source = state.sources[owner]
    verdict = judge_stamp(
        command.stamp_s, now_s, source.last_stamp_s, config.timeout_s(owner), config.future_tolerance_s
    )
    if verdict is Verdict.OK and not math.isfinite(command.value):
        verdict = Verdict.NON_FINITE
    if verdict is Verdict.OK:
        source = source._replace(command=command, last_stamp_s=command.stamp_s, streak=source.streak + 1)
    else:
        source = source._replace(streak=0)
    return state.with_source(owner, source), verdict


def gate_lease(state: GateState, lease: Lease, now_s: float, config: GateConfig) -> tuple[GateState, Verdict]:
    """Take a coordinator's lease; one whose stamp is refused changes nothing."""
    last_s = state.lease.stamp_s if state.lease and math.isfinite(state.lease.stamp_s) else None
    verdict = judge_stamp(lease.stamp_s, now_s, last_s, config.owner_lease_s, config.future_tolerance_s)
    return (state._replace(lease=lease) if verdict is Verdict.OK else state), verdict


def gate_step(
    state: GateState, now_s: float, config: GateConfig, frozen: bool = False
) -> tuple[GateState, Command, Transition | None]:
    """What goes out now: the owner's command, limited in size and speed, under the stamp it was computed at.

    Neutral goes out at once, whatever the slew limit, under a stamp of now. A transfer between controllers starts at
    the output that there was; the difference fades over `blend_s`. Under a `frozen` clock no command has an age.
    """
    state, jump = _watch_clock(state, now_s, config)
    if frozen:
        state = state._replace(sources=tuple(Source(None, s.last_stamp_s, 0, lost=True) for s in state.sources))
        jump = "it stands still"
    sources = tuple(
        _age(source, now_s, config.timeout_s(owner)) for owner, source in zip(SOURCES, state.sources, strict=True)
    )
    top = highest_rung(state.lease, now_s, config.owner_lease_s)
    owner = _choose(sources, state.owner, top, config)
    transition = None
    if owner is not state.owner:
        cause, evidence = (
            ("clock frozen" if frozen else "clock jumped", jump)
            if jump
            else _explain(sources, state.owner, owner, top, now_s, config)
        )
        transition = Transition(now_s, state.owner, owner, cause, evidence)
        state = _transfer(state, sources, owner, now_s, config)
    command = sources[owner].command if owner is not Owner.NEUTRAL else None
    wanted = command or Command(config.neutral_command, now_s)
    output = _limit(wanted.value, state, now_s, config) if command else wanted.value
    moved_s = state.moved_s if output == state.output else now_s
    state = state._replace(sources=sources, owner=owner, output=output, moved_s=moved_s, now_s=now_s)
    return state, Command(output, wanted.stamp_s), transition


def _transfer(
    state: GateState, sources: tuple[Source, ...], owner: Owner, now_s: float, config: GateConfig
) -> GateState:
    """Remember the bump that a change of owner would be; the first engagement and neutral are no transfers."""
    command = sources[owner].command if owner is not Owner.NEUTRAL else None
    blended = command is not None and (state.owner is not Owner.NEUTRAL or sources[owner].lost)
    bump = state.output - _clip(command.value, config) if command and blended else 0.0
    return state._replace(bump=bump, transferred_s=now_s)


def _clip(value: float, config: GateConfig) -> float:
    return max(-config.command_limit, min(config.command_limit, value))


def _limit(value: float, state: GateState, now_s: float, config: GateConfig) -> float:
    faded = (now_s - state.transferred_s) / config.blend_s if config.blend_s > 0.0 else 1.0
    goal = _clip(_clip(value, config) + (state.bump * (1.0 - faded) if 0.0 <= faded < 1.0 else 0.0), config)
    room = config.slew_per_s * max(0.0, min(now_s - state.moved_s, SLEW_CREDIT_S))
    return max(state.output - room, min(state.output + room, goal))


def _watch_clock(state: GateState, now_s: float, config: GateConfig) -> tuple[GateState, str]:
    """Forget everything that was stamped by a clock that has been set since; what a lease shut out stays out."""
    leap_s = now_s - state.now_s if state.now_s is not None else 0.0
    if -config.future_tolerance_s <= leap_s <= CLOCK_JUMP_S:
        return state, ""
    lease = state.lease._replace(stamp_s=-math.inf) if state.lease else None
    return GateState(owner=state.owner, output=state.output, lease=lease), f"{leap_s:+.3f} s"


def _age(source: Source, now_s: float, timeout_s: float) -> Source:
    if source.command is None or now_s - source.command.stamp_s <= timeout_s:
        return source
    return Source(None, source.last_stamp_s, 0, lost=True)


def _choose(sources: tuple[Source, ...], current: Owner, top: Owner, config: GateConfig) -> Owner:
    if sources[Owner.HUMAN].command is not None:
        return Owner.HUMAN
    for owner in (Owner.SNN, Owner.PID) if config.use_snn else (Owner.PID,):
        source = sources[owner]
        needed = config.healthy_samples if source.lost else 1
        if owner >= top and source.command is not None and (owner is current or source.streak >= needed):
            return owner
    return Owner.NEUTRAL


def _explain(
    sources: tuple[Source, ...], old: Owner, new: Owner, top: Owner, now_s: float, config: GateConfig
) -> tuple[str, str]:
    if new is Owner.HUMAN:
        return "joystick", "the deadman button is held"
    if new < old:
        return "fit to command", f"{sources[new].streak} healthy commands in a row"
    if old is Owner.HUMAN and not sources[old].lost:
        return "joystick released", "the deadman button is not held"
    if sources[old].command is None:
        age_s = now_s - (sources[old].last_stamp_s or 0.0)
        return "silent", f"last command {age_s:.3f} s old, limit {config.timeout_s(old)} s"
    return ("lease", f"command/owner says {top.name.lower()}") if old < top else ("disabled", "use_snn is false")


class CommandGate:
    """The gate with memory: counts of every verdict, and the newest changes of owner with their reasons."""

    def __init__(self, config: GateConfig) -> None:
        self.config = config
        self.state = GateState(output=config.neutral_command)
        self.counts: Counter[tuple[Owner, Verdict]] = Counter()
        self.leases: Counter[str] = Counter()
        self.clock_s = self.clock_moved_s = -math.inf  # what the clock showed, and since when of real time
        self.clipped = 0
        self.handovers = 0
        self.transitions: deque[Transition] = deque(maxlen=KEPT_TRANSITIONS)

    def offer(self, owner: Owner, command: Command, now_s: float) -> Verdict:
        """Take in a command of one controller."""
        self.state, verdict = gate_offer(self.state, owner, command, now_s, self.config)
        self.counts[owner, verdict] += 1
        self.clipped += verdict is Verdict.OK and abs(command.value) > self.config.command_limit
        return verdict

    def refuse(self, owner: Owner, verdict: Verdict) -> None:
        """Count a command that could not even be read; it ends the controller's row of healthy ones."""
        self.counts[owner, verdict] += 1
        self.state = self.state.with_source(owner, self.state.sources[owner]._replace(streak=0))

    def release(self) -> None:
        """The human lets go: the programs' ladder holds again, from now on."""
        last_s = self.state.sources[Owner.HUMAN].last_stamp_s
        self.state = self.state.with_source(Owner.HUMAN, Source(None, last_s))

    def lease(self, name: str, stamp_s: float, now_s: float) -> bool:
        """Take a coordinator's word on who may command at most; stale and unknown ones are counted and ignored."""
        owner = LEASABLE.get(name)
        if owner is None:
            self.leases["unknown"] += 1
            return False
        self.state, verdict = gate_lease(self.state, Lease(owner, stamp_s), now_s, self.config)
        self.leases[verdict.value] += 1
        return verdict is Verdict.OK

    def emit(self, now_s: float, steady_s: float = 0.0) -> tuple[Command, Transition | None]:
        """What goes to the actuator now, and the change of owner if there was one.

        `steady_s` is the time of a clock that is never set; without it a clock that stands still is not noticed.
        """
        if now_s != self.clock_s:
            self.clock_s, self.clock_moved_s = now_s, steady_s
        frozen = 0.0 < self.config.frozen_clock_s < steady_s - self.clock_moved_s
        self.state, command, transition = gate_step(self.state, now_s, self.config, frozen)
        if transition is not None:
            self.handovers += 1
            self.transitions.append(transition)
        return command, transition

    def neutral(self, now_s: float) -> Command:
        """The safe command, for a gate that stops."""
        return Command(self.config.neutral_command, now_s)

    def health(self, now_s: float) -> Health:
        """Who commands and why, and a count of everything that was refused."""
        values: dict[str, float | int | str] = {
            f"{owner.name.lower()}_{verdict.value}": self.counts[owner, verdict]
            for owner in SOURCES
            for verdict in (Verdict.OK, *REFUSALS)
        }
        newest = str(self.transitions[-1]) if self.transitions else ""
        owner = self.state.owner
        values |= {"owner": owner.name.lower(), "output": self.state.output, "clipped": self.clipped}
        values |= {"handovers": self.handovers, "last_handover": newest}
        lease = self.state.lease
        fresh = lease is not None and lease.fresh(now_s, self.config.owner_lease_s)
        values["lease"] = f"{lease.owner.name.lower()}{'' if fresh else ', run out'}" if lease else "none"
        values |= {f"lease_{name}": self.leases[name] for name in LEASE_VERDICTS}
        best = Owner.SNN if self.config.use_snn else Owner.PID
        complaints = []
        if owner is Owner.NEUTRAL:
            complaints.append((Level.ERROR, f"nobody commands, neutral goes out ({newest or 'no command yet'})"))
        elif owner > best:
            complaints.append((Level.WARN, f"{owner.name} commands ({newest})"))
        return health(complaints, values, f"{owner.name} commands")
