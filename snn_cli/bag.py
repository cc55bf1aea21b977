"""Recording raw ROS messages to a rosbag2 with MCAP storage, which Foxglove opens."""

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Literal

from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from snn_cli.ros_messages import store
from snn_core.errors import OutputError

BAG_VERSION: Literal[9] = 9  # of the bag's metadata; that of ROS 2 Jazzy


class BagWriter:
    """A bag folder that appears whole or not at all; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workshop = folder.with_name(f".{folder.name}.{os.getpid()}")  # the bag's files are named after its folder
        self.part = self.workshop / folder.name
        self.writer = Writer(self.part, version=BAG_VERSION, storage_plugin=StoragePlugin.MCAP)
        self.writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)  # chunks, of a megabyte each
        self.connections: dict[str, object] = {}

    def __enter__(self) -> "BagWriter":
        try:
            self.workshop.mkdir(parents=True)
            self.writer.open()
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written ({error.strerror}); choose another --out") from None
        return self

    def record(self, topic: str, type_name: str, stamp_ns: int, payload: bytes) -> None:
        """Store one serialised message under its simulated time."""
        if topic not in self.connections:
            self.connections[topic] = self.writer.add_connection(topic, type_name, typestore=store())
        self.writer.write(self.connections[topic], stamp_ns, payload)  # type: ignore[arg-type]

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.writer.close()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.part.replace(self.folder)
        shutil.rmtree(self.workshop, ignore_errors=True)
