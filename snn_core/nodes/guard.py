"""Callbacks that never raise: an exception in one would end the node."""

import functools
import time
import traceback
from collections.abc import Callable
from typing import Any

from rclpy.node import Node

QUIET_S = 5.0  # the same trouble is told again after this time


class Guard:
    """Wraps callbacks of a node. An exception is counted and logged, then `fail_safe` is called.

    A service whose callback fails answers with its response as far as it was filled in.
    """

    def __init__(self, node: Node, fail_safe: Callable[[], None] | None = None) -> None:
        self.node, self.fail_safe = node, fail_safe
        self.errors = 0
        self.newest = ""
        self.busy_s = self.longest_s = 0.0  # in callbacks, since the start; the longest since `take_longest_s`

    def __call__(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(callback)
        def guarded(*args: Any) -> Any:
            began_s = time.perf_counter()
            try:
                return callback(*args)
            except Exception as error:  # noqa: BLE001  whatever it is, the node must go on
                self._caught(callback.__name__, error)
                return args[-1] if args else None
            finally:
                took_s = time.perf_counter() - began_s
                self.busy_s += took_s
                self.longest_s = max(self.longest_s, took_s)

        return guarded

    def take_longest_s(self) -> float:
        """The longest callback since the last call."""
        longest_s, self.longest_s = self.longest_s, 0.0
        return longest_s

    def _caught(self, where: str, error: Exception) -> None:
        self.errors += 1
        self.newest = f"{where}: {type(error).__name__}: {error}"
        self.node.get_logger().error(traceback.format_exc(), throttle_duration_sec=QUIET_S)
        if self.fail_safe is not None:
            try:
                self.fail_safe()
            except Exception:  # noqa: BLE001
                self.node.get_logger().error(traceback.format_exc(), throttle_duration_sec=QUIET_S)
