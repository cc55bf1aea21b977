"""A flight through the real ROS 2 graph inside this process: what `snn demo` flies and records."""

from collections.abc import Callable
from time import perf_counter
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PointStamped, WrenchStamped
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Range
from std_msgs.msg import Header

from sim_worlds.blimp_flight import START_S, FlightStep
from snn_cli.nodes.bringup import BringupConfig, Graph, compose
from snn_cli.nodes.composition import open_context
from snn_control.controllers import SpikingController
from snn_core.errors import SnnError
from snn_core.nodes.process import make_executor
from snn_core.nodes.wire import now_s

Record = Callable[[str, str, int, bytes], None]
"""Gets topic, type name ('sensor_msgs/msg/Range'), simulated time in nanoseconds, and the serialised message."""

RECORDED: dict[str, type] = {
    "/clock": Clock,
    "/diagnostics": DiagnosticArray,
    "range": Range,
    "target": PointStamped,
    "odom": Odometry,
    "command/snn": WrenchStamped,
    "command/pid": WrenchStamped,
    "command": WrenchStamped,
    "command/owner": Header,
    "coordinator/sensing": DiagnosticArray,
    "coordinator/events": DiagnosticArray,
}
MATCH_S = 20.0  # patience until all nodes have found each other
PATIENCE_S = 5.0  # a busy machine must not change the flight
STALL_S = 20.0  # patience with a simulated clock that stands still


class FlightRecord(NamedTuple):
    """A flight as it was flown, (time,) each, one row per control period."""

    time_s: NDArray[np.float64]  # since the start of the flight
    setpoint_m: NDArray[np.float64]
    height_m: NDArray[np.float64]  # true
    command: NDArray[np.float64]  # that the motors got, command units
    owner: list[str]  # who commanded: snn, pid or neutral


class SimulationGraph:
    """The nodes of a simulation with an executor; a context manager.

    `isolated` keeps them invisible to every other ROS process, and those to them: a demonstration must not command
    a robot that happens to be on the network.

    Raises:
        SnnError: a parameter or the model is wrong, or the nodes do not find each other.
    """

    def __init__(
        self,
        *,
        world: str = "tudelft_2023",
        trial: str = "steps",
        buoyancy: float = 0.0,
        seed: int = 1,
        controller: str = "snn",
        model: str = "default",
        coordinator: bool = False,
        real_time_factor: float = 0.0,
        record: Record | None = None,
        on_step: Callable[[FlightStep], None] | None = None,
        isolated: bool = True,
        domain_id: int | None = None,
    ) -> None:
        config = BringupConfig.check(
            {
                "world": world, "trial": trial, "buoyancy_mps2": buoyancy, "seed": seed, "controller": controller,
                "model": model, "coordinator": coordinator, "real_time_factor": real_time_factor,
                "patience_s": PATIENCE_S, "paused": True,
            },
            "simulation",
        )  # fmt: skip
        self.steps: list[tuple[FlightStep, str]] = []
        self.on_step = on_step
        self.context = open_context(isolated, domain_id)
        try:
            self.graph = compose(config, self.context, on_step=self._on_step)
            self.recorder = self._make_recorder(record) if record else None
            self.executor = make_executor(self.context)
            for node in [*self.graph.nodes, *([self.recorder] if self.recorder else [])]:
                self.executor.add_node(node)
            self._wait_until_ready()
        except BaseException:
            rclpy.try_shutdown(context=self.context)
            raise

    def __enter__(self) -> "SimulationGraph":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop every node."""
        self.executor.shutdown()
        rclpy.try_shutdown(context=self.context)

    def spin_until(self, time_s: float) -> FlightRecord:
        """Fly until this many seconds after the start; the record from the start on."""
        world = self.graph.world
        world.pause(False)
        seen_s, deadline = 0.0, perf_counter() + STALL_S
        while (clock_s := world.flight.now_s) < START_S + time_s - 0.5 * world.config.dt_s:
            self.executor.spin_once(timeout_sec=1.0)
            if clock_s > seen_s:
                seen_s, deadline = clock_s, perf_counter() + STALL_S
            elif perf_counter() > deadline:
                raise SnnError(f"simulated time stands still at {clock_s:.1f} s")
        world.pause(True)
        return self.flown()

    def fly(self) -> FlightRecord:
        """Fly the trial to its end."""
        flight = self.graph.world.flight
        return self.spin_until(len(flight.targets_m) * flight.config.dt_s)

    def flown(self) -> FlightRecord:
        """The record up to now."""
        time, setpoint, height, command = np.array([step for step, _ in self.steps]).reshape(-1, 4).T
        return FlightRecord(time - START_S, setpoint, height, command, [owner for _, owner in self.steps])

    def spikes(self) -> NDArray[np.bool_]:
        """Which neurons of the spiking controller fired in its newest step, (neuron,); empty when the PID flies."""
        controller = self.graph.snn.loop.controller if self.graph.snn and self.graph.snn.loop else None
        return controller.network.raster() if isinstance(controller, SpikingController) else np.zeros(0, bool)

    def _on_step(self, step: FlightStep) -> None:
        if not self.steps:
            self.graph.gate.timer.reset()
        self.steps.append((step, self.graph.gate.gate.state.owner.name.lower()))
        if self.on_step is not None:
            self.on_step(step)

    def _make_recorder(self, record: Record) -> Node:
        node = Node("recorder", context=self.context, use_global_arguments=False)
        for topic, message_type in RECORDED.items():
            listener = self._listener(node.resolve_topic_name(topic), message_type, record)
            node.create_subscription(message_type, topic, listener, 100, raw=True)
        return node

    def _listener(self, topic: str, message_type: Any, record: Record) -> Callable[[bytes], None]:
        type_name = f"{message_type.__module__.rsplit('.', 1)[0].replace('.', '/')}/{message_type.__name__}"

        def on_message(payload: bytes) -> None:
            record(topic, type_name, round(self.graph.world.flight.now_s * 1e9), payload)

        return on_message

    def _wait_until_ready(self) -> None:
        waiting, deadline = _not_ready(self.graph), perf_counter() + MATCH_S
        while waiting:
            if perf_counter() > deadline:
                raise SnnError(f"after {MATCH_S:.0f} s still waiting for {', '.join(waiting)}")
            self.graph.world.announce()
            self.executor.spin_once(timeout_sec=0.05)
            waiting = _not_ready(self.graph)
        self.graph.gate.timer.cancel()  # until the first step: its neutral would race the first command


def _not_ready(graph: Graph) -> list[str]:
    """What is missing before a flight can begin: listeners, the clock in every node, targets."""
    controllers = [node for node in (graph.snn, graph.pid) if node is not None]
    needed = [(graph.world.range, len(controllers)), *((node.publisher, 1) for node in (*controllers, graph.gate))]
    missing = [f"listeners of {pub.topic_name}" for pub, count in needed if pub.get_subscription_count() < count]
    missing += [f"the clock in {node.get_name()}" for node in (*controllers, graph.gate) if now_s(node) == 0.0]
    if graph.world.target is not None:
        missing += [f"the target in {n.get_name()}" for n in controllers if n.loop is None or n.loop.target_m is None]
    return missing
