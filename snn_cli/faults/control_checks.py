"""Checks of faults of control and of the coordinator, flown in simulated time."""

import math
from collections.abc import Callable
from itertools import permutations

from sim_worlds.faults.networks import hyperactive, silenced
from snn_cli.faults.case import Check, Missed, need
from snn_cli.faults.flight import Injection, Robot
from snn_cli.faults.sensor_checks import safe
from snn_cli.faults.watch import PEER_FRAME, Watch
from snn_control.altitude_loop import LoopConfig
from snn_control.controllers import SpikingController
from snn_control.coordination.contracts import Phase, load_contracts
from snn_control.coordination.coordinator import HEIGHT, PLACE, CoordinationConfig, Coordinator
from snn_control.coordination.fleet import Observation
from snn_control.coordination.journal import Journal
from snn_control.coordination.lifecycle import LifecycleConfig, NodeState, Supervisor
from snn_control.coordination.sensing_policy import Pressure, SensingPolicy
from snn_control.coordination.situation import Situation
from snn_control.coordination.snapshot import Snapshot
from snn_control.coordination.trust import TRUSTED
from snn_control.owners import Owner
from snn_control.pid import PidConfig
from snn_core.network import NetworkParams
from snn_core.signals import Level

START_S, END_S, FLOWN_S = 20.0, 30.0, 60.0
TARGETS = ((0.0, 1.0), (14.0, 1.4), (21.0, 1.0), (32.0, 1.2))
SETTLED_M = 0.15


def watched(place: str, fault: str, targets: tuple[tuple[float, float], ...] = TARGETS) -> tuple[Robot, Watch]:
    """A flight with a coordinator and a fault from START_S to END_S."""
    watch = Watch()
    robot = Robot([Injection(place, fault, START_S, END_S)], targets=targets, watch=watch).fly(FLOWN_S)
    safe(robot)
    return robot, watch


def back(robot: Robot, bound_s: float, since_s: float = END_S) -> str:
    """The networks command again, and hold the target in the end."""
    back_s = robot.when(lambda tick: tick.owner is Owner.SNN, since_s)
    need(back_s <= bound_s, f"the networks command again after {back_s:.2f} s, bound {bound_s} s")
    error_m = robot.error_m(robot.time_s - 5.0, robot.time_s)
    need(error_m <= SETTLED_M, f"{error_m:.2f} m from the target at the end")
    return f"networks again {back_s:.1f} s after the end"


def stuck() -> str:
    robot, watch = watched("reading", "stuck")
    need(watch.least_trust(HEIGHT, START_S, END_S) == 0.0, "the stuck sensor is trusted")
    said = watch.said(Level.ERROR, "stuck", START_S, END_S)
    need(said, "no ERROR says 'stuck'")
    neutral_s = robot.when(lambda tick: tick.owner is Owner.NEUTRAL, START_S)
    need(neutral_s <= 5.0, f"flown on for {neutral_s:.1f} s")
    return f"neutral after {neutral_s:.2f} s, {said[:70]}; {flies_again(robot)}"


def flies_again(robot: Robot, bound_s: float = 15.0) -> str:
    """Some controller commands again in time, and holds the target in the end."""
    again_s = robot.when(lambda tick: tick.owner is not Owner.NEUTRAL, END_S)
    need(again_s <= bound_s, f"a controller commands again after {again_s:.1f} s, bound {bound_s} s")
    error_m = robot.error_m(robot.time_s - 5.0, robot.time_s)
    need(error_m <= SETTLED_M, f"{error_m:.2f} m from the target at the end")
    return f"flies again {again_s:.1f} s after the end"


def wrong() -> str:
    robot, watch = watched("reading", "wrong")
    trust = watch.least_trust(HEIGHT, START_S, END_S)
    need(trust < TRUSTED, f"trust {trust:.2f} in a sensor that is 0.5 m wrong")
    said = watch.said(Level.WARN, "disagrees", START_S, END_S)
    need(said, "no WARN")
    late_s = robot.when(lambda tick: tick.owner is Owner.NEUTRAL, START_S)
    return f"{said[:80]}, neutral after {late_s:.1f} s; {back(robot, 10.0)}"


