"""Launch files name what exists: executables, files, parameters' owners, topics."""

from pathlib import Path

import pytest
import yaml

from launch_reader import LaunchError, NodeAction, executables, read_launch, topics

ROOT = Path(__file__).resolve().parents[2]
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.xml"))


def strangers(action: NodeAction, known_topics: tuple[str, ...]) -> list[str]:
    """Remaps of topics that the node does not have, and parameter files that say nothing to it: ROS ignores both."""
    remaps = [f"{action.exec}: no topic {source!r}" for source in action.remaps if source not in known_topics]
    owners = {"/**", action.name} if action.name else {"/**", *executables()}
    files = [path for path in action.parameter_files if not owners & set(yaml.safe_load(path.read_text()))]
    return remaps + [f"{action.exec}: {path.name} has parameters of none of {sorted(owners)}" for path in files]


def test_there_are_launch_files():
    assert {path.name for path in LAUNCH_FILES} >= {"altitude_sim.launch.xml", "altitude_robot.launch.xml"}


SWITCHES = {  # files that start other nodes when told so
    "altitude_sim.launch.xml": {"composed": "false"},
    "sim_mission.launch.xml": {"composed": "false", "mission": "teach_repeat"},
    "robot_bringup.launch.xml": {"events_look_down": "true"},
    "perception.launch.xml": {"events_look_down": "true"},
}


@pytest.mark.parametrize(
    ("path", "arguments"),
    [(path, {}) for path in LAUNCH_FILES] + [(ROOT / "launch" / name, given) for name, given in SWITCHES.items()],
    ids=lambda value: value.name if isinstance(value, Path) else "switched" if value else "",
)
def test_launch_file(path, arguments):
    actions = read_launch(path, arguments)
    assert actions, "starts no node"
    known = {action.exec: topics(action.exec) for action in actions if action.remaps}
    assert [line for action in actions for line in strangers(action, known.get(action.exec, ()))] == []


def test_both_ways_to_start_a_mission_start_the_whole_robot():
    whole = {
        "robot_world", "altitude_controller", "pid_controller", "command_gate", "place_recognizer", "event_motion",
        "ground_velocity", "route_follower", "coordinator", "mission_director",
    }  # fmt: skip
    path = ROOT / "launch" / "sim_mission.launch.xml"
    assert {action.exec for action in read_launch(path, {"composed": "false"})} == whole
    assert [action.exec for action in read_launch(path)] == ["mission_bringup"]


def launch(folder: Path, body: str, name: str = "sample.launch.xml") -> Path:
    path = folder / name
    path.write_text(f"<launch>{body}</launch>")
    return path


def test_reader_resolves_everything(tmp_path, monkeypatch):
    monkeypatch.setenv("SITE", "lab")
    monkeypatch.delenv("MISSING", raising=False)
    (tmp_path / "gate.yaml").write_text("command_gate: {ros__parameters: {}}")
    launch(
        tmp_path,
        '<arg name="controller"/><node pkg="snn_robotics" exec="$(var controller)" namespace="/abs"/>',
        "inner.launch.xml",
    )
    path = launch(
        tmp_path,
        """
        <arg name="height" default="1.5" description="m"/>
        <let name="twice" value="$(var height)$(var height)"/>
        <group>
          <push_ros_namespace namespace="$(env SITE)"/>
          <node pkg="snn_robotics" exec="command_gate" name="gate" namespace="blimp" respawn="true" respawn_delay="0.5">
            <param name="height_m" value="$(var height)"/>
            <param name="label" value="$(var twice)"/>
            <param from="$(dirname)/gate.yaml"/>
            <remap from="command" to="$(env MISSING thrust)"/>
          </node>
          <node pkg="snn_robotics" exec="blimp_world" if="$(env MISSING false)"/>
        </group>
        <include file="$(dirname)/inner.launch.xml"><arg name="controller" value="pid_controller"/></include>
        """,
    )
    gate, pid = read_launch(path, {"height": "2.0"})
    assert gate == NodeAction(
        exec="command_gate",
        name="gate",
        namespace="/lab/blimp",
        parameters={"height_m": 2.0, "label": "2.02.0"},
        parameter_files=(tmp_path / "gate.yaml",),
        remaps={"command": "thrust"},
        respawn=True,
        respawn_delay_s=0.5,
    )
    assert pid == NodeAction(exec="pid_controller", namespace="/abs")
    assert gate.command()[1:] == [
        *("--ros-args", "--params-file", str(tmp_path / "gate.yaml"), "-p", "height_m:=2.0", "-p", "label:=2.02.0"),
        *("-r", "command:=thrust", "-r", "__node:=gate", "-r", "__ns:=/lab/blimp"),
    ]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('<node pkg="snn_robotics" exec="no_such"/>', "'no_such' is not installed"),
        ('<node pkg="other" exec="snn"/>', "package 'other'"),
        ('<node pkg="snn_robotics" exec="snn" colour="red"/>', "no attribute"),
        ('<node pkg="snn_robotics"/>', "lacks"),
        ('<node pkg="snn_robotics" exec="snn"><param from="/no/such.yaml"/></node>', "no file"),
        ('<node pkg="snn_robotics" exec="snn"><topic/></node>', "unknown"),
        ('<include file="/no/such.launch.xml"/>', "no file"),
        ('<arg name="needed"/>', "no default"),
        ('<let name="x" value="$(var y)"/>', "cannot resolve"),
        ('<let name="x" value="$(find-pkg-share other)"/>', "cannot resolve"),
        ("<robot/>", "unknown element"),
        ('<node pkg="snn_robotics" exec="snn" if="perhaps"/>', "true or false"),
    ],
)
def test_reader_refuses(tmp_path, body, complaint):
    with pytest.raises(LaunchError, match=complaint):
        read_launch(launch(tmp_path, body))


def test_reader_refuses_an_undeclared_argument(tmp_path):
    with pytest.raises(LaunchError, match="no argument"):
        read_launch(launch(tmp_path, '<arg name="model" default="x"/>'), {"modle": "y"})


def test_a_remap_or_parameter_file_without_effect_is_seen(tmp_path):
    (tmp_path / "gate.yaml").write_text("other_node: {ros__parameters: {}}")
    action = NodeAction(
        exec="command_gate",
        name="command_gate",
        remaps={"range": "lidar", "rnage": "lidar"},
        parameter_files=(tmp_path / "gate.yaml",),
    )
    complaints = strangers(action, ("range", "command"))
    assert len(complaints) == 2
    assert "'rnage'" in complaints[0]
    assert "gate.yaml" in complaints[1]
