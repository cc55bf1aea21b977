"""A mission flown by the whole graph of nodes inside this process: what `snn mission launch` flies."""

from time import perf_counter
from types import TracebackType
from typing import Any

import rclpy

from snn_cli.nodes.composition import open_context
from snn_cli.nodes.mission_bringup import MissionBringupConfig, compose_mission
from snn_core.errors import SnnError
from snn_core.nodes.process import make_executor

STALL_S = 60.0  # patience with a simulated clock that stands still; scenes are built meanwhile


class MissionFlight:
    """The nodes of a mission with an executor, in lock step; a context manager.

    Raises:
        SnnError: a parameter, the mission or a file is wrong.
    """

    def __init__(self, config: MissionBringupConfig, isolated: bool = True, domain_id: int | None = None) -> None:
        self.context = open_context(isolated, domain_id)
        try:
            self.graph = compose_mission(config, self.context)
            self.executor = make_executor(self.context)
            for node in self.graph.nodes:
                self.executor.add_node(node)
        except BaseException:
            rclpy.try_shutdown(context=self.context)
            raise

    def __enter__(self) -> "MissionFlight":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.executor.shutdown()
        rclpy.try_shutdown(context=self.context)

    def fly(self) -> dict[str, Any]:
        """Fly to the end; the result, and how much faster than real time the flights went by.

        Raises:
            SnnError: there is no mission, it failed to be flown, or simulated time stands still.
        """
        director, flight = self.graph.director, self.graph.world.flight
        if director is None or flight is None:
            raise SnnError("expected a mission to fly, found none; name one")
        began_s, moved_s, ticks = perf_counter(), perf_counter(), flight.ticks
        while director.result is None and not director.failure:
            self.executor.spin_once(timeout_sec=1.0)
            if flight.ticks != ticks:
                moved_s, ticks = perf_counter(), flight.ticks
            if perf_counter() - moved_s > STALL_S:
                raise SnnError(f"simulated time stands still at {flight.now_s:.1f} s, waiting for {director.wait.what}")
        if director.result is None:
            raise SnnError(director.failure)
        flown_s = ticks * flight.config.dt_s
        return {**director.result, "real_time_factor": flown_s / (perf_counter() - began_s), "flown_s": flown_s}
