"""A bench for nodes over real DDS: a context per test, waiting with deadlines, processes that are cleaned up."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PointStamped, WrenchStamped
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Range

from snn_core.model_files import ModelHeader, save_model
from snn_core.network import NetworkParams
from snn_core.network_config import NetworkConfig
from snn_core.nodes.process import make_executor
from snn_core.nodes.wire import COMMAND_QOS, stamp

DEADLINE_S = 20.0
NEWTONS = 0.0232
_domains = itertools.count(os.getpid() * 7)


def next_domain() -> int:
    """A domain that no other test of this run uses; 1 to 100 are free of port clashes on Linux."""
    return 1 + next(_domains) % 100


def toy_model(path: Path, strength: float = 5.0) -> Path:
    """A model file of one pair: the command is +-strength by the sign of the error."""
    one = np.ones((1, 2), np.float32)
    absent = np.zeros((1, 0, 0), np.float32)
    network = NetworkParams(
        w_in=one * [2, -2], bias=one * 0, leak_in=one * 1e-3, threshold_in=one * 1e-3,
        w_own=one, w_cross=one * 0, leak_syn=one * 1e-3, leak_mem=one * 1e-3, threshold=one * 0.5,
        leak_trace=one * 1e-3, w_threshold=absent, w_recurrent=absent,
        w_out=one * [strength, -strength], leak_out=np.full(1, 1e-3, np.float32),
    )  # fmt: skip
    header = ModelHeader(kind="spiking_pid", dt_s=0.1, networks={"pd": NetworkConfig(pairs=1)})
    save_model(path, header, {"pd": NetworkParams(*(np.asarray(field, np.float32) for field in network))})
    return path


def range_at(time_s, height_m=0.5, low=0.0, high=12.0):
    message = Range(min_range=low, max_range=high, range=height_m)
    message.header.stamp = stamp(time_s)
    return message


def target_at(height_m):
    message = PointStamped()
    message.point.z = height_m
    return message


def wrench_at(time_s, command):
    message = WrenchStamped()
    message.header.stamp = stamp(time_s)
    message.wrench.force.z = command * NEWTONS
    return message


def command_of(message):
    return round(message.wrench.force.z / NEWTONS, 2)


class Bench:
    """Nodes under test, a tester node, and one executor for all of them."""

    def __init__(self):
        self.domain = next_domain()
        self.context = Context()
        rclpy.init(context=self.context, domain_id=self.domain, signal_handler_options=SignalHandlerOptions.NO)
        self.executor = make_executor(self.context)
        self.node = Node("tester", context=self.context)
        self.executor.add_node(self.node)
        self.publishers = {}
        self.processes = []

    def close(self):
        for process in self.processes:
            process.kill()
            process.communicate()
        self.executor.shutdown()
        rclpy.try_shutdown(context=self.context)

    def make(self, node_class, **parameters):
        """A node in this process; simulated time unless told otherwise."""
        values = {"use_sim_time": True, **parameters}
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        node = node_class(context=self.context, parameter_overrides=overrides)
        self.executor.add_node(node)
        return node

    def start(self, command, **environment):
        """A process in the same domain; its stderr goes to its stdout."""
        names = {**os.environ, "ROS_DOMAIN_ID": str(self.domain), "PYTHONUNBUFFERED": "1", **environment}
        process = subprocess.Popen(command, env=names, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        return process

    def until(self, holds, what, timeout_s=DEADLINE_S):
        """Spin until `holds()`; fails, naming `what`, when that takes too long."""
        deadline = perf_counter() + timeout_s
        while not (result := holds()):
            assert perf_counter() < deadline, f"waited {timeout_s} s for {what}"
            self.executor.spin_once(timeout_sec=0.05)
        return result

    def spin(self, times=20):
        """Handle what is on its way, where nothing is expected."""
        for _ in range(times):
            self.executor.spin_once(timeout_sec=0.005)

    def listen(self, topic, message_type=WrenchStamped):
        """A list that fills with (time of arrival, message)."""
        heard = []
        self.node.create_subscription(
            message_type, topic, lambda message: heard.append((perf_counter(), message)), COMMAND_QOS
        )
        return heard

    def publish(self, topic, message, listeners=1):
        """Publish once the listeners are there."""
        publisher = self.publishers.get(topic)
        if publisher is None:
            publisher = self.publishers[topic] = self.node.create_publisher(type(message), topic, COMMAND_QOS)
        self.until(lambda: publisher.get_subscription_count() >= listeners, f"{listeners} listeners of {topic}")
        publisher.publish(message)

    def set_clock(self, time_s, *nodes):
        """Set simulated time, and wait until the nodes know."""

        def known():
            self.publish("/clock", Clock(clock=stamp(time_s)), len(nodes))
            return all(abs(node.get_clock().now().nanoseconds * 1e-9 - time_s) < 1e-6 for node in nodes)

        self.until(known, f"the clock to show {time_s}")

    def diagnosis(self, name, heard, holds=lambda status: True):
        """The first status of that node that `holds`, as (level, message, values)."""

        def found():
            for _, message in heard:
                for status in message.status:
                    if status.name == name and holds(status):
                        return status.level[0], status.message, {pair.key: pair.value for pair in status.values}
            return None

        return self.until(found, f"a diagnosis of {name}")

    def call(self, service_type, name, request):
        client = self.node.create_client(service_type, name)
        self.until(client.service_is_ready, f"the service {name}")
        future = client.call_async(request)
        self.until(future.done, f"an answer of {name}")
        return future.result()


def executable(name):
    return str(Path(sys.executable).with_name(name))


def diagnostics(bench):
    return bench.listen("/diagnostics", DiagnosticArray)


def send(bench, node, *messages):
    """Publish readings, each after the one before has been judged."""
    for message in messages:
        before = node.loop.check.counts.total()
        bench.publish("range", message)
        bench.until(lambda before=before: node.loop.check.counts.total() > before, "a reading to be judged")
