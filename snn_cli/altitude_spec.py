"""The altitude problem as plain data, and the factory that rebuilds it, with its flights, in any process."""

import json
from functools import partial
from typing import Any

from numpy.typing import NDArray

from snn_cli.flights import flight_cost
from snn_control.altitude_config import AltitudeEvolutionConfig
from snn_control.altitude_problem import AltitudeProblem, Lessons
from snn_control.problems import ProblemSpec


def altitude_spec(config: AltitudeEvolutionConfig, lessons: Lessons) -> ProblemSpec:
    """What a worker needs to judge genes."""
    return ProblemSpec("snn_cli.altitude_spec:build", json.dumps(config.model_dump(mode="json")), lessons.arrays())


def build(settings: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> AltitudeProblem:
    """The problem, in the world of `snn_cli.flights`."""
    config = AltitudeEvolutionConfig.check(settings)
    return AltitudeProblem(config, Lessons.of(arrays), partial(flight_cost, dt_s=config.dt_s))
