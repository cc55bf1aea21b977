"""ROS parameters from a configuration class: declared, described and checked by one declaration each."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from snn_core.config import Config
from snn_core.declarations import Declaration, declarations
from snn_core.errors import ConfigError

ROS_OWN = ("use_sim_time", "start_type_description_service", "qos_overrides.")
OPEN = {"automatically_declare_parameters_from_overrides": True, "allow_undeclared_parameters": True}
MOST_PER_S = 50  # changes; what is asked for beyond that is refused unseen, so that a flood cannot slow the node down
C = TypeVar("C", bound=Config)


class Parameters(Generic[C]):
    """The configuration of a node, kept equal to its ROS parameters.

    The node must be made with the arguments `OPEN`: it then sees misspelt parameters, and refuses them by name.
    `live` names the parameters that may change while the node runs; `on_change` then gets the new configuration.
    """

    def __init__(self, node: Node, config_type: type[C], live: frozenset[str], on_change: Callable[[C], None]) -> None:
        """Declare every parameter.

        Raises:
            ConfigError: a value given at the start is unknown, of a wrong type or out of bounds.
        """
        self.live, self.on_change = live, on_change
        self.changes_s: deque[float] = deque(maxlen=MOST_PER_S)
        given = _given(node)
        self.config: C = config_type.check(given, node.get_name())
        for name in given:
            node.undeclare_parameter(name)
        for item in declarations(config_type):
            value = getattr(self.config, item.name)
            node.declare_parameter(item.name, value, _descriptor(item, item.name in live), ignore_override=True)
        node.add_on_set_parameters_callback(self._judge)

    def _judge(self, parameters: list[Parameter]) -> SetParametersResult:
        """Accept all of the new values or none; runs before ROS stores them, and must not raise."""
        ours = {p.name: p.value for p in parameters if not p.name.startswith(ROS_OWN)}
        now = time.perf_counter()
        if len(self.changes_s) == MOST_PER_S and now - self.changes_s[0] < 1.0:
            return SetParametersResult(successful=False, reason=f"more than {MOST_PER_S} changes in a second: refused")
        self.changes_s.append(now)
        fixed = sorted(set(ours) & set(type(self.config).model_fields) - self.live)
        if fixed:
            return SetParametersResult(successful=False, reason=f"{fixed[0]} is read at the start only: restart")
        try:
            config = type(self.config).check({**self.config.model_dump(), **ours}, "refused")
            self.on_change(config)
        except (ConfigError, ValueError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.config = config
        return SetParametersResult(successful=True)


def _given(node: Node) -> dict[str, Any]:
    """The parameters that the command line, parameter files or the composer set."""
    found = node.get_parameters_by_prefix("")
    return {name: p.value for name, p in found.items() if not name.startswith(ROS_OWN)}


def _descriptor(item: Declaration, live: bool) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=item.description)
    descriptor.additional_constraints = ", ".join(
        text for text in (item.choices and f"one of {item.bounds}", not live and "read at the start only") if text
    )
    if item.low is None or item.high is None:
        return descriptor
    if item.kind is float:
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(item.low), to_value=float(item.high))]
    elif item.kind is int:
        descriptor.integer_range = [IntegerRange(from_value=int(item.low), to_value=int(item.high), step=1)]
    return descriptor
