"""The follower as a node: taught by services, lost when an input falls silent, never a drive from what is stale."""

import math

import numpy as np
import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped, TwistWithCovarianceStamped, WrenchStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Imu
from std_msgs.msg import String
from std_srvs.srv import Trigger

from ros_bench import NEWTONS, diagnostics
from snn_control.nodes.route_follower import STATE_QOS, RouteFollowerNode, yaw_of
from snn_control.taught_route import TaughtRoute
from snn_core.errors import ConfigError
from snn_core.nodes.wire import from_drive_wrench, seconds, stamp

pytestmark = pytest.mark.ros
T0, DT = 100.0, 0.1


class Robot:
    """The bench's end of the follower: sends inputs period by period, hears what comes."""

    def __init__(self, bench, **parameters):
        self.bench, self.now = bench, T0
        self.drives = {owner: bench.listen(f"drive/{owner}", WrenchStamped) for owner in ("snn", "pid")}
        self.poses = bench.listen("route/pose", Odometry)
        self.states = []
        bench.node.create_subscription(String, "route/state", lambda m: self.states.append(m.data), STATE_QOS)
        self.places, self.begun, self.refuse = [], [], ""
        bench.node.create_service(Trigger, "place/teach", self._teach)
        for name in ("forget", "reset"):
            bench.node.create_service(Trigger, f"place/{name}", self._beginning(name))
        self.node = bench.make(
            RouteFollowerNode, **{"velocity_patience_s": 5.0, "settle_s": 0.0, "networks": True, **parameters}
        )
        bench.set_clock(T0, self.node)
        listeners = (*self.node.drives.values(), self.node.pose, self.node.state)
        bench.until(lambda: all(p.get_subscription_count() for p in listeners), "the bench to hear the follower")
        bench.until(lambda: all(self.node.places[n].service_is_ready() for n in ("teach", "forget")), "the places")

    def _teach(self, _, response):
        response.success, response.message = not self.refuse, self.refuse
        if not self.refuse:
            self.places.append(self.poses[-1][1].pose.pose.position.x if self.poses else math.nan)
        return response

    def _beginning(self, name):
        def answer(_, response):
            self.begun.append((name, len(self.places)))
            response.success = True
            return response

        return answer

    def call(self, name):
        return self.bench.call(Trigger, name, Trigger.Request())

    def period(self, velocity=(0.8, 0.0), turn_radps=0.0, wait=True):
        self.now = round(self.now + DT, 3)
        steps = self.node.loop.counts["steps"]
        self.bench.set_clock(self.now, self.node)
        if turn_radps is not None:
            self.bench.publish("imu", imu_at(self.now, turn_radps))
        if velocity is not None:
            self.bench.publish("velocity", velocity_at(self.now, *velocity))
        if wait:
            self.bench.until(lambda: self.node.loop.counts["steps"] > steps, "a step")

    def heard(self, owner):
        """The newest drive of an owner: ahead, turn, stamp."""
        found = from_drive_wrench(self.drives[owner][-1][1], NEWTONS)
        return found.ahead, found.turn, round(found.stamp_s, 3)

    def flying(self):
        for change, periods in (("route/teach", 40), ("route/stop", 0), ("route/follow", 5)):
            assert self.call(change).success
            for _ in range(periods):
                self.period()
        assert self.node.loop.state.value == "following"
        return self


def imu_at(time_s, turn_radps):
    message = Imu()
    message.header.stamp = stamp(time_s)
    message.angular_velocity.z = turn_radps
    return message


def velocity_at(time_s, forward, left, frame="base_link"):
    message = TwistWithCovarianceStamped()
    message.header.stamp, message.header.frame_id = stamp(time_s), frame
    message.twist.twist.linear.x, message.twist.twist.linear.y = forward, left
    return message


def seen_at(time_s, along_m, yaw=0.0, frame="route"):
    message = PoseWithCovarianceStamped()
    message.header.stamp, message.header.frame_id = stamp(time_s), frame
    message.pose.pose.position.x = along_m
    message.pose.pose.orientation.z, message.pose.pose.orientation.w = math.sin(0.5 * yaw), math.cos(0.5 * yaw)
    return message


def test_a_route_is_taught_saved_followed_and_arrived_at(bench, tmp_path):
    path = tmp_path / "route.safetensors"
    robot = Robot(bench, save_path=str(path))
    refused = robot.call("route/follow")
    assert (refused.success, "found none" in refused.message) == (False, True)
    assert not robot.call("route/save").success
    assert robot.call("route/teach").success
    for _ in range(20):
        robot.period(turn_radps=0.1)
    bench.until(lambda: len(robot.places) == 4, "four places")
    assert robot.places == pytest.approx([0.08, 0.56, 1.04, 1.52], abs=0.09)
    assert robot.drives == {"snn": [], "pid": []} or {robot.heard(o)[:2] for o in robot.drives} == {(0.0, 0.0)}
    assert "1.6 m are taught" in robot.call("route/stop").message
    assert robot.call("route/save").success
    assert TaughtRoute.load(path).length_m == pytest.approx(1.6)
    assert robot.call("route/follow").success
    bench.until(lambda: len(robot.begun) == 2, "a beginning for each")
    assert robot.begun == [("forget", 0), ("reset", 4)]
    robot.period()
    bench.until(lambda: robot.heard("snn")[2] == robot.heard("pid")[2] == robot.now, "drives of this instant")
    bench.until(lambda: round(seconds(robot.poses[-1][1].header.stamp), 3) == robot.now, "a pose of this instant")
    pose = robot.poses[-1][1]
    assert pose.header.frame_id == "route"
    assert pose.pose.pose.position.x == pytest.approx(0.08, abs=0.01)
    for _ in range(17):
        robot.period()
    bench.until(lambda: robot.states[-1] == "arrived", "arrival")
    bench.until(lambda: robot.heard("pid") == (0.0, 0.0, robot.now), "a neutral drive")
    seen = [state for k, state in enumerate(robot.states) if not k or state != robot.states[k - 1]]
    assert seen == ["idle", "teaching", "idle", "following", "arrived"]