def bad_target() -> str:
    for fault in ("nan", "inf", "huge", "negative"):
        robot = Robot([Injection("target", fault, 10.0, 20.0)], targets=((0.0, 1.0), (22.0, 1.4))).fly(45.0)
        safe(robot)
        refused = robot.loops[Owner.PID].counts["target_refused"]
        need(refused == 100, f"{refused} of 100 refused")
        error_m = robot.error_m(10.0, 22.0)
        need(error_m < SETTLED_M, f"{error_m:.2f} m from the target that was held")
    held = Robot([Injection("target", "off", 10.0, 40.0)], targets=((0.0, 1.0),)).fly(40.0)
    need(held.owners(5.0, 40.0) == [Owner.SNN], "the newest target is not held")
    limited = Robot(
        [Injection("target", "off", 10.0, 20.0)], targets=((0.0, 1.0),), loop=LoopConfig(target_timeout_s=2.0)
    ).fly(40.0)
    safe(limited)
    neutral_s = limited.when(lambda tick: tick.owner is Owner.NEUTRAL, 10.0)
    need(2.0 <= neutral_s <= 2.6, f"neutral after {neutral_s:.2f} s, target_timeout_s is 2 s")
    need(limited.said(Level.ERROR, "no target for", 12.0, 20.0), "no ERROR says so")
    jump = Robot(targets=((0.0, 0.5), (10.0, 9.5))).fly(14.0)
    safe(jump)
    return f"400 refused, target held; with a limit of 2 s neutral after {neutral_s:.2f} s; a jump of 9 m stays inside"


def sick_networks() -> str:
    seen = [_sick(silenced, "silent", Robot()), _sick(hyperactive, "hyperactive", Robot(watch=Watch()))]
    return "; ".join(seen)


def _sick(change: Callable[[NetworkParams], NetworkParams], name: str, robot: Robot) -> str:
    """The networks fall sick at 15 s and are well again from 30 s on."""
    robot.targets = [(0.0, 1.0), (16.0, 1.6), (40.0, 1.2)]
    robot.fly(15.0)
    controller = robot.loops[Owner.SNN].controller
    if not isinstance(controller, SpikingController):
        raise Missed("the networks do not fly")
    network = controller.network
    healthy = dict(network.parts)
    network.parts = {part: change(params) for part, params in healthy.items()}
    robot.fly(30.0)
    network.parts = healthy
    network.reset()
    robot.fly(60.0)
    safe(robot)
    pid_s = robot.when(lambda tick: tick.owner is Owner.PID, 15.0)
    need(pid_s <= 8.0, f"{name}: the PID flies after {pid_s:.1f} s")
    words = "output silent" if name == "silent" else "hyperactive"
    watch = robot.watch
    said = watch.said(Level.ERROR, words) if isinstance(watch, Watch) else robot.said(Level.ERROR, words)
    need(said, f"no ERROR says '{words}'")
    return f"{name}: PID after {pid_s:.1f} s, {said[:60]}, {back(robot, 12.0, 30.0)}"


def saturated() -> str:
    robot = Robot(targets=((0.0, 1.0), (10.0, 9.0), (40.0, 8.5))).fly(60.0)
    safe(robot)
    said = robot.said(Level.WARN, "command at its limit", 10.0, 40.0)
    need(said, "no WARN about a saturated command")
    integral = abs(float(robot.loops[Owner.PID].controller.state.integral[0]))  # type: ignore[attr-defined]
    need(integral <= PidConfig().integral_limit, f"the integral wound up to {integral:.1f}")
    robot, watch = watched("snn", "limit")
    need(robot.owners(START_S, END_S)[-1] is not Owner.SNN, "saturated networks command to the end")
    alarm = watch.said(Level.WARN, "", START_S, END_S)
    return f"{said[:60]}; stuck at its limit: {alarm[:70]}; {flies_again(robot)}"


def disagree() -> str:
    robot, watch = watched("snn", "opposite")
    said = watch.said(Level.WARN, "disagree", START_S, END_S)
    need(said, "no WARN from the shadow comparison")
    pid_s = robot.when(lambda tick: tick.owner is Owner.PID, START_S)
    need(pid_s <= END_S - START_S, "the PID never flies")
    return f"{said[:90]}, PID after {pid_s:.1f} s; {back(robot, 15.0)}"


def no_thrust() -> str:
    robot = Robot([Injection("thrust", "off", 10.0, 22.0)], targets=((0.0, 1.0), (10.0, 2.4))).fly(60.0)
    safe(robot)
    said = robot.said(Level.WARN, "command at its limit", 10.0, 23.0)
    need(said, "no WARN about a command that does nothing")
    over_m = max(tick.height_m for tick in robot.ticks) - 2.4
    need(over_m < 0.3, f"{over_m:.2f} m beyond the target after thrust came back")
    return f"{said[:70]}; {max(0.0, over_m):.2f} m beyond the target after thrust came back"


