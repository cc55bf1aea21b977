"""The node `place_recognizer` as a process of its own, fed from a rosbag2 at 30 Hz over DDS."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from benchmarks.places import scenes
from benchmarks.row import Row, duration
from snn_perception.places.place_map import PlaceMap

RATE_HZ, FRAMES, WARMING = 30.0, 300, 15
IMAGE = "sensor_msgs/msg/Image"
DOMAIN = 77
PATIENCE_S = 60.0


def node() -> list[Row]:
    """Median and 99th percentile from publishing an image to receiving its scores; the peer is the camera's period."""
    if find_spec("rclpy") is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        images = scenes(1200)
        places = PlaceMap()
        places.add(images)
        places.save(Path(folder) / "map.safetensors")
        write_bag(Path(folder) / "bag", images[:FRAMES])
        with recognizer(Path(folder) / "map.safetensors"):
            latencies_ms = np.array(play(Path(folder) / "bag")) * 1e3
    peer = 1e3 / RATE_HZ
    return [
        duration(f"node, {FRAMES} images of a bag at 30 Hz, 1200 places, {name}", value, "ms", "camera period", peer)
        for name, value in (("p50", float(np.median(latencies_ms))), ("p99", float(np.percentile(latencies_ms, 99))))
    ]


def write_bag(path: Path, images: np.ndarray) -> None:
    """A rosbag2 of the images, one each thirtieth of a second."""
    types = get_typestore(Stores.ROS2_JAZZY)
    message, header, stamp = (
        types.types[name] for name in (IMAGE, "std_msgs/msg/Header", "builtin_interfaces/msg/Time")
    )
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection("/image", IMAGE, typestore=types)
        for k, image in enumerate(images):
            time_ns = int(k / RATE_HZ * 1e9) + 1
            content = message(
                header(stamp(time_ns // 10**9, time_ns % 10**9), "camera"), *image.shape, "mono8", 0, image.shape[1],
                np.ascontiguousarray(image).reshape(-1),
            )  # fmt: skip
            writer.write(connection, time_ns, types.serialize_cdr(content, IMAGE))


@contextmanager
def recognizer(path: Path) -> Iterator[None]:
    """The installed node, running."""
    command = [str(Path(sys.executable).with_name("place_recognizer")), "--ros-args", "--log-level", "fatal"]
    parameters = {"map": path, "rate_hz": 100.0, "min_probability": 0.5}
    command += [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]
    local = {"ROS_DOMAIN_ID": str(DOMAIN), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    process = subprocess.Popen(command, env={**os.environ, **local})
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE_S)


def play(path: Path) -> list[float]:
    """Publish the images of a bag at their pace under stamps of now; seconds until the scores of each came."""
    import rclpy
    from rclpy.context import Context
    from rclpy.node import Node
    from rclpy.serialization import deserialize_message
    from rclpy.signals import SignalHandlerOptions
    from sensor_msgs.msg import Image
    from std_msgs.msg import Float32MultiArray

    from snn_core.nodes.process import make_executor

    context = Context()
    rclpy.init(context=context, domain_id=DOMAIN, signal_handler_options=SignalHandlerOptions.NO)
    player, executor, arrivals = Node("player", context=context), make_executor(context), []
    executor.add_node(player)
    player.create_subscription(Float32MultiArray, "place/scores", lambda _: arrivals.append(time.perf_counter()), 10)
    publisher = player.create_publisher(Image, "image", 1)
    _spin(executor, lambda: publisher.get_subscription_count() > 0, PATIENCE_S)
    latencies, begin = [], time.perf_counter() + 0.5
    with Reader(path) as reader:
        for k, (_, _, raw) in enumerate(reader.messages()):
            message = deserialize_message(bytes(raw), Image)
            due = begin + k / RATE_HZ
            _spin(executor, lambda due=due: time.perf_counter() >= due, PATIENCE_S)
            message.header.stamp = player.get_clock().now().to_msg()
            count, sent = len(arrivals), time.perf_counter()
            publisher.publish(message)
            if _spin(executor, lambda count=count: len(arrivals) > count, 1.0) and k >= WARMING:
                latencies.append(arrivals[-1] - sent)
    executor.shutdown()
    rclpy.try_shutdown(context=context)
    return latencies


def _spin(executor, holds, patience_s: float) -> bool:
    deadline = time.perf_counter() + patience_s
    while not holds() and time.perf_counter() < deadline:
        executor.spin_once(timeout_sec=0.002)
    return bool(holds())