def test_a_place_that_is_refused_is_asked_for_again_and_named(bench):
    robot, reports = Robot(bench), diagnostics(bench)
    robot.refuse = "no fresh image"
    robot.call("route/teach")
    robot.period()
    bench.until(lambda: robot.node.loop.counts["places_refused"] > 0, "a refusal")
    bench.diagnosis("route_follower", reports, lambda s: "a place was not taught: no fresh image" in s.message)
    robot.refuse = ""
    robot.period()
    bench.until(lambda: len(robot.places) == 1, "the place")


def test_silent_velocity_is_lost_by_name_and_drives_neutral(bench):
    reports, robot = diagnostics(bench), Robot(bench, silence_s=0.3, velocity_patience_s=0.01).flying()
    for _ in range(5):
        robot.period(velocity=None)
    bench.until(lambda: robot.states[-1] == "lost", "the loss")
    bench.until(lambda: {robot.heard(o) for o in robot.drives} == {(0.0, 0.0, robot.now)}, "neutral drives")
    level, message, _ = bench.diagnosis("route_follower", reports, lambda s: "lost" in s.message)
    assert (level, "no velocity for" in message) == (2, True)
    for _ in range(2):  # after a row of silent periods the first velocity is used in the period after its own
        robot.period(velocity=(0.5, 0.0))
    bench.until(lambda: robot.heard("snn")[0] != 0.0, "it to fly on")


def test_a_silent_gyro_is_lost_by_name_and_drives_neutral(bench):
    reports, robot = diagnostics(bench), Robot(bench).flying()
    for _ in range(5):
        robot.period(turn_radps=None, wait=False)
    bench.until(lambda: robot.states[-1] == "lost", "the loss")
    bench.until(lambda: {robot.heard(o) for o in robot.drives} == {(0.0, 0.0, robot.now)}, "neutral drives")
    bench.diagnosis("route_follower", reports, lambda s: "lost: no imu for" in s.message)


def test_messages_that_cannot_be_used_are_counted_and_named(bench):
    reports, robot = diagnostics(bench), Robot(bench).flying()
    for message in (velocity_at(robot.now, math.nan, 0.0), velocity_at(robot.now, 1.0, 0.0, "odom")):
        bench.publish("velocity", message)
    bench.publish("velocity", velocity_at(robot.now - 5.0, 1.0, 0.0))
    bench.publish("place", seen_at(robot.now, 1.0, frame="place_index"))
    bench.publish("place/turn", seen_at(robot.now, math.inf))
    wanted = {"velocity_wrong_frame", "velocity_stale", "place_wrong_frame", "place/turn_non_finite"}

    def counted(status):
        values = {pair.key: pair.value for pair in status.values}
        return all(values.get(name) == "1" for name in wanted)

    bench.diagnosis("route_follower", reports, counted)


def test_what_is_seen_moves_the_estimate(bench):
    robot = Robot(bench).flying()
    before = robot.node.loop.pose
    bench.publish("place", seen_at(robot.now, before.along_m + 1.0))
    bench.publish("place/turn", seen_at(robot.now, before.along_m, yaw=-0.1))
    bench.until(lambda: len(robot.node.loop.seen) == 2, "both to be heard")
    robot.period()
    after = robot.node.loop.pose
    assert after.along_m == pytest.approx(before.along_m + 0.08 + 0.15 * 1.0, abs=0.02)
    assert after.heading_rad > before.heading_rad + 0.005


def test_stop_ends_with_a_neutral_drive_and_silence(bench):
    robot = Robot(bench).flying()
    robot.period(velocity=(0.3, 0.0))
    bench.until(lambda: robot.heard("pid")[0] > 0.5, "it to drive")
    robot.call("route/stop")
    bench.until(lambda: robot.heard("pid")[:2] == robot.heard("snn")[:2] == (0.0, 0.0), "neutral drives")
    count = len(robot.drives["pid"])
    for _ in range(3):
        robot.period()
    bench.spin()
    assert len(robot.drives["pid"]) == count


def test_a_route_that_cannot_be_read_is_one_clear_error(bench, tmp_path):
    with pytest.raises(ConfigError, match=r"route_follower: .*none\.safetensors: cannot be read"):
        bench.make(RouteFollowerNode, route=str(tmp_path / "none.safetensors"))


def test_yaw_of_a_quaternion():
    turn = seen_at(1.0, 0.0, yaw=-0.3).pose.pose.orientation
    assert yaw_of(turn) == pytest.approx(-0.3)
    turn.w = 5.0
    assert np.isnan(yaw_of(turn))
