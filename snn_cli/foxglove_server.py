"""A live view: ROS messages to whoever connects with Foxglove. The only place that imports foxglove-sdk."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple

from snn_cli.ros_messages import definition
from snn_core.errors import OutputError, SnnError


class Topic(NamedTuple):
    """What is going to be shown."""

    name: str
    type_name: str  # 'sensor_msgs/msg/Range'
    definition: str = ""  # of a type that is not a standard one


class FoxgloveServer:
    """A WebSocket server on which messages appear as they are recorded; a context manager.

    Messages keep their ROS types and their bytes: a layout made for a bag or for a live graph fits here too. All topics
    are there before anybody can connect: foxglove-sdk refuses who subscribes to one while it is being added.

    Raises:
        SnnError: foxglove-sdk is not installed.
        OutputError: host or port cannot be listened on.
    """

    def __init__(self, topics: Sequence[Topic], host: str = "127.0.0.1", port: int = 8765) -> None:
        try:
            import foxglove
            from foxglove.websocket import Capability
        except ImportError:
            raise SnnError(
                "expected foxglove-sdk for a live view, found none; install requirements/view.txt, or "
                "write a bag with 'snn mission run MISSION --bag FOLDER' and open that"
            ) from None
        self.host, self.now_ns = host, -1
        self.context = foxglove.Context()  # or it is forgotten, with its channels
        self.channels: dict[str, Any] = {}
        for name, kind, text in dict.fromkeys(topics):
            schema = foxglove.Schema(name=kind, encoding="ros2msg", data=(text or definition(kind)).encode())
            self.channels[name] = foxglove.Channel(name, schema=schema, message_encoding="cdr", context=self.context)
        try:
            self.server: Any = foxglove.start_server(
                name="snn view", host=host, port=port, context=self.context, capabilities=[Capability.Time]
            )
        except RuntimeError as error:
            text = str(error).removeprefix("FoxgloveError: ")
            raise OutputError(f"{host}:{port}: cannot be listened on ({text}); choose another --port") from None

    def __enter__(self) -> "FoxgloveServer":
        return self

    @property
    def address(self) -> str:
        """Where Foxglove connects to ('Foxglove WebSocket')."""
        return f"ws://{self.host}:{self.server.port}"

    @property
    def watched(self) -> bool:
        """Whether somebody has subscribed to a topic."""
        return any(channel.has_sinks() for channel in self.channels.values())

    def record(self, topic: str, type_name: str, stamp_ns: int, payload: bytes) -> None:
        """Show a serialised message of one of the topics at its simulated time."""
        if stamp_ns > self.now_ns:
            self.now_ns = stamp_ns
            self.server.broadcast_time(stamp_ns)
        self.channels[topic].log(payload, log_time=stamp_ns)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.stop()
