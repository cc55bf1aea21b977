"""The last hop before an actuator: who commands, how old the command is, how far and how fast it may go.

Owners form a ladder: the spiking controller, the PID twin, and neutral where nobody is fit to command. A stale owner
loses at once to the next fit one; one that was lost climbs back only after a row of healthy commands.
"""

import math
from collections import Counter, deque
from enum import IntEnum
from typing import NamedTuple

from pydantic import Field, model_validator

from snn_core.config import Config
from snn_core.signals import Command, Health, Level, Verdict, health
from snn_core.stamps import judge_stamp

SLEW_CREDIT_S = 0.1  # the room to move that a resting output gathers, as time at the slew limit
CLOCK_JUMP_S = 1.0  # a longer leap between two looks at the clock means that the clock was set
KEPT_TRANSITIONS = 20
REFUSALS = (
    Verdict.NO_STAMP, Verdict.STALE, Verdict.FUTURE, Verdict.DUPLICATE, Verdict.OUT_OF_ORDER, Verdict.NON_FINITE
)  # fmt: skip


class Owner(IntEnum):
    """The ladder, best first."""

    SNN = 0
    PID = 1
    NEUTRAL = 2


class GateConfig(Config):
    """Limits of the last hop."""

    command_timeout_s: float = Field(0.15, ge=0.001, le=1, description="age at which a command is worth nothing (s)")
    future_tolerance_s: float = Field(0.05, ge=0, le=1, description="how far a stamp may be ahead of the clock (s)")
    command_limit: float = Field(10.0, gt=0, le=10, description="largest command let through, either sign (command)")
    slew_per_s: float = Field(200.0, gt=0, le=100000, description="fastest change, except to neutral (command/s)")
    healthy_samples: int = Field(5, ge=1, le=1000, description="commands in a row that a lost controller must show")
    neutral_command: float = Field(0.0, ge=-10, le=10, description="command while nobody is fit to command (command)")
    use_snn: bool = Field(True, description="let the spiking controller command")

    @model_validator(mode="after")
    def _safe(self) -> "GateConfig":
        if abs(self.neutral_command) > self.command_limit:
            raise ValueError(f"neutral_command {self.neutral_command} exceeds command_limit {self.command_limit}")
        return self


class Source(NamedTuple):
    """What the gate knows of one controller."""

    command: Command | None = None  # the newest, until it is stale
    last_stamp_s: float | None = None
    streak: int = 0  # healthy commands in a row
    lost: bool = False  # has failed before, so that a row of healthy commands is asked of it


class GateState(NamedTuple):
    """Memory of the gate."""

    sources: tuple[Source, Source] = (Source(), Source())
    owner: Owner = Owner.NEUTRAL
    output: float = 0.0
    moved_s: float = -math.inf
    now_s: float | None = None


class Transition(NamedTuple):
    """A change of owner, for the record."""

    at_s: float
    old: Owner
    new: Owner
    cause: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.old.name} -> {self.new.name}: {self.cause} ({self.evidence})"


def gate_offer(
    state: GateState, owner: Owner, command: Command, now_s: float, config: GateConfig
) -> tuple[GateState, Verdict]:
    """Judge a command of one controller; a refused one is not kept and ends the controller's row of healthy ones."""
    source = state.sources[owner]
    verdict = judge_stamp(
        command.stamp_s, now_s, source.last_stamp_s, config.command_timeout_s, config.future_tolerance_s
    )
    if verdict is Verdict.OK and not math.isfinite(command.value):
        verdict = Verdict.NON_FINITE
    if verdict is Verdict.OK:
        source = source._replace(command=command, last_stamp_s=command.stamp_s, streak=source.streak + 1)
    else:
        source = source._replace(streak=0)
    snn, pid = state.sources
    return state._replace(sources=(source, pid) if owner is Owner.SNN else (snn, source)), verdict


