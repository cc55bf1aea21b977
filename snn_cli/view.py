"""`snn view`: look at a mission with Foxglove while it is flown, or at a bag of one."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn_cli.arguments import number, whole
from snn_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from snn_cli.foxglove_server import FoxgloveServer
    from snn_cli.missions.recorder import Record

LAYOUT = "docs/foxglove_layout.json"
POLL_S = 0.05
LINGER_S = 0.5  # at the end, while the last messages are on their way


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    from snn_cli.mission import add_flight

    group = commands.add_parser("view", help="look at a mission with Foxglove, while it is flown or from a bag")
    ways = group.add_subparsers(required=True, metavar="mission|bag")
    flown = ways.add_parser("mission", help="fly a mission and show it live")
    add_flight(flown)
    flown.set_defaults(run=run_mission)
    played = ways.add_parser("bag", help="play a bag, of a mission or of a real robot")
    played.add_argument("bag", type=Path, help="folder of the bag, or its .mcap or .db3 file")
    played.set_defaults(run=run_bag)
    for parser in (flown, played):
        parser.add_argument("--factor", type=number, default=1.0, help="speed of its time; 0 = as fast as possible (1)")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 = all (%(default)s)")
        parser.add_argument("--port", type=whole, default=8765, help="port to listen on; 0 = a free one (%(default)s)")
        parser.add_argument("--wait", action="store_true", help="begin when somebody has subscribed to a topic")


class Pace:
    """Holds simulated time at a factor of the real one."""

    def __init__(self, factor: float) -> None:
        if factor < 0.0:
            raise ConfigError(f"expected --factor from 0, got {factor:g}")
        self.factor = factor
        self.begin: tuple[int, float] | None = None

    def __call__(self, stamp_ns: int) -> None:
        """Wait until it is time for a stamp."""
        now_s = time.perf_counter()
        if self.begin is None:
            self.begin = stamp_ns, now_s
        if self.factor > 0.0:
            due_s = self.begin[1] + (stamp_ns - self.begin[0]) * 1e-9 / self.factor
            time.sleep(max(due_s - now_s, 0.0))


def run_mission(args: argparse.Namespace) -> None:
    """Fly and show."""
    from snn_cli.mission import chosen_mission, fly
    from snn_cli.missions.mission_messages import TYPES
    from snn_cli.missions.recorder import recording

    mission, pace = chosen_mission(args), Pace(args.factor)
    with _server(args, list(TYPES.items())) as server:
        if mission.kind == "route":
            print("teaching the route first; nothing moves until then", file=sys.stderr)
        with recording(_paced(server, pace)) as recorder:
            result = fly(mission, args.seed, None, recorder)
        print(f"{mission.name} in {mission.condition}: {'success' if result['success'] else 'no success'}")


def run_bag(args: argparse.Namespace) -> None:
    """Play a bag."""
    pace = Pace(args.factor)
    with _opened(args.bag) as reader, _server(args, _topics(reader)) as server:
        record = _paced(server, pace)
        for connection, stamp_ns, payload in _messages(args.bag, reader):
            record(connection.topic, connection.msgtype, stamp_ns, payload)
        print(f"{args.bag}: {reader.message_count} messages of {len(reader.topics)} topics")


@contextmanager
def _server(args: argparse.Namespace, topics: Sequence[tuple[str, ...]]) -> "Iterator[FoxgloveServer]":
    from snn_cli.foxglove_server import FoxgloveServer, Topic

    with FoxgloveServer([Topic(*topic) for topic in topics], args.host, args.port) as server:
        print(f"Foxglove: open a connection to {server.address}, with the layout {LAYOUT}", file=sys.stderr, flush=True)
        while args.wait and not server.watched:
            time.sleep(POLL_S)
        yield server
        time.sleep(LINGER_S)


def _paced(server: "FoxgloveServer", pace: Pace) -> "Record":
    def record(topic: str, type_name: str, stamp_ns: int, payload: bytes) -> None:
        pace(stamp_ns)
        server.record(topic, type_name, stamp_ns, payload)

    return record


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from rosbags.highlevel import AnyReader, AnyReaderError

    from snn_cli.ros_messages import store

    try:
        reader = AnyReader([path], default_typestore=store())
        reader.open()
    except (AnyReaderError, OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read as a rosbag2 recording ({' '.join(str(error).split())})") from None
    try:
        yield reader
    finally:
        reader.close()


def _messages(path: Path, reader: Any) -> Iterator[tuple[Any, int, bytes]]:
    from rosbags.highlevel import AnyReaderError

    try:
        yield from reader.messages()
    except (AnyReaderError, OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: breaks off ({' '.join(str(error).split())}); truncated or damaged") from None


def _topics(reader: Any) -> list[tuple[str, ...]]:
    """Topics with their types, and the definitions that came with the bag."""
    return [(c.topic, c.msgtype, c.msgdef.data or "") for c in reader.connections]
