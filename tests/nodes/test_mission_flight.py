"""The whole robot over DDS in lock step: taught in summer it follows in winter; without velocity it stops."""

import json

import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from snn_cli.main import main
from snn_cli.nodes.mission_bringup import MissionBringupConfig
from snn_cli.nodes.mission_director import NOTHING_MORE
from snn_cli.nodes.mission_flight import MissionFlight
from snn_control.route_steps import RouteState
from snn_core.errors import ConfigError, SnnError

pytestmark = pytest.mark.ros
SHORT = {"mission": "teach_repeat", "repeat_in": "winter", "to_m": 4.5, "real_time_factor": 0.0,
         "motion": False, "coordinator": False}  # fmt: skip


def spin_until(flight, holds, seconds):
    """Fly until `holds()`, for so much simulated time at most; whether it held."""
    world = flight.graph.world.flight
    end_s = world.now_s + seconds
    while not holds() and world.now_s < end_s:
        flight.executor.spin_once(timeout_sec=1.0)
    return holds()


def test_a_street_taught_in_summer_is_followed_in_winter_but_not_without_velocity(tmp_path):
    path = tmp_path / "result.json"
    with MissionFlight(MissionBringupConfig.check({**SHORT, "result": str(path)})) as flight:
        result = flight.fly()
        graph, loop = flight.graph, flight.graph.follower.loop
        assert result["success"]
        assert result["flights"][0]["condition"] == graph.world.flight.config.condition == "winter"
        written = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert written["cross_track_error_m"] == pytest.approx(result["cross_track_error_m"], abs=1e-6)
        assert result["cross_track_error_m"] < 0.4
        assert result["largest_cross_track_m"] < 0.8
        assert result["end_error_m"] < 1.0
        assert result["route_m"] > 3.5
        assert graph.places.loop.recogniser.map.places >= 8
        assert loop.inputs["place/turn"].counts.total() > 30
        blinded(flight)


def blinded(flight):
    """The same flight, but the event camera falls silent on the way: lost by name, drive neutral."""
    graph, loop = flight.graph, flight.graph.follower.loop
    assert spin_until(flight, lambda: graph.director.wait is NOTHING_MORE, 10.0), "it is not brought to rest"
    tester = Node("tester", context=flight.context, use_global_arguments=False)
    flight.executor.add_node(tester)
    for name in ("reset", "route/follow"):
        client = tester.create_client(Trigger, name)
        assert client.wait_for_service(timeout_sec=20.0)
        future = client.call_async(Trigger.Request())
        assert spin_until(flight, future.done, 20.0)
        assert future.result().success
    assert spin_until(flight, lambda: loop.pose is not None and loop.pose.along_m > 0.4, 20.0)
    assert spin_until(flight, lambda: graph.gate.sent_drive.ahead > 0.5, 10.0), "nothing pushes it ahead"
    graph.world.set_parameters([Parameter("silent_events", value=True)])
    assert spin_until(flight, lambda: loop.state is RouteState.LOST, loop.config.silence_s + 1.0)
    assert "no velocity" in loop.health().message
    at = graph.world.flight.now_s
    spin_until(flight, lambda: False, 1.0)
    assert (graph.gate.sent_drive.ahead, graph.gate.sent_drive.turn) == (0.0, 0.0)
    assert graph.gate.sent_drive.stamp_s > at
    assert loop.state is RouteState.LOST


def test_what_cannot_be_flown_is_one_clear_error():
    with pytest.raises(ConfigError, match="mission_director: unknown mission 'nowhere'"):
        MissionFlight(MissionBringupConfig.check({**SHORT, "mission": "nowhere"}))
    with pytest.raises(ConfigError, match="mission_director: expected a mission of kind route"):
        MissionFlight(MissionBringupConfig.check({**SHORT, "mission": "hold"}))
    with pytest.raises(ConfigError, match="unknown condition 'spring'"):
        MissionFlight(MissionBringupConfig.check({**SHORT, "repeat_in": "spring"}))


def test_the_command_says_in_one_line_what_it_cannot_fly(capsys):
    assert main(["mission", "launch", "hold"]) == 1
    assert main(["mission", "launch", "teach_repeat", "--condition", "spring"]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 2
    assert "expected a mission of kind route for one robot, got 'hold', hold" in lines[0]
    assert "unknown condition 'spring'" in lines[1]


def test_without_a_mission_there_is_none_to_fly():
    config = MissionBringupConfig.check({**SHORT, "mission": "", "scene": "hall"})
    with MissionFlight(config) as flight, pytest.raises(SnnError, match="expected a mission to fly"):
        flight.fly()
