"""Checks of bad messages and parameters on real nodes, put into their callbacks by hand."""

import array
import math
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import PointStamped, WrenchStamped
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, PointCloud2, PointField, Range

from sim_worlds.faults.files import corrupted
from snn_cli.faults.case import Check, Missed, need
from snn_cli.nodes.fault_desk import T0_S, Desk
from snn_control.altitude_loop import REHEARSAL
from snn_control.nodes.altitude_controller import AltitudeControllerNode
from snn_control.nodes.command_gate import CommandGateNode
from snn_control.nodes.pid_controller import PidControllerNode
from snn_control.owners import Owner
from snn_control.spiking_pid import model_path
from snn_core.errors import ConfigError
from snn_core.event_messages import FIELDS, STEP, cloud_bytes
from snn_core.nodes.wire import stamp
from snn_core.signals import Level, Verdict
from snn_perception.events.batch import make_batch
from snn_perception.events.decoders import EventPacket
from snn_perception.events.packets import Packet
from snn_perception.nodes.event_motion import EventMotionNode
from snn_perception.nodes.place_recognizer import PlaceRecognizerNode

WIDTH, HEIGHT = 64, 48
LARGEST_GROWTH_KB = 100_000


def range_message(time_s: float, height_m: float = 0.5, frame: str = "") -> Range:
    """A reading."""
    message = Range(min_range=0.0, max_range=12.0, range=float(height_m))
    message.header.stamp, message.header.frame_id = stamp(time_s), frame
    return message


def target_message(height_m: float) -> PointStamped:
    """A target."""
    message = PointStamped()
    message.point.z = float(height_m)
    return message


def wrench_message(time_s: float, force_n: float = 0.05, frame: str = "base_link") -> WrenchStamped:
    """A command."""
    message = WrenchStamped()
    message.header.stamp, message.header.frame_id = stamp(time_s), frame
    message.wrench.force.z = float(force_n)
    return message


def image_message(time_s: float, pixels: np.ndarray, encoding: str = "mono8", step: int | None = None) -> Image:
    """An image; pixels are (row, column) or (row, column, channel) uint8."""
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
    message.header.stamp = stamp(time_s)
    message.step = int(np.prod(pixels.shape[1:])) if step is None else step
    message.data = array.array("B", pixels.tobytes())
    return message