def blind_fallback() -> str:
    injections = [Injection("snn", "off", 10.0, 20.0), Injection("reading", "off", 10.0, 20.0)]
    robot = Robot(injections).fly(45.0)
    safe(robot)
    owners = robot.owners(10.5, 20.0)
    need(owners == [Owner.NEUTRAL], f"owners {owners}")
    engaged = [t for t in robot.transitions if t.new is Owner.PID and 1010.3 < t.at_s < 1020.0]
    need(not engaged, "a blind PID was engaged")
    return f"neutral after {robot.when(lambda t: t.owner is Owner.NEUTRAL, 10.0):.2f} s, the PID never engages blind"


PAIRS = (
    (Injection("snn", "off", 10.0, 20.0), Injection("pid", "nan", 10.0, 20.0), Owner.NEUTRAL),
    (Injection("snn", "nan", 10.0, 20.0), Injection("reading", "nan", 10.0, 20.0), Owner.NEUTRAL),
    (Injection("snn", "future", 10.0, 20.0), Injection("target", "nan", 10.0, 20.0), Owner.PID),
    (Injection("reading", "off", 10.0, 20.0), Injection("clock", "forward", 12.0, 20.0), Owner.NEUTRAL),
)


def simultaneous() -> str:
    for one, other, strictest in PAIRS:
        outcomes = []
        for first, second in permutations((one, other)):
            robot = Robot([first, second]).fly(30.0)
            safe(robot)
            outcomes.append(robot.owners(14.0, 19.0))
        need(outcomes[0] == outcomes[1], f"the order matters: {outcomes}")
        need(outcomes[0] == [strictest], f"{one.place} {one.name} with {other.place} {other.name}: {outcomes[0]}")
    return f"{len(PAIRS)} pairs in both orders; `snn faults pairs` draws any number"


def hostile_peer() -> str:
    """A peer claims full trust for a place that is nowhere, under good stamps; flights with and without it."""
    honest, lied = Watch(), Watch()
    plain = Robot(targets=TARGETS, watch=honest).fly(40.0)
    robot = Robot(targets=TARGETS, watch=lied)
    while robot.time_s < 40.0 - 1e-9:
        stamp_s = robot.now_s
        lied.observations = [
            Observation("liar", "pose", stamp_s, PEER_FRAME, 1e6, -1e6, 50.0, 0.01, 1.0),
            Observation("liar", "owner", stamp_s, PEER_FRAME, 0.0, 0.0, 0.0, 0.01, 1.0),
            Observation("nan", "pose", stamp_s, PEER_FRAME, math.nan, 0.0, 0.0, 0.01, 1.0),
            Observation("late", "pose", stamp_s - 60.0, PEER_FRAME, 0.0, 0.0, 0.0, 0.01, 1.0),
            Observation("lost", "pose", stamp_s, "nowhere", 0.0, 0.0, 0.0, 0.01, 1.0),
            Observation("a", "pose", stamp_s, PEER_FRAME, 0.0, 0.0, 0.0, 0.01, 1.0),
        ]
        robot.step()
    need([t.command for t in robot.ticks] == [t.command for t in plain.ticks], "a peer changed the flight")
    need(lied.trusts == honest.trusts, "a peer changed a local trust")
    counts = lied.coordinator.fleet.counts
    need(all(counts[name] > 0 for name in ("non_finite", "stale", "own_name")), f"counted {dict(counts)}")
    offer = lied.coordinator.fleet.borrow("pose", robot.now_s)
    need(offer is None or offer.trust < TRUSTED, "a peer is trusted enough to fly by")
    return f"the flight is the same to the bit; refused {sum(counts.values()) - counts['ok']} observations by name"


def battery() -> str:
    rates, missions = {}, []
    for charge in (0.9, 0.25, 0.10):
        watch = Watch()
        watch.battery = charge
        robot = Robot(targets=((0.0, 1.0),), watch=watch).fly(30.0)
        safe(robot)
        order = watch.coordinator.policy.orders[PLACE]
        rates[charge] = order.rate_hz
        missions.append(watch.coordinator.mission)
    need(rates[0.25] <= rates[0.9], f"place at {rates} Hz")
    need(missions == ["go on", "go on, sense less", "land"], f"missions {missions}")
    need(watch.said(Level.ERROR, "battery critical"), "no ERROR about the battery")
    return f"missions {', then '.join(missions)}; place at {rates[0.9]:.2g}, {rates[0.25]:.2g}, {rates[0.1]:.2g} Hz"


