"""A live view: ROS messages to whoever connects with Foxglove. The only place that imports foxglove-sdk."""

from types import TracebackType
from typing import Any

from snn_cli.ros_messages import definition
from snn_core.errors import OutputError, SnnError


class FoxgloveServer:
    """A WebSocket server on which messages appear as they are recorded; a context manager.

    Messages keep their ROS types and their bytes: a layout made for a bag or for a live graph fits here too.

    Raises:
        SnnError: foxglove-sdk is not installed.
        OutputError: host or port cannot be listened on.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 8765, name: str = "snn view") -> None:
        try:
            import foxglove
            from foxglove.websocket import Capability
        except ImportError:
            raise SnnError(
                "expected foxglove-sdk for a live view, found none; install requirements/view.txt, or "
                "write a bag with 'snn mission run MISSION --bag FOLDER' and open that"
            ) from None
        self.sdk: Any = foxglove
        self.context = foxglove.Context()
        self.channels: dict[str, Any] = {}
        self.host, self.now_ns = host, -1
        try:
            self.server: Any = foxglove.start_server(
                name=name, host=host, port=port, context=self.context, capabilities=[Capability.Time],
            )  # fmt: skip
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

    def advertise(self, topic: str, type_name: str, text: str | None = None) -> None:
        """Name a topic before its first message; `text` is the definition of a type that is not a standard one."""
        if topic not in self.channels:
            data = (definition(type_name) if text is None else text).encode()
            schema = self.sdk.Schema(name=type_name, encoding="ros2msg", data=data)
            self.channels[topic] = self.sdk.Channel(
                topic, schema=schema, message_encoding="cdr", context=self.context
            )  # fmt: skip

    def record(self, topic: str, type_name: str, stamp_ns: int, payload: bytes) -> None:
        """Show a serialised message at its simulated time."""
        self.advertise(topic, type_name)
        if stamp_ns > self.now_ns:
            self.now_ns = stamp_ns
            self.server.broadcast_time(stamp_ns)
        self.channels[topic].log(payload, log_time=stamp_ns)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.stop()
