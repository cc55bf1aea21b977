"""Running nodes: the executor, and a process that starts with a clear word and stops with a safe one."""

import signal
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

import rclpy
from rclpy.context import Context
from rclpy.exceptions import InvalidNamespaceException, InvalidNodeNameException
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.signals import SignalHandlerOptions

from snn_core.errors import SnnError

WAKE_S = 0.1  # a signal is acted upon after at most this time
_START_ERRORS = (
    SnnError, InvalidNodeNameException, InvalidNamespaceException,
    rclpy_implementation.RCLError, rclpy_implementation.UnknownROSArgsError,
)  # fmt: skip


class StoppableNode(Protocol):
    """A node with a last word."""

    def stop(self) -> None:
        """Leave everything safe; publishing still works."""


def make_executor(context: Context | None = None) -> Executor:
    """A single-threaded executor; the one driven by events is ten times cheaper, where this ROS has it."""
    try:
        from rclpy.experimental import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor(context=context)
    return EventsExecutor(context=context)


def _init() -> None:
    """Start ROS; where no log can be written, because a disk is full or read-only, go on without one."""
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except rclpy_implementation.RCLError as error:
        if "logging" not in str(error):
            raise
        sys.stderr.write(f"going on without a log file: {' '.join(str(error).split())}\n")
        rclpy.try_shutdown()
        arguments = [*sys.argv, "--ros-args", "--disable-external-lib-logs"]
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)


def run(make: Callable[[], Sequence[StoppableNode]]) -> int:
    """Make, spin until SIGINT or SIGTERM, stop safely. Exit code 1 and one line on stderr: no start."""
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: stopping.append(received))
    try:
        _init()
        nodes = make()
    except _START_ERRORS as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return 1
    executor = make_executor()
    for node in nodes:
        executor.add_node(node)
    try:
        while not stopping:
            executor.spin_once(timeout_sec=WAKE_S)
        for node in nodes:
            node.stop()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # a second one must not disturb the end
            signal.signal(number, signal.SIG_IGN)
        executor.shutdown()
        rclpy.try_shutdown()
    return 0
