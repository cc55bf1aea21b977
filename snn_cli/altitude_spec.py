"""The evolution of a controller as plain data, and the factory that rebuilds it, with its flights, in any process."""

import json
from functools import partial
from typing import Any

from numpy.typing import NDArray

from snn_cli.axis_flights import axis_flight_cost
from snn_cli.flights import flight_cost
from snn_control.altitude_config import AltitudeEvolutionConfig
from snn_control.altitude_problem import AltitudeProblem, Lessons
from snn_control.problems import ProblemSpec


def altitude_spec(config: AltitudeEvolutionConfig, lessons: Lessons) -> ProblemSpec:
    """What a worker needs to judge genes."""
    return ProblemSpec("snn_cli.altitude_spec:build", json.dumps(config.model_dump(mode="json")), lessons.arrays())


def build(settings: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> AltitudeProblem:
    """The problem: altitude in the world of `snn_cli.flights`, the other axes in random ones of the airship."""
    config = AltitudeEvolutionConfig.check(settings)
    if config.axis == "altitude":
        cost = partial(flight_cost, dt_s=config.dt_s)
    else:
        cost = partial(axis_flight_cost, axis=config.axis, dt_s=config.dt_s)
    return AltitudeProblem(config, Lessons.of(arrays), cost)