def gate_step(state: GateState, now_s: float, config: GateConfig) -> tuple[GateState, Command, Transition | None]:
    """What goes out now: the owner's command, limited in size and speed, under the stamp it was computed at.

    Neutral goes out at once, whatever the slew limit, under a stamp of now.
    """
    state, jump = _watch_clock(state, now_s, config)
    sources = (_age(state.sources[0], now_s, config), _age(state.sources[1], now_s, config))
    owner = _choose(sources, state.owner, config)
    transition = None
    if owner is not state.owner:
        cause, evidence = ("clock jumped", jump) if jump else _explain(sources, state.owner, owner, now_s, config)
        transition = Transition(now_s, state.owner, owner, cause, evidence)
    command = sources[owner].command if owner is not Owner.NEUTRAL else None
    wanted = command or Command(config.neutral_command, now_s)
    output = _limit(wanted.value, state, now_s, config) if command else wanted.value
    moved_s = state.moved_s if output == state.output else now_s
    return GateState(sources, owner, output, moved_s, now_s), Command(output, wanted.stamp_s), transition


def _limit(value: float, state: GateState, now_s: float, config: GateConfig) -> float:
    goal = max(-config.command_limit, min(config.command_limit, value))
    room = config.slew_per_s * max(0.0, min(now_s - state.moved_s, SLEW_CREDIT_S))
    return max(state.output - room, min(state.output + room, goal))


def _watch_clock(state: GateState, now_s: float, config: GateConfig) -> tuple[GateState, str]:
    """Forget everything that was stamped by a clock that has been set since."""
    leap_s = now_s - state.now_s if state.now_s is not None else 0.0
    if -config.future_tolerance_s <= leap_s <= CLOCK_JUMP_S:
        return state, ""
    return GateState(owner=state.owner, output=state.output), f"{leap_s:+.3f} s"


def _age(source: Source, now_s: float, config: GateConfig) -> Source:
    if source.command is None or now_s - source.command.stamp_s <= config.command_timeout_s:
        return source
    return Source(None, source.last_stamp_s, 0, lost=True)


def _choose(sources: tuple[Source, Source], current: Owner, config: GateConfig) -> Owner:
    for owner in (Owner.SNN, Owner.PID) if config.use_snn else (Owner.PID,):
        source = sources[owner]
        needed = config.healthy_samples if source.lost else 1
        if source.command is not None and (owner is current or source.streak >= needed):
            return owner
    return Owner.NEUTRAL


def _explain(
    sources: tuple[Source, Source], old: Owner, new: Owner, now_s: float, config: GateConfig
) -> tuple[str, str]:
    if new < old:
        return "fit to command", f"{sources[new].streak} healthy commands in a row"
    if sources[old].command is not None:
        return "disabled", "use_snn is false"
    age_s = now_s - (sources[old].last_stamp_s or 0.0)
    return "silent", f"last command {age_s:.3f} s old, limit {config.command_timeout_s} s"


class CommandGate:
    """The gate with memory: counts of every verdict, and the newest changes of owner with their reasons."""

    def __init__(self, config: GateConfig) -> None:
        self.config = config
        self.state = GateState(output=config.neutral_command)
        self.counts: Counter[tuple[Owner, Verdict]] = Counter()
        self.clipped = 0
        self.handovers = 0
        self.transitions: deque[Transition] = deque(maxlen=KEPT_TRANSITIONS)

    def offer(self, owner: Owner, command: Command, now_s: float) -> Verdict:
        """Take in a command of one controller."""
        self.state, verdict = gate_offer(self.state, owner, command, now_s, self.config)
        self.counts[owner, verdict] += 1
        self.clipped += verdict is Verdict.OK and abs(command.value) > self.config.command_limit
        return verdict

    def emit(self, now_s: float) -> tuple[Command, Transition | None]:
        """What goes to the actuator now, and the change of owner if there was one."""
        self.state, command, transition = gate_step(self.state, now_s, self.config)
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
            for owner in (Owner.SNN, Owner.PID)
            for verdict in (Verdict.OK, *REFUSALS)
        }
        newest = str(self.transitions[-1]) if self.transitions else ""
        owner = self.state.owner
        values |= {"owner": owner.name.lower(), "output": self.state.output, "clipped": self.clipped}
        values |= {"handovers": self.handovers, "last_handover": newest}
        best = Owner.SNN if self.config.use_snn else Owner.PID
        complaints = []
        if owner is Owner.NEUTRAL:
            complaints.append((Level.ERROR, f"nobody commands, neutral goes out ({newest or 'no command yet'})"))
        elif owner is not best:
            complaints.append((Level.WARN, f"{owner.name} commands ({newest})"))
        return health(complaints, values, f"{owner.name} commands")
