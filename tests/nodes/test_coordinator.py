"""The coordinator over real DDS: owner, sensing and events; and that nothing depends on it."""

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PointStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import BatteryState, Range
from std_msgs.msg import Header, String

from ros_bench import diagnostics, range_at, target_at, wrench_at
from sim_worlds.nodes.blimp_world import BlimpWorldNode
from snn_control.nodes.coordinator import CoordinatorNode
from snn_control.nodes.pid_controller import PidControllerNode
from snn_core.errors import ConfigError
from snn_core.nodes.wire import stamp
from snn_core.sensing import SensingOrder

pytestmark = pytest.mark.ros
T0 = 100.0


def odometry_at(time_s, climb_mps=0.0):
    message = Odometry()
    message.header.stamp = stamp(time_s)
    message.twist.twist.linear.z = climb_mps
    return message


class Flight:
    """Simulated time in periods of 0.1 s, with everything that the coordinator hears."""

    def __init__(self, bench, **parameters):
        self.bench, self.node = bench, bench.make(CoordinatorNode, **parameters)
        self.owners = bench.listen("command/owner", Header)
        self.sensing = bench.listen("coordinator/sensing", DiagnosticArray)
        self.events = bench.listen("coordinator/events", DiagnosticArray)
        self.now_s = T0

    def fly(self, periods, height_m=1.0, without=()):
        messages = {
            "target": lambda: target_at(1.0), "odom": lambda: odometry_at(self.now_s),
            "range": lambda: range_at(self.now_s, height_m), "command/snn": lambda: wrench_at(self.now_s, 1.0),
            "command/pid": lambda: wrench_at(self.now_s, 1.2),
        }  # fmt: skip
        for _ in range(periods):
            self.now_s += 0.1
            self.bench.set_clock(self.now_s, self.node)
            for topic, make in messages.items():
                if topic not in without:
                    self.bench.publish(topic, make())
            heard = [s for s in ("range", "command/snn", "command/pid") if s not in without]
            self.bench.until(lambda heard=heard: all(self.heard(s) for s in heard), "the period to be heard")

    def heard(self, stream):
        stamp_s = self.node.coordinator.monitors[stream].stamp_s
        return stamp_s is not None and abs(stamp_s - self.now_s) < 1e-6

    def owner(self):
        return self.owners[-1][1].frame_id if self.owners else None

    def values(self, stream):
        status = next(s for s in self.sensing[-1][1].status if s.name == stream)
        return {pair.key: pair.value for pair in status.values}

    def told(self):
        return [{p.key: p.value for p in m.status[0].values} for _, m in self.events]


def test_it_has_no_opinion_until_a_controller_is_fit_and_then_leases_it(bench):
    flight = Flight(bench)
    flight.fly(4)
    assert flight.owners == []
    flight.fly(12)
    assert flight.owner() == "snn"
    stamp_s = flight.owners[-1][1].stamp
    assert stamp_s.sec + stamp_s.nanosec * 1e-9 == pytest.approx(flight.now_s, abs=0.11)
    assert flight.values("range")["expected_rate_hz"] == "10"
    owner_events = [e for e in flight.told() if e["kind"] == "owner"]
    assert [(e["old"], e["new"]) for e in owner_events] == [("neutral", "pair")]


def test_a_lost_controller_and_a_lost_sensor_step_down_the_ladder(bench):
    flight = Flight(bench)
    flight.fly(16)
    flight.fly(5, without=("command/snn",))
    assert flight.owner() == "pid"
    flight.fly(12, without=("command/snn", "range"))
    assert flight.owner() == "neutral"
    rungs = [e["new"] for e in flight.told() if e["kind"] == "owner"]
    assert rungs == ["pair", "pid", "hold", "neutral"]
    assert any("no data for" in e["evidence"] for e in flight.told() if e["subject"] == "range")


def test_the_battery_ends_the_mission(bench):
    missions = bench.listen("coordinator/mission", String)
    flight = Flight(bench)
    bench.publish("battery", BatteryState(percentage=0.1))
    flight.fly(3)
    bench.until(lambda: missions and missions[-1][1].data == "land", "the mission to end")
    assert "battery critical" in [e["cause"] for e in flight.told()]


