"""`snn view`: a WebSocket client hears a mission while it is flown, and a bag."""

import json
import re
import struct
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from snn_cli import main
from snn_cli.missions.mission_config import load_mission
from snn_cli.missions.mission_messages import TYPES
from snn_cli.missions.recorder import recording
from snn_cli.ros_messages import message, payload, store
from snn_cli.view import Pace
from snn_core.errors import ConfigError, OutputError, SnnError

PATIENCE_S = 20.0
MESSAGE, TIME = 1, 2  # first byte of the server's binary messages
NO_SDK = "foxglove-sdk is not installed: requirements/view.txt"


class Viewer:
    """Subscribes to everything that is advertised, as Foxglove does when it is asked to."""

    def __init__(self, address):
        client = pytest.importorskip("websockets.sync.client", reason="websockets is not installed")
        self.socket = client.connect(address, subprotocols=["foxglove.sdk.v1"], max_size=None)
        self.closed = pytest.importorskip("websockets.exceptions").ConnectionClosed
        self.channels, self.heard, self.times, self.about = {}, {}, [], {}

    def take(self):
        """Handle one message of the server; false when it has gone."""
        try:
            got = self.socket.recv(timeout=PATIENCE_S)
        except self.closed:
            return False
        if isinstance(got, bytes):
            self._binary(got)
            return True
        told = json.loads(got)
        if told["op"] == "serverInfo":
            self.about = told
        elif told["op"] == "advertise":
            self.channels |= {channel["id"]: channel for channel in told["channels"]}
            wanted = [{"id": c["id"], "channelId": c["id"]} for c in told["channels"]]
            self.socket.send(json.dumps({"op": "subscribe", "subscriptions": wanted}))
        return True

    def _binary(self, got):
        if got[0] == TIME:
            self.times.append(struct.unpack("<Q", got[1:9])[0])
        elif got[0] == MESSAGE:
            number, stamp_ns = struct.unpack("<IQ", got[1:13])
            self.heard.setdefault(self.channels[number]["topic"], []).append((stamp_ns, got[13:]))

    def listen(self):
        """Handle messages in a thread of its own, until the server goes."""

        def work():
            while self.take():
                pass

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread


def until(holds, what):
    deadline = time.perf_counter() + PATIENCE_S
    while not holds():
        assert time.perf_counter() < deadline, f"waited for {what}"
        threading.Event().wait(0.02)


@pytest.fixture
def serve():
    pytest.importorskip("foxglove", reason=NO_SDK)
    from snn_cli.foxglove_server import FoxgloveServer, Topic

    return lambda topics, port=0: FoxgloveServer([Topic(*topic) for topic in topics], port=port)


def hold():
    robot = {"width": 16, "height": 12, "event_width": 16, "event_height": 12}
    short = load_mission("hold").model_dump() | {"duration_s": 6.0}
    return type(load_mission("hold"))(**short | {"robot": short["robot"] | robot})


def test_a_mission_is_seen_while_it_is_flown(serve):
    with serve(TYPES.items()) as server:
        assert not server.watched
        viewer = Viewer(server.address)
        thread = viewer.listen()
        until(lambda: all(channel.has_sinks() for channel in server.channels.values()), "the subscriptions")
        assert server.watched
        with recording(server.record) as recorder:
            from snn_cli.mission import fly

            fly(hold(), 1, watch=recorder)
        until(lambda: len(viewer.heard.get("/odom", [])) == len(viewer.times) == 60, "every period")
    thread.join(PATIENCE_S)
    assert viewer.about["capabilities"] == ["time"]
    for channel in viewer.channels.values():
        assert (channel["encoding"], channel["schemaEncoding"]) == ("cdr", "ros2msg")
        assert channel["schemaName"] == TYPES[channel["topic"]]
    stamps = [stamp_ns for stamp_ns, _ in viewer.heard["/odom"]]
    assert stamps == sorted(set(stamps))
    heights = [store().deserialize_cdr(raw, TYPES["/odom"]).pose.pose.position.z for _, raw in viewer.heard["/odom"]]
    assert np.ptp(heights) > 0.0
    assert heights == pytest.approx([1.6] * len(heights), abs=0.1)
    image = store().deserialize_cdr(viewer.heard["/image"][-1][1], TYPES["/image"])
    assert (image.width, image.height, len(image.data)) == (16, 12, 192)


def test_a_bag_is_played_to_who_waits_for_it(serve, tmp_path):
    from snn_cli.bag import BagWriter

    with BagWriter(tmp_path / "bag") as bag:
        for k in range(500):
            number = message("std_msgs/msg/Float64", data=0.5 * k)
            bag.record("/number", "std_msgs/msg/Float64", k * 1_000_000, payload("std_msgs/msg/Float64", number))
    command = [sys.executable, "-m", "snn_cli.main", "view", "bag", str(tmp_path / "bag"), "--port", "0", "--wait"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        viewer = Viewer(re.search(r"ws://\S+?(?=,)", process.stderr.readline()).group())
        while viewer.take():
            pass
        out, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert (process.returncode, "500 messages of 1 topics" in out) == (0, True)
    told = [
        (stamp_ns, store().deserialize_cdr(raw, "std_msgs/msg/Float64").data)
        for stamp_ns, raw in viewer.heard["/number"]
    ]
    first = round(told[0][1] / 0.5)  # what came before the subscription is not heard
    assert told == [(k * 1_000_000, 0.5 * k) for k in range(first, first + len(told))]
    assert len(told) > 450


def test_time_goes_at_its_factor(monkeypatch):
    now, slept = [5.0], []
    monkeypatch.setattr("snn_cli.view.time.perf_counter", lambda: now[0])
    monkeypatch.setattr("snn_cli.view.time.sleep", slept.append)
    pace = Pace(2.0)
    pace(1_000_000_000)
    now[0] = 5.1
    pace(3_000_000_000)
    now[0] = 9.0
    pace(4_000_000_000)
    assert slept == pytest.approx([0.0, 0.9, 0.0])
    with pytest.raises(ConfigError, match="--factor"):
        Pace(-1.0)


def test_a_port_in_use_is_refused(serve):
    with serve([]) as server, pytest.raises(OutputError, match="--port"):
        serve([], server.server.port)


def test_what_is_missing_is_named(monkeypatch, tmp_path, capsys):
    assert main.main(["view", "bag", str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "foxglove", None)
    from snn_cli.foxglove_server import FoxgloveServer

    with pytest.raises(SnnError, match=r"requirements/view\.txt"):
        FoxgloveServer([])
