"""Checks of cases at the sensor, the message and the clock, flown in simulated time."""

import math
from functools import partial
from itertools import pairwise

from sim_worlds.faults.readings import Sizes
from snn_cli.faults.case import Check, need
from snn_cli.faults.flight import Injection, Robot
from snn_control.altitude_loop import LoopConfig
from snn_control.owners import Owner
from snn_core.signals import Level, Verdict

START_S, END_S, FLOWN_S = 10.0, 20.0, 45.0
LOSS_BOUND_S = 0.5  # from the loss of a sensor to the safe command
BACK_BOUND_S = 1.0  # from good data to the best controller
ROW_S = 0.35  # the time of five healthy samples
SETTLED_M = 0.15


def fly(fault: str, place: str = "reading", sizes: Sizes | None = None, loop: LoopConfig | None = None) -> Robot:
    """A flight with a fault from START_S to END_S."""
    injection = Injection(place, fault, START_S, END_S, sizes or Sizes())
    return Robot([injection], loop=loop).fly(FLOWN_S)


def safe(robot: Robot) -> None:
    """Nothing unsafe ever left the gate, and nothing raised."""
    need(not robot.unsafe, f"unsafe: {robot.unsafe[:1]}")


def recovered(robot: Robot, end_s: float = END_S, bound_s: float = BACK_BOUND_S) -> float:
    """Seconds until the networks command again; they must hold the target before the end of the flight."""
    back_s = robot.when(lambda tick: tick.owner is Owner.SNN, end_s)
    need(back_s <= bound_s, f"the networks command again after {back_s:.2f} s, bound {bound_s} s")
    last_s = robot.ticks[-1].time_s
    error_m = robot.error_m(last_s - 7.0, last_s)
    need(error_m <= SETTLED_M, f"{error_m:.2f} m from the target at the end, bound {SETTLED_M} m")
    return back_s


def lost(fault: str, verdict: Verdict | None, words: str, end_s: float = END_S) -> str:
    """A fault that leaves no usable reading: neutral in time, named, over when the fault is."""
    robot = fly(fault)
    safe(robot)
    neutral_s = robot.when(lambda tick: tick.owner is Owner.NEUTRAL, START_S)
    need(neutral_s <= LOSS_BOUND_S, f"neutral after {neutral_s:.2f} s, bound {LOSS_BOUND_S} s")
    moved = [t for t in robot.ticks if START_S + LOSS_BOUND_S <= t.time_s < end_s and t.command != 0.0]
    need(not moved, f"command {moved[0].command:g} at {moved[0].time_s:.2f} s" if moved else "")
    said = robot.said(Level.ERROR, "no range for", START_S, END_S + 1.0)
    need(said, "no ERROR 'no range for'")
    named = robot.said(Level.WARN, words, START_S, END_S + 1.0)
    need(named, f"no report says '{words}'")
    if verdict is not None:
        count = robot.loops[Owner.PID].check.counts[verdict]
        need(count >= 90, f"{count} counted as {verdict.value}, expected 100")
    back_s = recovered(robot)
    need(back_s >= ROW_S, f"the networks command again after {back_s:.2f} s, before a row of healthy samples")
    return f"neutral after {neutral_s:.2f} s, {said.split(';')[0]}; flies {back_s:.2f} s after the end"


def garbage() -> str:
    """Random heights: most are refused; what slips through moves the command no faster than the gate allows."""
    robot = fly("garbage")
    safe(robot)
    check = robot.loops[Owner.PID].check
    refused = check.counts.total() - check.counts[Verdict.OK]
    need(refused >= 80, f"{refused} of 100 refused")
    need(robot.said(Level.WARN, "ranges refused", START_S, END_S), "no WARN")
    flown = sum(t.owner is not Owner.NEUTRAL for t in robot.ticks if START_S + 1.0 <= t.time_s < END_S)
    need(flown <= 50, f"flown on garbage for {flown * 0.02:.1f} s")
    back_s = recovered(robot, bound_s=4.0)  # a reading far away is believed once it could have been flown to
    return f"{refused} refused, flies {back_s:.2f} s after the end"


def slow() -> str:
    robot = fly("slow")
    safe(robot)
    said = robot.said(Level.WARN, "expected 10.0 Hz", START_S, END_S)
    need(said, "no WARN with the rate")
    return f"{said.split(':', 1)[1].strip()}; flies {recovered(robot):.2f} s after the end"


def delayed() -> str:
    late = lost("delayed", Verdict.STALE, "stale")
    robot = fly("delayed", sizes=Sizes(delay_s=0.1))
    safe(robot)
    owners = robot.owners(START_S + 1.0, END_S)
    need(owners == [Owner.SNN], f"owners {owners} with 0.1 s")
    error_m = robot.error_m(18.0, 20.0)
    need(error_m < 0.3, f"{error_m:.2f} m from the target with 0.1 s")
    return f"0.5 s: {late}; 0.1 s: flown within {error_m:.2f} m"


def climbs(robot: Robot) -> list[float]:
    """Times of hand-overs to a better owner."""
    return [t.at_s for t in robot.transitions if t.new < t.old]


def intermittent() -> str:
    robot = fly("intermittent")
    safe(robot)
    times = climbs(robot)[1:]
    gaps = [b - a for a, b in pairwise(times)]
    need(len(times) >= 1, "the fault had no effect")
    need(min(gaps, default=math.inf) >= 0.5, f"hand-overs {min(gaps, default=0.0):.2f} s apart")
    return f"{len(times)} hand-overs up in 10 s, {min(gaps, default=math.inf):.2f} s apart or more; {_back(robot)}"