def oscillation() -> str:
    """Demand that rises as soon as the dwell has let a rate fall, for five minutes."""
    config, journal = CoordinationConfig(), Journal()
    policy = SensingPolicy(load_contracts(), config, journal)
    changes_s, before = [], policy.orders[HEIGHT]
    for k in range(6000):
        now_s = START_S + 0.05 * k
        error_m = 0.6 if k % 44 >= 42 else 0.0
        policy.step(Situation(Phase.TRANSIT, error_m), Pressure(), now_s)
        if policy.orders[HEIGHT] != before:
            changes_s.append(now_s)
            before = policy.orders[HEIGHT]
    frozen = [event for event in journal.take() if event.new == "frozen"]
    need(frozen and frozen[0].level is Level.WARN, "never frozen")
    after = [time_s for time_s in changes_s if time_s > frozen[0].stamp_s]
    need(len(after) < len(changes_s), "frozen, and still turning")
    return f"frozen after {frozen[0].stamp_s - START_S:.0f} s ({frozen[0]}), {len(changes_s)} changes in 300 s"


def predicted_too_long() -> str:
    """A sensor that sleeps by order falls asleep for good: few steps are predicted, then sensing must say no."""
    watch = Watch()
    robot = Robot([Injection("reading", "off", 60.0, 70.0)], targets=((0.0, 1.0),), watch=watch).fly(100.0)
    safe(robot)
    bridge = robot.loops[Owner.SNN].bridge
    need(bridge.total > 0, "nothing was predicted: the sensor never slept")
    neutral_s = robot.when(lambda tick: tick.owner is Owner.NEUTRAL, 60.0)
    limit_s = (LoopConfig().max_predicted_steps + 1) * 0.1 + 0.5
    need(neutral_s <= limit_s, f"flown blind for {neutral_s:.2f} s, bound {limit_s:.2f} s")
    said = watch.said(Level.ERROR, "silent", 60.0, 70.0)
    need(said, "no ERROR says so")
    full = [e for _, e in watch.events if e.kind.value == "sensing" and "full sensing" in e.cause]
    need(full, "no spell of full sensing")
    return f"{bridge.total} steps predicted before, blind for {neutral_s:.2f} s at most, {said[:60]}"


def trust_dead() -> str:
    """A coordinator that hears nothing knows nothing, and trusts nothing."""
    coordinator = Coordinator(load_contracts(), CoordinationConfig(grace_s=0.0))
    decision = coordinator.step(Snapshot(START_S))
    for k in range(1, 50):
        decision = coordinator.step(Snapshot(START_S + 0.05 * k))
    need(all(not trust.usable for trust in decision.trusts.values()), "something unheard is trusted")
    need(decision.owner == "neutral", f"owner {decision.owner}")
    watch = Watch(dead_from_s=15.0)
    robot = Robot(targets=((0.0, 1.0), (18.0, 1.4)), watch=watch).fly(40.0)
    safe(robot)
    need(robot.owners(10.0, 40.0) == [Owner.SNN], f"owners {robot.owners(10.0, 40.0)} without a coordinator")
    return "unheard streams are not trusted, neutral; with the coordinator itself dead the gate flies its own ladder"


def restarts() -> str:
    """The supervisor asks again with growing waits, and gives up a node that falls too often."""
    config = LifecycleConfig()
    supervisor = Supervisor(["place_recognizer"], config)
    asked, now_s = [], START_S
    for fall in range(config.restarts_max + 2):
        supervisor.seen("place_recognizer", NodeState.UNCONFIGURED, now_s)
        wait = 0
        while not supervisor.step(now_s) and wait < 4000:
            now_s, wait = now_s + 0.05, wait + 1
            supervisor.seen("place_recognizer", NodeState.UNCONFIGURED, now_s)
        asked.append(wait * 0.05)
        if supervisor.nodes["place_recognizer"].given_up:
            break
        supervisor.seen("place_recognizer", NodeState.ACTIVE, now_s)
        now_s += 1.0
        need(fall <= config.restarts_max, "never given up")
    need(supervisor.nodes["place_recognizer"].given_up, "never given up")
    waits = [f"{wait:.1f}" for wait in asked[:-1]]
    return f"waits {', '.join(waits)} s, given up after {config.restarts_max} falls"


CONTROL_CHECKS: dict[int, Check] = {
    2: stuck,
    4: wrong,
    69: hostile_peer,
    70: bad_target,
    71: sick_networks,
    72: saturated,
    73: disagree,
    74: no_thrust,
    75: battery,
    76: oscillation,
    77: predicted_too_long,
    78: trust_dead,
    79: blind_fallback,
    80: simultaneous,
}
