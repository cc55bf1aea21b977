"""Who may fly: the fallback ladder, its conditions, and the rules by which each of them clears.

A condition demands a rung at least as strict as its own. The strictest demand wins, whatever the order in which they
came. From there down the first rung is taken whose inputs are trusted: a blind fallback is never engaged. Falling is
immediate; climbing waits for a dwell time, for a row of healthy steps, and, so that nothing jumps, for the two commands
to be close.
"""

import math
from collections.abc import Mapping, Set
from enum import Enum, IntEnum
from typing import NamedTuple

from pydantic import Field

from snn_control.coordination.contracts import Phase
from snn_core.config import Config


class Rung(IntEnum):
    """From the best to the strictest."""

    PAIR = 0  # both spiking networks
    REMAINING = 1  # the spiking network that is left
    PID = 2
    HOLD = 3  # the last command, for a short time
    NEUTRAL = 4


OWNER = {Rung.PAIR: "snn", Rung.REMAINING: "snn", Rung.PID: "pid", Rung.NEUTRAL: "neutral"}
ROUNDING_S = 1e-6  # of stamps
FLYING = (Rung.PAIR, Rung.REMAINING, Rung.PID)


class Clears(Enum):
    """What ends a condition."""

    WHEN_GONE = "when it is gone"
    ON_PHASE_CHANGE = "when the phase of the mission changes after it is gone"
    NEVER = "never"


class Condition(Enum):
    """Everything that forbids a rung: the rung that it demands at least, and how it clears."""

    NETWORK_SICK = ("network_sick", Rung.REMAINING, Clears.ON_PHASE_CHANGE)
    SNN_UNTRUSTED = ("snn_untrusted", Rung.PID, Clears.WHEN_GONE)
    SHADOW_ALARM = ("shadow_alarm", Rung.PID, Clears.ON_PHASE_CHANGE)
    SNN_UNRELIABLE = ("snn_unreliable", Rung.PID, Clears.NEVER)
    SENSE_LOST = ("sense_lost", Rung.HOLD, Clears.WHEN_GONE)
    CLOCK_JUMPED = ("clock_jumped", Rung.HOLD, Clears.WHEN_GONE)

    def __init__(self, label: str, rung: Rung, clears: Clears) -> None:
        self.label, self.rung, self.clears = label, rung, clears

    __hash__ = object.__hash__  # members are looked up in every step


class LadderConfig(Config):
    """How fast the ladder is climbed."""

    dwell_s: float = Field(1.0, ge=0, le=600, description="shortest stay on a rung before climbing (s)")
    healthy_steps: int = Field(5, ge=1, le=1000, description="steps in a row that a better rung must be fit")
    hold_s: float = Field(0.3, ge=0, le=10, description="longest time that the last command is held (s)")
    bumpless_gap: float = Field(3.0, ge=0, le=20, description="difference of commands at which climbing is smooth")
    bumpless_wait_s: float = Field(5.0, ge=0, le=600, description="longest wait for the commands to be close (s)")
    unreliable_falls: int = Field(5, ge=1, le=100, description="falls from the spiking rungs within unreliable_s")
    unreliable_s: float = Field(120.0, gt=0, le=3600, description="window of unreliable_falls; then it stays down (s)")


class LadderState(NamedTuple):
    """Memory of the ladder."""

    rung: Rung = Rung.NEUTRAL
    since_s: float = -math.inf  # on this rung
    held: Mapping[Condition, Phase] = {}  # conditions that hold, with the phase in which each came
    healthy: int = 0  # steps in a row that a better rung was fit
    ready_s: float = math.inf  # since when climbing waits only for the commands to be close
    falls_s: tuple[float, ...] = ()  # when the spiking rungs were left
    cause: str = "start"


class Fitness(NamedTuple):
    """What the ladder may stand on, and how far the command in force is from the one of the rung above."""

    pair: bool
    remaining: bool
    pid: bool
    command_known: bool  # a trusted command to hold
    gap: float = 0.0  # |command of the better rung - command in force|


def still_holding(held: Mapping[Condition, Phase], active: Set[Condition], phase: Phase) -> dict[Condition, Phase]:
    """The conditions that hold now: the active ones, and those that have not cleared yet."""
    if not held and not active:
        return {}
    kept = {
        c: since
        for c, since in held.items()
        if c in active or c.clears is Clears.NEVER or (c.clears is Clears.ON_PHASE_CHANGE and since is phase)
    }
    return {**dict.fromkeys(active, phase), **kept}


def wanted_rung(held: Mapping[Condition, Phase], fit: Fitness, state: LadderState, now_s: float, hold_s: float) -> Rung:
    """The best rung that every condition allows and whose inputs are trusted."""
    floor = max((condition.rung for condition in held), default=Rung.PAIR)
    for rung, good in ((Rung.PAIR, fit.pair), (Rung.REMAINING, fit.remaining), (Rung.PID, fit.pid)):
        if rung >= floor and good:
            return rung
    if floor <= Rung.HOLD and state.rung <= Rung.HOLD and fit.command_known:
        holding_s = now_s - state.since_s if state.rung is Rung.HOLD else 0.0
        if 0.0 <= holding_s < hold_s - ROUNDING_S:
            return Rung.HOLD
    return Rung.NEUTRAL


def ladder_step(
    state: LadderState, active: Set[Condition], fit: Fitness, phase: Phase, now_s: float, config: LadderConfig
) -> LadderState:
    """The rung to stand on now. A time that runs backwards counts as no time at all."""
    held = still_holding(state.held, active, phase)
    wanted = wanted_rung(held, fit, state, now_s, config.hold_s)
    if wanted == state.rung:
        if held == state.held and not state.healthy:
            return state
        return state._replace(held=held, healthy=0, ready_s=math.inf)
    if wanted > state.rung:
        return _fall(state, wanted, held, now_s, config)
    return _climb(state, wanted, held, fit, now_s, config)


def _fall(
    state: LadderState, wanted: Rung, held: dict[Condition, Phase], now_s: float, config: LadderConfig
) -> LadderState:
    falls = state.falls_s
    if state.rung <= Rung.REMAINING and wanted is Rung.PID:  # further down it was not the networks that failed
        falls = (*(t for t in falls if 0.0 <= now_s - t <= config.unreliable_s), now_s)
        if len(falls) >= config.unreliable_falls:
            held = {**held, Condition.SNN_UNRELIABLE: held.get(Condition.SNN_UNRELIABLE, Phase.IDLE)}
    return LadderState(wanted, now_s, held, 0, math.inf, falls, causes(held) or "inputs not trusted")


def _climb(
    state: LadderState, wanted: Rung, held: dict[Condition, Phase], fit: Fitness, now_s: float, config: LadderConfig
) -> LadderState:
    healthy = state.healthy + 1
    stayed_s = now_s - state.since_s
    if healthy < config.healthy_steps or 0.0 <= stayed_s < config.dwell_s:
        return state._replace(held=held, healthy=healthy, ready_s=math.inf)
    ready_s = min(state.ready_s, now_s)
    if state.rung in FLYING and fit.gap > config.bumpless_gap and now_s - ready_s < config.bumpless_wait_s:
        return state._replace(held=held, healthy=healthy, ready_s=ready_s)
    return LadderState(wanted, now_s, held, 0, math.inf, state.falls_s, f"fit for {healthy} steps in a row")


def causes(held: Mapping[Condition, Phase]) -> str:
    """The conditions that hold, strictest first; the same text whatever the order in which they came."""
    return ", ".join(sorted((c.label for c in held), key=lambda label: (-_RUNGS[label], label)))


_RUNGS = {condition.label: condition.rung for condition in Condition}
