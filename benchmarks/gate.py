"""What the command gate adds to the latency of a command, with all nodes in one process."""

import os
from importlib.util import find_spec
from time import perf_counter

import numpy as np

from benchmarks.row import Row, duration

COMMANDS, WARMING = 2000, 200
DOMAIN = 78
MEDIAN_GOAL_MS, P99_GOAL_MS = 0.3, 2.0
PATIENCE_S = 20.0


def gate() -> list[Row]:
    """Median and 99th percentile of what a hop through the gate takes, from publishing to hearing; the peers are the
    goals, and the same hop without a gate."""
    if find_spec("rclpy") is None:
        return []
    direct_ms, gated_ms = latencies()
    added_ms = gated_ms - direct_ms
    rows = []
    for name, share, goal in (("median", 50, MEDIAN_GOAL_MS), ("p99", 99, P99_GOAL_MS)):
        hop, total = float(np.percentile(direct_ms, share)), float(np.percentile(gated_ms, share))
        added = float(np.percentile(added_ms, share))
        rows += [
            duration(f"gate adds, {name}", added, "ms", "goal", goal),
            duration(f"command through the gate, {name}", total, "ms", "without a gate", hop),
        ]
    return rows


def latencies() -> tuple[np.ndarray, np.ndarray]:
    """Of each command, in ms, how long after its publication a listener heard it, and heard the gate forward it.

    The gate shares a process and an executor with both controllers, the simulated blimp, publisher and listener.
    """
    import rclpy
    from geometry_msgs.msg import WrenchStamped
    from rclpy.context import Context
    from rclpy.node import Node
    from rclpy.parameter import Parameter
    from rclpy.signals import SignalHandlerOptions

    from snn_cli.nodes.bringup import BringupConfig, compose
    from snn_core.nodes.process import make_executor
    from snn_core.nodes.wire import COMMAND_QOS, now_s, to_wrench
    from snn_core.signals import Command

    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    context = Context()
    rclpy.init(context=context, domain_id=DOMAIN, signal_handler_options=SignalHandlerOptions.NO)
    graph = compose(BringupConfig(trial="hover"), context)
    tester, executor = Node("tester", context=context), make_executor(context)
    graph.gate.set_parameters([Parameter("use_sim_time", value=False)])  # simulated time moves in steps of a period
    graph.snn.trigger_deactivate()  # the bench commands in its place
    for node in (*graph.nodes, tester):
        executor.add_node(node)
    heard: dict[str, list[float]] = {"command/snn": [], "command": []}
    wanted = [0.0]

    def listener(topic: str):
        def on_command(message: WrenchStamped) -> None:
            if abs(message.wrench.force.z - wanted[0]) < 1e-9:
                heard[topic].append(perf_counter())

        return on_command

    for topic in heard:
        tester.create_subscription(WrenchStamped, topic, listener(topic), COMMAND_QOS)
    graph.snn.destroy_publisher(graph.snn.publisher)  # one source per topic
    publisher = tester.create_publisher(WrenchStamped, "command/snn", COMMAND_QOS)
    _spin(executor, lambda: publisher.get_subscription_count() >= 2 and now_s(graph.gate) > 0.0)
    rows = []
    for k in range(COMMANDS + WARMING):
        for times in heard.values():
            times.clear()
        command = Command(1.0 + 0.001 * (k % 2), now_s(graph.gate))
        message = to_wrench(command, graph.gate.config.newtons_per_command)
        wanted[0] = message.wrench.force.z
        sent = perf_counter()
        publisher.publish(message)
        if _spin(executor, lambda: all(heard.values()), 0.1) and k >= WARMING:
            rows.append([(times[0] - sent) * 1e3 for times in heard.values()])
        _spin(executor, lambda: False, 0.002)
    executor.shutdown()
    rclpy.try_shutdown(context=context)
    direct, gated = np.array(rows).T
    return direct, gated


def _spin(executor, holds, patience_s: float = PATIENCE_S) -> bool:
    deadline = perf_counter() + patience_s
    while not holds() and perf_counter() < deadline:
        executor.spin_once(timeout_sec=0.001)
    return bool(holds())
