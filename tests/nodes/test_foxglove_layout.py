"""The layout for Foxglove names what is really published: topics, their types, the fields that are plotted."""

import json
from pathlib import Path

import pytest
from rosbags.interfaces import Nodetype

from ros_bench import Bench
from sim_worlds.nodes.robot_world import RobotWorldNode
from snn_cli.missions.mission_messages import TYPES
from snn_cli.ros_messages import store
from snn_control.nodes.altitude_controller import AltitudeControllerNode
from snn_control.nodes.command_gate import CommandGateNode
from snn_control.nodes.pid_controller import PidControllerNode
from snn_perception.nodes.event_motion import EventMotionNode
from snn_perception.nodes.place_recognizer import PlaceRecognizerNode

pytestmark = pytest.mark.ros
LAYOUT = json.loads((Path(__file__).resolve().parents[2] / "docs" / "foxglove_layout.json").read_text())
PANELS = LAYOUT["configById"]
SHOWN = {  # what a panel can show, of what is published here
    "Image": {"sensor_msgs/msg/Image"},
    "3D": {
        "nav_msgs/msg/Odometry", "nav_msgs/msg/Path", "geometry_msgs/msg/PoseWithCovarianceStamped",
        "visualization_msgs/msg/MarkerArray",
    },
    "RosOut": {"rcl_interfaces/msg/Log"},
    "DiagnosticSummary": {"diagnostic_msgs/msg/DiagnosticArray"},
}  # fmt: skip
CONFIGS = {
    "Image": "ImageConfig", "3D": "ThreeDeeConfig", "RosOut": "LogConfig", "Plot": "PlotConfig",
    "DiagnosticSummary": "DiagnosticsSummaryConfig",
}  # fmt: skip


def split_path(value):
    """Topic and fields of `/topic.field.sub`."""
    topic, _, fields = value.partition(".")
    return topic, fields.split(".")


def topics(panel, config):
    """(topic, types that fit) of a panel that shows whole messages."""
    kind = panel.partition("!")[0]
    mode = config.get("imageMode", {})
    named = [mode.get("imageTopic"), config.get("topicToRender"), *config.get("topics", {})]
    found = [(topic, SHOWN[kind]) for topic in named if topic is not None]
    return [*found, *((mode[k], {"sensor_msgs/msg/CameraInfo"}) for k in ("calibrationTopic",) if k in mode)]


def number_at(kind, fields):
    """Whether the fields lead from a message type to a number."""
    for name in fields:
        there = dict(store().fielddefs[kind][1]) if kind in store().fielddefs else {}
        if name not in there:
            return False
        sort, about = there[name]
        kind = about if sort is Nodetype.NAME else about[0] if sort is Nodetype.BASE else None
    return isinstance(kind, str) and kind.startswith(("float", "int", "uint"))


def leaves(tree):
    if isinstance(tree, str):
        return [tree]
    return [*leaves(tree["first"]), *leaves(tree["second"])]


@pytest.fixture(scope="module")
def published():
    """Types of every topic of the robot's nodes, as the graph tells, and of the bags of missions."""
    bench = Bench()
    small = {"scene": "hall", "width": 32, "height": 24, "event_width": 32, "event_height": 24, "paused": True}
    nodes = [bench.make(RobotWorldNode, **small)]
    nodes += [bench.make(kind) for kind in (AltitudeControllerNode, PidControllerNode, CommandGateNode)]
    nodes += [bench.make(kind) for kind in (EventMotionNode, PlaceRecognizerNode)]
    types = {topic: {kind} for topic, kind in TYPES.items()}
    for node in nodes:
        for topic, kinds in node.get_publisher_names_and_types_by_node(node.get_name(), node.get_namespace()):
            types.setdefault(topic, set()).update(kinds)
    bench.close()
    return types


def test_every_topic_is_published_with_a_type_that_its_panel_shows(published):
    shown = [pair for panel, config in PANELS.items() for pair in topics(panel, config)]
    assert len(shown) > 8
    assert [topic for topic, fits in shown if not published.get(topic) or not published[topic] <= fits] == []
    assert {topic for topic, kinds in published.items() if len(kinds) > 1} == set(), "one topic, two types"


def test_every_plotted_field_is_a_number(published):
    paths = [split_path(path["value"]) for panel in PANELS.values() for path in panel.get("paths", [])]
    assert len(paths) > 8
    assert [
        (topic, fields) for topic, fields in paths
        if not all(number_at(kind, fields) for kind in published.get(topic, {"nothing"}))
    ] == []  # fmt: skip


def test_stamps_are_asked_of_messages_that_have_one(published):
    plotted = [path for panel in PANELS.values() for path in panel.get("paths", [])]
    stamped = [split_path(p["value"])[0] for p in plotted if p["timestampMethod"] == "headerStamp"]
    assert all(number_at(kind, ["header", "stamp", "sec"]) for topic in stamped for kind in published[topic])


@pytest.mark.parametrize("value", ["/odom.pose.position.z", "/range.nowhere", "/range.header", "/image.height.x"])
def test_a_wrong_path_is_seen(value):
    topic, fields = split_path(value)
    assert not number_at(TYPES[topic], fields)


def test_every_panel_has_its_place():
    assert sorted(leaves(LAYOUT["layout"])) == sorted(PANELS)


@pytest.mark.parametrize("panel", PANELS)
def test_settings_are_those_of_the_panel(panel):
    layouts = pytest.importorskip("foxglove.layouts", reason="foxglove-sdk is not installed: requirements/view.txt")
    kind = panel.partition("!")[0]
    known = set(getattr(layouts, CONFIGS[kind])()._to_dict()) | {"foxglovePanelTitle"}
    assert set(PANELS[panel]) <= known
    for path in PANELS[panel].get("paths", []):
        assert set(path) <= set(layouts.PlotSeries(value="/a.b")._to_dict())
    assert set(PANELS[panel].get("imageMode", {})) <= set(layouts.ImageModeConfig()._to_dict())
