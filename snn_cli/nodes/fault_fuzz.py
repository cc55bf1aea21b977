"""Random messages for the subscriptions of real nodes, made from the fields that their types declare."""

import array
import math
from collections.abc import Callable
from importlib import import_module
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from sensor_msgs.msg import PointField

from sim_worlds.nodes.blimp_world import BlimpWorldNode
from sim_worlds.nodes.robot_world import RobotWorldNode
from snn_cli.faults.soak import resident_mb
from snn_cli.nodes.fault_desk import Desk, deliver
from snn_cli.nodes.fault_field import Field
from snn_control.nodes.altitude_controller import AltitudeControllerNode
from snn_control.nodes.command_gate import CommandGateNode
from snn_control.nodes.coordinator import CoordinatorNode
from snn_control.nodes.pid_controller import PidControllerNode
from snn_control.nodes.route_follower import RouteFollowerNode
from snn_core.event_messages import FIELDS, POINT, STEP
from snn_core.frames import BASE_FRAME
from snn_core.nodes.wire import COMMAND_QOS, WireConfig, now_s, stamp
from snn_core.sensing import KEYS
from snn_perception.nodes.event_motion import EventMotionNode
from snn_perception.nodes.ground_velocity import GroundVelocityNode
from snn_perception.nodes.place_recognizer import PlaceRecognizerNode

Rng = np.random.Generator
LARGEST_GROWTH_MB = 30.0
WARM = 0.25  # share of the messages after which memory must be flat
LIMIT = 10.0 * WireConfig().newtons_per_command + 1e-9

FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-3, 100.0, math.nan, math.inf, -math.inf, 3e38, -3e38, 1e-45)
DOUBLES = (*FLOATS, 1e308, -1e308, 5e-324)
STRINGS = (
    "", BASE_FRAME, "snn", "pid", "neutral", "odom", "map", "mono8", "bgr8", "rgb8", "mono16", "bayer_rggb8", "jpeg",
    "x", "y", "t", "p", "range", "motion", "place", "command_gate", "altitude_controller", "\n\x1b[31m", "ä" * 50,
    "A" * 5000, "nan", "1e308", "-1", "0.5", "pose", *KEYS,
)  # fmt: skip
ENCODINGS = ("mono8", "bgr8", "rgb8", "mono16", "8UC1")


class Target(NamedTuple):
    """A node to fuzz: its class, parameters, and the topics on which it commands a force."""

    node_class: type
    parameters: dict[str, Any]
    forces: tuple[str, ...] = ()


NODES: dict[str, Target] = {
    "command_gate": Target(CommandGateNode, {}, ("command", "drive")),
    "altitude_controller": Target(AltitudeControllerNode, {}, ("command/snn",)),
    "pid_controller": Target(PidControllerNode, {}, ("command/pid",)),
    "route_follower": Target(RouteFollowerNode, {}, ("drive/snn", "drive/pid")),
    "coordinator": Target(CoordinatorNode, {"robot": "a", "frames": '{"map": [0, 0, 0, 0]}'}),
    "blimp_world": Target(BlimpWorldNode, {"trial": "hover", "paused": True}),
    "robot_world": Target(RobotWorldNode, {"scene": "hall", "paused": True}),
    "event_motion": Target(EventMotionNode, {"width": 64, "height": 48, "min_confidence": 0.0}),
    "ground_velocity": Target(
        GroundVelocityNode, {"width": 64, "height": 48, "focal_px": 50.0, "min_confidence": 0.0, "max_gap_s": 5.0}
    ),
    "place_recognizer": Target(PlaceRecognizerNode, {"max_places": 20, "focal": 0.7}),
}


def random_message(message_type: Any, rng: Rng, depth: int = 0) -> Any:
    """A message of the type with every field drawn at random."""
    message = message_type()
    for name, kind in message_type.get_fields_and_field_types().items():
        setattr(message, name, random_value(kind, rng, depth))
    return message


def random_value(kind: str, rng: Rng, depth: int) -> Any:
    """A value of a field type as the interface definition writes it."""
    if kind.startswith("sequence<"):
        inner = kind[len("sequence<") : -1].split(",")[0]
        length = int(rng.choice((0, 1, 2, 3, 7, 36, 200))) if depth < 2 else int(rng.integers(3))
        return _values(inner, length, rng, depth)
    if kind.endswith("]"):
        inner, size = kind[:-1].split("[")
        return _values(inner, int(size), rng, depth)
    if "/" in kind:
        package, name = kind.split("/")
        return random_message(getattr(import_module(f"{package}.msg"), name), rng, depth + 1)
    return PLAIN[kind.split("<")[0]](rng)