def _back(robot: Robot) -> str:
    return f"flies {recovered(robot):.2f} s after the end"


def infinities() -> str:
    far = lost("inf", Verdict.NO_RETURN, "no_return")
    lost("minus_inf", Verdict.TOO_CLOSE, "too_close")
    return f"no_return and too_close counted; {far}"


def impossible_limits() -> str:
    for fault, verdict in (
        ("negative", Verdict.NEGATIVE),
        ("beyond_max", Verdict.OUT_OF_RANGE),
        ("min_above_max", Verdict.BAD_LIMITS),
    ):
        seen = lost(fault, verdict, f"{verdict.value}: range")
    return f"negative, out_of_range, bad_limits counted; {seen}"


def huge() -> str:
    seen = lost("huge", Verdict.OUT_OF_RANGE, "range 1e+308")
    robot = fly("denormal")
    safe(robot)
    controller = robot.loops[Owner.SNN].controller
    states = controller.network.states.values()  # type: ignore[attr-defined]
    need(all(bool(abs(state.u).max() < 1e6) for state in states), "a membrane ran away")
    recovered(robot, bound_s=3.0)
    return f"huge: {seen}; denormal: membranes finite"


def zero_stamp() -> str:
    seen = lost("zero_stamp", Verdict.NO_STAMP, "no_stamp")
    robot = fly("zero_stamp", loop=LoopConfig(accept_unstamped=True))
    safe(robot)
    need(robot.owners(START_S, END_S) == [Owner.SNN], "accept_unstamped does not fly")
    return f"{seen}; with accept_unstamped it flies on"


def future_stamp() -> str:
    seen = [lost(fault, Verdict.FUTURE, "future") for fault in ("future_hour", "future_years")]
    return seen[-1]


def out_of_order() -> str:
    robot = fly("out_of_order")
    safe(robot)
    check = robot.loops[Owner.PID].check
    need(check.counts[Verdict.OUT_OF_ORDER] == 50, f"{check.counts[Verdict.OUT_OF_ORDER]} of 50 dropped")
    for loop in robot.loops.values():
        need(loop.counts["restarts"] == 0, "time ran backwards in a step")
    return f"50 dropped; {_back(robot)}"


def duplicate() -> str:
    robot, plain = fly("duplicate"), Robot().fly(FLOWN_S)
    safe(robot)
    heights = [tick.height_m for tick in robot.ticks]
    need(heights == [tick.height_m for tick in plain.ticks], "the flight differs from one without duplicates")
    count = robot.loops[Owner.PID].check.counts[Verdict.DUPLICATE]
    need(count == 100, f"{count} of 100 counted")
    return "100 counted, the flight is the same to the bit"


def clock_jump(name: str, evidence: str) -> str:
    """The clock is set and stays set."""
    robot = fly(name, "clock")
    safe(robot)
    jumps = [t for t in robot.transitions if t.cause == "clock jumped"]
    need(jumps and jumps[0].new is Owner.NEUTRAL, "no transition 'clock jumped'")
    need(evidence in jumps[0].evidence, f"evidence {jumps[0].evidence}")
    spike = max(abs(t.command) for t in robot.ticks if START_S <= t.time_s < START_S + 1.0)
    need(spike <= 3.0, f"a spike of {spike:.1f}")
    return f"{jumps[0]}; flies {recovered(robot, START_S + 0.1):.2f} s later"


def paused() -> str:
    for name in ("paused", "slow"):
        robot = fly(name, "clock")
        safe(robot)
        stale = robot.loops[Owner.PID].check.counts[Verdict.STALE]
        need(stale == 0, f"{stale} readings stale while the clock was {name}")
        recovered(robot, bound_s=2.0)
        if name == "paused":
            neutral_s = robot.when(lambda tick: tick.owner is Owner.NEUTRAL, START_S)
            need(neutral_s <= 1.2, f"neutral after {neutral_s:.2f} s of a clock that stands still")
    return f"neutral after {neutral_s:.2f} s, no stale verdict, flies again"


def centimetres() -> str:
    return lost("centimetres", Verdict.OUT_OF_RANGE, "is it in centimetres?")


def loss() -> str:
    seen = []
    for share, least_s in ((0.1, 9.5), (0.5, 5.0), (0.9, 0.0)):
        robot = fly("intermittent", sizes=Sizes(loss=share, burst=max(2, round(share / (1.0 - share)))))
        safe(robot)
        recovered(robot)
        flown = sum(t.owner is not Owner.NEUTRAL for t in robot.ticks if START_S <= t.time_s < END_S) * 0.02
        need(flown >= least_s, f"{share:.0%} lost: flown {flown:.1f} of 10 s, expected {least_s} s")
        seen.append(f"{share:.0%} lost: flown {flown:.1f} of 10 s")
    return "; ".join(seen)


SENSOR_CHECKS: dict[int, Check] = {
    1: partial(lost, "off", None, "no range for"),
    3: garbage,
    5: slow,
    6: delayed,
    7: intermittent,
    8: partial(lost, "nan", Verdict.NON_FINITE, "non_finite"),
    9: infinities,
    10: impossible_limits,
    11: huge,
    12: zero_stamp,
    13: future_stamp,
    14: partial(lost, "old_stamp", Verdict.STALE, "stale"),
    15: out_of_order,
    16: duplicate,
    17: partial(clock_jump, "forward", "+60."),
    18: partial(clock_jump, "backward", "-59."),
    20: paused,
    22: centimetres,
    48: loss,
}