def test_it_reports_its_own_state(bench):
    reports = diagnostics(bench)
    flight = Flight(bench)
    flight.fly(16)
    level, message, values = bench.diagnosis("coordinator", reports, lambda s: s.message == "pair flies")
    assert (level, message) == (0, "pair flies")
    assert values["trust_range"] == "1"
    assert float(values["busy"]) >= 0.0


def test_nonsense_of_every_kind_changes_nothing(bench):
    flight = Flight(bench)
    flight.fly(16)
    nan = float("nan")
    bench.publish("range", range_at(flight.now_s + 0.01, nan))
    bench.publish("odom", odometry_at(flight.now_s + 0.01, nan))
    bench.publish("command/snn", wrench_at(flight.now_s + 3600.0, 1.0))
    bench.publish("battery", BatteryState(percentage=nan))
    bench.publish("target", PointStamped())
    bench.publish("fleet/observations", DiagnosticArray())
    flight.fly(2)
    assert flight.owner() == "snn"
    assert flight.node.guard.errors == 0


def test_a_stream_of_an_unknown_type_is_refused(bench, tmp_path):
    path = tmp_path / "streams.yaml"
    path.write_text(
        "streams: {x: {topic: x, type: a/B, rate_min_hz: 1, rate_nominal_hz: 1, rate_max_hz: 1, max_age_s: 1}}"
    )
    with pytest.raises(ConfigError, match=r"stream x: expected a type of .*sensor_msgs/Range.*found a/B"):
        bench.make(CoordinatorNode, streams=str(path))


def test_the_sensor_follows_the_lease_and_returns_to_its_own_rate(bench):
    ranges = bench.listen("range", Range)
    world = bench.make(BlimpWorldNode, use_sim_time=False, real_time_factor=20.0)
    status = DiagnosticArray()
    values = [KeyValue(key=k, value=v) for k, v in SensingOrder(2.5).to_values().items()]
    status.status = [DiagnosticStatus(name="range", level=bytes([0]), values=values)]
    bench.publish("coordinator/sensing", status)
    bench.until(lambda: world.sensing.order is not None, "the order to arrive")
    count, ticks = len(ranges), world.flight.ticks
    bench.until(lambda: world.flight.ticks >= ticks + 12, "1.2 s of flight")
    assert 2 <= len(ranges) - count <= 5
    bench.until(lambda: world.sensing.order is None, "the lease to run out")
    count, ticks = len(ranges), world.flight.ticks
    bench.until(lambda: world.flight.ticks >= ticks + 12, "1.2 s of flight")
    assert len(ranges) - count >= 10


def test_it_brings_up_a_node_that_waits_and_brings_it_up_again_after_it_fell(bench):
    pid = bench.make(PidControllerNode, autostart=False)
    bench.make(CoordinatorNode, use_sim_time=False, managed="pid_controller", backoff_s=0.1, answer_s=0.5)
    events = bench.listen("coordinator/events", DiagnosticArray)
    bench.until(lambda: pid.active, "the node to be brought up")
    bench.until(lambda: _lifecycle(events, "active"), "its report")
    pid.trigger_deactivate()
    pid.trigger_cleanup()
    bench.until(lambda: pid.active, "the node to be brought up again", timeout_s=40.0)
    assert _lifecycle(events, "unconfigured")


def _lifecycle(events, new):
    found = [{p.key: p.value for p in m.status[0].values} for _, m in events]
    return any(e["kind"] == "lifecycle" and e["new"] == new for e in found)


def test_controllers_bridge_a_sleeping_sensor_and_stop_when_the_coordinator_is_gone(bench):
    commands = bench.listen("command/pid")
    pid = bench.make(PidControllerNode)
    bench.set_clock(T0, pid)
    bench.publish("target", target_at(1.0))
    status = DiagnosticArray()
    values = [KeyValue(key=k, value=v) for k, v in SensingOrder(2.5).to_values().items()]
    status.status = [DiagnosticStatus(name="range", level=bytes([0]), values=values)]
    bench.publish("coordinator/sensing", status)
    bench.until(lambda: pid.loop.bridge.asked_hz == 2.5, "the order")
    bench.publish("range", range_at(T0))
    bench.until(lambda: len(commands) == 1, "a command")
    for k in (1, 2, 3, 4, 5):
        bench.set_clock(T0 + 0.1 * k, pid)
        bench.spin()
    assert len(commands) == 4  # three predicted steps; the reading that was due then did not come
    bench.until(lambda: pid.loop.bridge.wanted_hz is None, "the lease to run out")