def _values(inner: str, length: int, rng: Rng, depth: int) -> Any:
    if inner in ("uint8", "octet"):
        data = rng.integers(0, 256, length, np.uint8).tobytes()
        return array.array("B", data) if inner == "uint8" else [data[i : i + 1] for i in range(length)]
    values = [random_value(inner, rng, depth + 1) for _ in range(length)]
    code = {"float": "f", "double": "d", "int32": "i", "uint32": "I"}.get(inner)
    return array.array(code, values) if code else values


def _whole(low: int, high: int) -> Callable[[Rng], int]:
    edges = tuple(value for value in (0, 1, 2, 7, 48, 64, low, high) if low <= value <= high)

    def draw(rng: Rng) -> int:
        return int(edges[int(rng.integers(len(edges)))]) if rng.random() < 0.7 else int(rng.integers(low, high))

    return draw


def _real(values: tuple[float, ...]) -> Callable[[Rng], float]:
    def draw(rng: Rng) -> float:
        return values[int(rng.integers(len(values)))] if rng.random() < 0.5 else float(rng.normal(0.0, 2.0))

    return draw


PLAIN: dict[str, Callable[[Rng], Any]] = {
    "boolean": lambda rng: bool(rng.integers(2)),
    "octet": lambda rng: bytes([int(rng.integers(5))]),
    "byte": lambda rng: bytes([int(rng.integers(5))]),
    "float": _real(FLOATS),
    "double": _real(DOUBLES),
    "string": lambda rng: STRINGS[int(rng.integers(len(STRINGS)))],
    **{f"int{bits}": _whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": _whole(0, min(2**bits, 2**63) - 1) for bits in (8, 16, 32, 64)},
}


def plausible(message: Any, rng: Rng, time_s: float) -> Any:
    """Make some fields what they should be, so that the others are looked at."""
    header = getattr(message, "header", None) or (message if hasattr(message, "frame_id") else None)
    if header is not None and rng.random() < 0.7:
        header.stamp = stamp(max(0.0, time_s - float(rng.choice((0.0, 0.0, 0.01, 0.1, 1.0)))))
    if hasattr(message, "header") and rng.random() < 0.7:
        message.header.frame_id = BASE_FRAME
    if hasattr(message, "encoding") and rng.random() < 0.5:
        _plausible_image(message, rng)
    if hasattr(message, "point_step") and rng.random() < 0.5:
        _plausible_cloud(message, rng)
    if hasattr(message, "min_range") and rng.random() < 0.7:
        message.min_range, message.max_range = 0.0, 12.0
    if hasattr(message, "buttons") and rng.random() < 0.5:
        message.buttons = array.array("i", [0, 0, 0, 0, int(rng.integers(2))])
    return message


def _plausible_image(message: Any, rng: Rng) -> None:
    message.encoding = ENCODINGS[int(rng.integers(len(ENCODINGS)))]
    message.height, message.width = int(rng.integers(0, 40)), int(rng.integers(0, 40))
    message.step = message.width * int(rng.integers(1, 4))
    size = message.height * message.step + int(rng.choice((0, 0, 0, 1, -1)))
    message.data = array.array("B", rng.integers(0, 256, max(0, size), np.uint8).tobytes())


def _plausible_cloud(message: Any, rng: Rng) -> None:
    """Events of a tenth of a second, a few of them outside the sensor."""
    count = int(rng.choice((0, 1, 50, 400)))
    points = np.zeros(count, POINT)
    for column, below in (("x", 66), ("y", 50), ("p", 2)):
        points[column] = rng.integers(0, below, count)
    points["t"] = np.sort(rng.integers(0, 100_000, count))
    message.fields = [PointField(name=name, offset=offset, datatype=kind, count=1) for name, offset, kind in FIELDS]
    message.height, message.width, message.point_step, message.row_step = 1, count, STEP, STEP * count
    message.is_bigendian = False
    message.data = array.array("B", points.tobytes())


def fuzz(name: str, messages: int, seed: int) -> dict[str, Any]:
    """Put random messages into a node's callbacks; what came of it, with the first complaint."""
    target, rng, began = NODES[name], np.random.default_rng([seed, len(name)]), perf_counter()
    unsafe, escaped, published, start_mb, complaint = 0, 0, 0, 0.0, ""
    with Desk(target.node_class, **target.parameters) as desk:
        subscriptions = list(desk.callbacks().values())
        for k in range(messages):
            subscription = subscriptions[int(rng.integers(len(subscriptions)))]
            message = random_message(subscription.msg_type, rng)
            if rng.random() < 0.8:
                message = plausible(message, rng, desk.time_s)
            try:
                deliver(subscription, message, k + 1)
                _pass_time(desk, rng, k)
            except Exception as error:  # noqa: BLE001  exactly this is looked for
                escaped += 1
                complaint = complaint or f"{subscription.topic_name}: {type(error).__name__}: {error}"
            bad, count = _judge(desk, target)
            unsafe, published = unsafe + bad, published + count
            if k == round(WARM * messages):
                start_mb = resident_mb()
        errors, newest = desk.node.guard.errors + escaped, desk.node.guard.newest
    grown_mb = resident_mb() - start_mb
    complaint = complaint or (newest if errors else "") or (f"{unsafe} unsafe commands" if unsafe else "")
    complaint = complaint or (f"memory grew by {grown_mb:.1f} MB" if grown_mb > LARGEST_GROWTH_MB else "")
    return {
        "node": name, "messages": messages, "exceptions": errors, "unsafe": unsafe, "published": published,
        "memory_grown_mb": grown_mb, "s": perf_counter() - began, "complaint": complaint,
    }  # fmt: skip


def _pass_time(desk: Desk, rng: Rng, k: int) -> None:
    """Time goes on, now and then by a leap; timers run every tenth message, reports every thousandth."""
    leap = rng.random()
    step_s = float(rng.choice((60.0, -60.0, 3600.0))) if leap < 0.0005 else 0.02
    desk.set_time(max(1.0, min(2e9, desk.time_s + step_s)))
    if k % 10 == 0:
        desk.tick()
    if k % 1000 == 0:
        desk.diagnose()


def _judge(desk: Desk, target: Target) -> tuple[int, int]:
    """Unsafe messages among those caught, and how many were caught; forgets them."""
    unsafe = count = 0
    for topic, caught in desk.sent.items():
        count += len(caught)
        if topic in target.forces:
            unsafe += sum(not _within_limits(message.wrench) for message in caught)
        elif topic in ("place", "place/turn"):
            unsafe += sum(not math.isfinite(message.pose.pose.position.x) for message in caught)
        elif topic in ("motion", "velocity"):
            unsafe += sum(not math.isfinite(message.twist.twist.linear.x) for message in caught)
        caught.clear()
    return unsafe, count


def _within_limits(wrench: Any) -> bool:
    return all(abs(value) <= LIMIT for value in (wrench.force.x, wrench.force.z, wrench.torque.z))


def fuzz_over_dds(messages: int, seed: int) -> dict[str, Any]:
    """Random messages to every input of a flying robot whose nodes are processes; it must live, and stay safe."""
    rng, began = np.random.default_rng([seed, 99]), perf_counter()
    with Field() as field:
        field.flying()
        field.start("coordinator")
        field.until(lambda: field.values("command_gate").get("lease") == "snn", "a lease for the networks", 40.0)
        since, sent = perf_counter(), 0
        node = field.plant
        kinds = {
            name: kind
            for target in (NODES["command_gate"], NODES["pid_controller"], NODES["coordinator"])
            for name, kind in _types(target).items()
        }
        publishers = [node.create_publisher(kind, name, COMMAND_QOS) for name, kind in kinds.items()]
        while sent < messages:
            publisher = publishers[int(rng.integers(len(publishers)))]
            message = plausible(random_message(publisher.msg_type, rng), rng, now_s(node))
            publisher.publish(message)
            sent += 1
            field.executor.spin_once(timeout_sec=0.002)
        field.run(2.5)
        heard = [h for h in field.plant.heard if h.at_s >= since]
        unsafe = sum(not abs(h.value) <= 10.0 + 1e-6 for h in heard)
        dead = [name for name, process in field.processes.items() if process.poll() is not None]
        raised = {
            s.name: p.value for _, s in field.reports for p in s.values if p.key == "exceptions" and p.value != "0"
        }
        gap_s = field.gap_s(since)
        alive = field.until(lambda: field.owner() == "snn", "the networks to command again", 40.0, fail=False)
    complaint = f"dead: {dead}" if dead else f"exceptions in {sorted(raised)}" if raised else ""
    complaint = complaint or (f"{unsafe} unsafe commands" if unsafe else "") or ("" if alive else "it does not recover")
    complaint = complaint or (f"{gap_s:.2f} s without a command" if gap_s > 0.3 else "")
    return {
        "node": "robot over DDS", "messages": sent, "exceptions": len(raised), "unsafe": unsafe,
        "published": len(heard), "memory_grown_mb": 0.0, "s": perf_counter() - began, "complaint": complaint,
    }  # fmt: skip


def _types(target: Target) -> dict[str, Any]:
    """The types of a node's inputs, by topic."""
    with Desk(target.node_class, **target.parameters) as desk:
        return {topic: subscription.msg_type for topic, subscription in desk.callbacks().items()}