def cloud_message(time_s: float, count: int, seed: int = 0, hot: float = 0.0, span_us: int = 20_000) -> PointCloud2:
    """Events at random, a share of them at one hot pixel, as points."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, WIDTH, count), rng.integers(0, HEIGHT, count)
    many = rng.random(count) < hot
    x[many], y[many] = 7, 9
    t = np.sort(rng.integers(0, span_us, count))
    data = cloud_bytes(make_batch(x, y, t, rng.random(count) < 0.5, (WIDTH, HEIGHT)), 0) if count else b""
    message = PointCloud2(height=1, width=count, point_step=STEP, row_step=STEP * count)
    message.header.stamp = stamp(time_s)
    message.fields = [PointField(name=n, offset=o, datatype=kind, count=1) for n, o, kind in FIELDS]
    message.data = array.array("B", data)
    return message


def textured(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """An image with something to see, (row, column) uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(20, 235, (height // 8 + 1, width // 8 + 1))
    return np.kron(coarse, np.ones((8, 8)))[:height, :width].astype(np.uint8)


def no_clock() -> str:
    with Desk(CommandGateNode) as desk:
        desk.set_time(0.0)
        began = time.perf_counter()
        for _ in range(50):
            desk.tick()
        busy_s = time.perf_counter() - began
        level, message, _ = desk.diagnose()
        need(level is Level.ERROR and "nobody publishes /clock" in message, f"{level.name} {message}")
        forces = {m.wrench.force.z for m in desk.sent["command"]}
        need(forces == {0.0} and len(desk.sent["command"]) == 50, f"sent {forces}")
        need(busy_s < 0.5, f"a second of ticks took {busy_s:.2f} s")
    return f"{level.name} {message[:60]}; only neutral sent"


def wrong_frame() -> str:
    with Desk(CommandGateNode) as desk:
        desk.put("command/snn", wrench_message(T0_S, frame="odom"))
        need(desk.node.gate.counts[Owner.SNN, Verdict.WRONG_FRAME] == 1, "the command was not refused")
        desk.tick()
        need(desk.sent["command"][-1].wrench.force.z == 0.0, "the command went out")
    with Desk(PidControllerNode, range_frame="range_link") as desk:
        desk.put("target", target_message(1.0))
        desk.put("range", range_message(T0_S, frame="camera"))
        _, message, values = desk.diagnose()
        need("frame 'camera', expected 'range_link'" in message, message)
        need(values["range_wrong_frame"] == "1" and not desk.sent["command/pid"], "the range was used")
        desk.put("range", range_message(T0_S, frame="range_link"))
        need(len(desk.sent["command/pid"]) == 1, "a range in the right frame was refused")
    return "command and range refused, both frames named"


@contextmanager
def place_desk() -> Iterator[Desk]:
    """A recognizer that has learnt five places and knows where it is."""
    with Desk(PlaceRecognizerNode, sequence=1, max_frozen=3, min_probability=0.1) as desk:
        for seed in range(5):
            show(desk, textured(seed))
            desk.node.loop.teach(None, desk.time_s)
        show(desk, textured(2))
        yield desk


def show(desk: Desk, pixels: np.ndarray, encoding: str = "mono8", step: int | None = None) -> None:
    """The next image, 0.2 s after the one before."""
    desk.set_time(desk.time_s + 0.2)
    desk.put("image", image_message(desk.time_s, pixels, encoding, step))


def encoding_changes() -> str:
    with place_desk() as desk:
        show(desk, np.repeat(textured(2)[..., None], 3, 2), "bgr8")
        level, message, _ = desk.diagnose()
        need(level is Level.WARN and "64x48 mono8 to 64x48 bgr8" in message, f"{level.name} {message}")
        answers = len(desk.sent["place/scores"])
        show(desk, np.repeat(textured(3)[..., None], 3, 2), "bgr8")
        need(len(desk.sent["place/scores"]) == answers + 1, "no answer in the new encoding")
        unharmed(desk)
    return f"{level.name} {message}"


def size_changes() -> str:
    with place_desk() as desk:
        show(desk, textured(2, 24, 32))
        level, message, _ = desk.diagnose()
        need(level is Level.WARN and "64x48 mono8 to 32x24 mono8" in message, f"{level.name} {message}")
        show(desk, textured(3))
        unharmed(desk)
    return f"{level.name} {message}"


def unharmed(desk: Desk) -> None:
    """No callback has raised."""
    need(desk.node.guard.errors == 0, f"{desk.node.guard.errors} exceptions, {desk.node.guard.newest}")


def short_buffer() -> str:
    with place_desk() as desk:
        desk.set_time(desk.time_s + 0.2)
        message = image_message(desk.time_s, textured(1))
        message.data = message.data[: len(message.data) // 2]
        desk.put("image", message)
        level, text, values = desk.diagnose()
        need(level is Level.WARN and "truncated" in text, f"{level.name} {text}")
        need(values.get("bad_image") == "1", "not counted")
        show(desk, textured(1))
        unharmed(desk)
    return f"{level.name} {text[:90]}"


def empty_messages() -> str:
    with place_desk() as desk:
        desk.set_time(desk.time_s + 0.2)
        desk.put("image", image_message(desk.time_s, np.zeros((0, 0), np.uint8)))
        level, text, values = desk.diagnose()
        need(level is Level.WARN and values.get("bad_image") == "1", f"{level.name} {text}")
        unharmed(desk)
    with event_desk() as desk:
        desk.put("events/points", cloud_message(T0_S, 0))
        desk.tick()
        level, text, values = desk.diagnose()
        need(level is Level.OK and values.get("empty_packets") == "1", f"{level.name} {text}")
        unharmed(desk)
    return "both counted, neither taken for a dead sensor"


def giant_messages() -> str:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with place_desk() as desk:
        desk.set_time(desk.time_s + 0.2)
        giant = Image(height=20000, width=20000, encoding="mono8", step=20000)
        giant.header.stamp = stamp(desk.time_s)
        desk.put("image", giant)
        _, text, values = desk.diagnose()
        need(values.get("bad_image") == "1", text)
        unharmed(desk)
    with event_desk() as desk:
        cloud = cloud_message(T0_S, 10)
        cloud.width = 2**31
        desk.put("events/points", cloud)
        desk.tick()
        _, cloud_text, values = desk.diagnose()
        need(values.get("bad_packet") == "1", cloud_text)
        unharmed(desk)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    need(grown < LARGEST_GROWTH_KB, f"{grown / 1024:.0f} MB taken")
    return f"{text[:70]}; cloud refused too"


def blind_camera() -> str:
    seen = []
    with place_desk() as desk:
        need(desk.node.loop.found.confident, "the recognizer is not sure of a place that it knows")
        for name, pixels in (
            ("black", np.zeros((HEIGHT, WIDTH), np.uint8)),
            ("saturated", np.full((HEIGHT, WIDTH), 255, np.uint8)),
            ("no contrast", np.full((HEIGHT, WIDTH), 128, np.uint8)),
        ):
            places = len(desk.sent["place"])
            show(desk, pixels)
            level, text, values = desk.diagnose()
            need(level is Level.WARN and f"not trusted, {name}" in text, f"{level.name} {text}")
            need(values["trust"] == "0" and len(desk.sent["place"]) == places, "it is still sure of a place")
            seen.append(text)
        for _ in range(5):
            show(desk, textured(2))
        _, text, _ = desk.diagnose()
        need("frozen" in text, text)
        show(desk, textured(3))
        show(desk, textured(2))
        need(desk.node.loop.found.confident, "it does not recover")
    return "; ".join([*seen, text])


@contextmanager
def event_desk() -> Iterator[Desk]:
    """A node for events of a small sensor."""
    with Desk(EventMotionNode, width=WIDTH, height=HEIGHT) as desk:
        yield desk


def event_burst() -> str:
    with event_desk() as desk:
        limit = desk.node.loop.config.max_queue
        for k in range(limit + 100):
            desk.put("events/points", cloud_message(T0_S + 0.02 * k, 20, k))
        need(len(desk.node.loop.queue) <= limit, f"{len(desk.node.loop.queue)} packets wait, limit {limit}")
        for _ in range(limit):  # a window at a time
            desk.tick()
        level, text, values = desk.diagnose()
        dropped = int(values.get("dropped_packets", 0))
        need(level is Level.WARN and "falling behind" in text, f"{level.name} {text}")
        need(dropped >= 100, f"{dropped} dropped, at least 100 expected")
        need(len(desk.node.loop.queue) == 0, "the queue did not empty")
        unharmed(desk)
    return f"{level.name} {text}"


def event_silence() -> str:
    with event_desk() as desk:
        for k in range(5):
            desk.put("events/points", cloud_message(T0_S + 0.02 * k, 0))
            desk.tick()
        level, quiet, _ = desk.diagnose()
        need(level is Level.OK and "quiet" in quiet, f"{level.name} {quiet}")
        desk.node.loop.last_arrival_s -= 10.0
        level, text, _ = desk.diagnose()
        need(level is Level.ERROR and "no packet for 10.0 s" in text, f"{level.name} {text}")
    return f"OK {quiet}; then ERROR {text}"


def hot_pixel() -> str:
    with event_desk() as desk:
        for k in range(10):
            desk.put("events/points", cloud_message(T0_S + 0.02 * k, 3000, k, hot=0.5))
            desk.tick()
        level, text, values = desk.diagnose()
        hot, events = int(values.get("hot_events", 0)), int(values["events"])
        need(0.4 * events < hot + 3000 and hot > 0, f"{hot} of {events} events masked")
        need(level < Level.ERROR, f"{level.name} {text}")
        unharmed(desk)
    return f"{hot} of {events} events masked and counted"


def unknown_event_format() -> str:
    with event_desk() as desk:
        for packet in (
            EventPacket(b"\x00" * 8, "evt99", WIDTH, HEIGHT),
            EventPacket(b"\x00" * 7, "evt3", WIDTH, HEIGHT, 1),
        ):
            desk.node.loop.push(lambda content=packet: Packet(content, round(T0_S * 1e9)), time.perf_counter())
            desk.tick()
        level, text, values = desk.diagnose()
        need(level is Level.WARN and values["bad_packet"] == "2", f"{level.name} {text}")
        need("evt3 in words of 2 bytes, found 7" in text, text)
        unharmed(desk)
    return f"{level.name} {text[:90]}"


def life_cycle() -> str:
    with Desk(PidControllerNode) as desk:
        node = desk.node
        desk.put("target", target_message(1.0))
        desk.put("range", range_message(T0_S))
        need(len(desk.sent["command/pid"]) == 1, "it does not fly")
        node.trigger_deactivate()
        desk.set_time(T0_S + 0.1)
        desk.put("range", range_message(T0_S + 0.1))
        desk.tick()
        need(len(desk.sent["command/pid"]) == 1, "it commands while inactive")
        parts = _parts(node)
        for _ in range(100):
            for work in (node.trigger_cleanup, node.trigger_configure, node.trigger_activate, node.trigger_deactivate):
                need(work() is TransitionCallbackReturn.SUCCESS, f"{work.__name__} failed")
        need(_parts(node) == parts, f"{_parts(node)} timers, subscriptions, publishers after, {parts} before")
        node.trigger_activate()
        desk.put("target", target_message(1.0))
        desk.put("range", range_message(T0_S + 0.1))
        need(len(desk.sent["command/pid"]) == 2, "it does not fly again")
    return f"silent at once; after 100 cycles the same {parts} timers, subscriptions, publishers"


def _parts(node: Any) -> tuple[int, int, int]:
    return len(list(node.timers)), len(list(node.subscriptions)), len(list(node.publishers))


def exception() -> str:
    with Desk(PidControllerNode) as desk:
        whole = desk.node.pid.step
        desk.node.pid.step = lambda *_: 1 / 0
        desk.put("target", target_message(1.0))
        desk.put("range", range_message(T0_S))
        level, text, values = desk.diagnose()
        need(level is Level.ERROR and "ZeroDivisionError" in text and values["exceptions"] == "1", text)
        need(not desk.sent["command/pid"], "a command went out")
        desk.node.pid.step = whole
        desk.set_time(T0_S + 0.1)
        desk.put("range", range_message(T0_S + 0.1))
        need(len(desk.sent["command/pid"]) == 1, "it does not fly again")
    with Desk(CommandGateNode) as desk:
        desk.put("command/snn", wrench_message(T0_S))
        desk.node.gate.emit = lambda now_s: 1 / 0
        desk.tick()
        need(desk.sent["command"][-1].wrench.force.z == 0.0, "the gate did not go to neutral")
    return f"{level.name} {text[:80]}"


def bad_start() -> str:
    return _refused_start(PidControllerNode, {"kp": 1e6}, "kp", "1000", "1000000")


def _refused_start(node_class: type, parameters: dict[str, Any], *words: str) -> str:
    try:
        Desk(node_class, **parameters).close()
    except ConfigError as error:
        text = str(error)
        missing = [word for word in words if word not in text]
        need(not missing, f"'{missing[0] if missing else ''}' is not said: {text}")
        return text
    raise Missed(f"{parameters} were accepted")


def bad_change() -> str:
    with Desk(PidControllerNode) as desk:
        before = desk.node.pid.config
        for values in (
            {"kp": 1001.0},
            {"kp": math.nan},
            {"kp": "high"},
            {"kp": 7.0, "anti_windup": "magic"},
            {"kp": 7.0, "dt_s": 0.2},
        ):
            result = desk.node.set_parameters_atomically([Parameter(name, value=v) for name, v in values.items()])
            need(not result.successful and result.reason, f"{values} accepted")
            need(desk.node.pid.config == before and desk.node.get_parameter("kp").value == 9.0, "something changed")
        need(desk.node.set_parameters_atomically([Parameter("kp", value=8.0)]).successful, "a good one is refused")
    return f"{result.reason}; all or none"


def misspelt() -> str:
    return _refused_start(PidControllerNode, {"kpp": 1.0}, "unknown key 'kpp'", "did you mean 'kp'")


def contradictory() -> str:
    _refused_start(CommandGateNode, {"neutral_command": 9.0, "command_limit": 5.0}, "neutral_command 9.0 exceeds")
    return _refused_start(PidControllerNode, {"target_min_m": 5.0, "target_max_m": 4.0}, "must be below")


def log_injection() -> str:
    evil = "\n[FATAL] \x1b[31mforged\x07" + "A" * 100_000
    with Desk(PidControllerNode, range_frame="range_link") as desk:
        desk.put("range", range_message(T0_S, frame=evil))
        _, text, values = desk.diagnose()
        for told in (text, *values.values()):
            need(told.isprintable() and len(told) <= 500, f"{len(told)} characters, printable: {told.isprintable()}")
    with Desk(CommandGateNode) as desk:
        lines: list[str] = []
        desk.node.get_logger = lambda: _Listener(lines)
        desk.put("command/snn", wrench_message(T0_S, frame=evil))
        need(len(lines) == 1 and lines[0].isprintable() and len(lines[0]) < 300, f"logged {lines}")
    return f"escaped and cut: {lines[0][:70]}"


class _Listener:
    """A logger that keeps what it is told."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def warning(self, text: str, **_: Any) -> None:
        """Keep a line."""
        self.lines.append(text)


def model_swap() -> str:
    with tempfile.TemporaryDirectory() as folder, Desk(AltitudeControllerNode) as desk:
        node, data = desk.node, model_path("default").read_bytes()
        good, bad = Path(folder) / "good.safetensors", Path(folder) / "bad.safetensors"
        good.write_bytes(data)
        bad.write_bytes(corrupted("truncated", data))
        desk.put("target", target_message(1.0))
        old = node.loop.controller
        result = node.set_parameters([Parameter("model", value=str(bad))])[0]
        refused_because = result.reason.replace(f"{folder}/", "")
        need(not result.successful and "the one before flies on" in refused_because, "the broken model was accepted")
        need(_flies(desk, 3) == 3 and node.loop.controller is old, "the old model does not fly on")
        need(node.set_parameters([Parameter("model", value=str(good))])[0].successful, "the good model was refused")
        need(_flies(desk, REHEARSAL - 1) == REHEARSAL - 1 and node.loop.controller is old, "switched too early")
        need(_flies(desk, 1) == 1 and node.loop.controller is not old, "never switched")
        need(_flies(desk, 3) == 3, "the new model does not fly")
        unharmed(desk)
    return f"good: took over after {REHEARSAL} steps beside; broken: {refused_because[:90]}"


def _flies(desk: Desk, steps: int) -> int:
    before = len(desk.sent["command/snn"])
    for _ in range(steps):
        desk.set_time(desk.time_s + 0.1)
        desk.put("range", range_message(desk.time_s))
    return len(desk.sent["command/snn"]) - before


MESSAGE_CHECKS: dict[int, Check] = {
    19: no_clock,
    21: wrong_frame,
    23: encoding_changes,
    24: size_changes,
    25: short_buffer,
    26: empty_messages,
    27: giant_messages,
    28: blind_camera,
    29: event_burst,
    30: event_silence,
    31: hot_pixel,
    32: unknown_event_format,
    44: life_cycle,
    45: exception,
    62: model_swap,
    63: bad_start,
    64: bad_change,
    65: misspelt,
    66: contradictory,
    68: log_injection,
}
