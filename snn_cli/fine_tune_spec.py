"""The fine-tuning problem as plain data, the factory that rebuilds it anywhere, and the worlds that it flies in."""

import json
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_worlds.axes import AxisDomain
from sim_worlds.domain import Domain, draw_domain
from sim_worlds.fused_rollout import Tally, fused_rollout
from snn_cli.axis_flights import axis_domain_of, axis_tally
from snn_control.axis_control import CONTROLS
from snn_control.contenders import Contender, PairContender, PidContender
from snn_control.fine_tuning import FineTuneConfig, FineTuneProblem, objectives
from snn_control.problems import ProblemSpec
from snn_core.network import NetworkParams
from snn_core.network_config import NetworkConfig

Array = NDArray[np.float64]
WORLD = "tudelft_2023"
TRAINING, FRONT, VALIDATION, TEST = range(1, 5)  # streams of random worlds that never meet


@lru_cache(2)
def domain_of(stream: int, seed: int, worlds: int, dt_s: float, axis: str = "altitude") -> Domain | AxisDomain:
    """The random worlds of a stream and a seed: the fitted vertical axis, or the airship for the other two."""
    if axis != "altitude":
        return axis_domain_of(axis, stream, seed, worlds, dt_s)
    return draw_domain(WORLD, worlds, np.random.default_rng([stream, seed]), dt_s)


def tally(pilot: Any, individuals: int, domain: Domain | AxisDomain, dt_s: float) -> Tally:
    """Scores of every individual in every world."""
    if isinstance(domain, AxisDomain):
        return axis_tally(pilot, individuals, domain, dt_s)
    return fused_rollout(pilot, individuals, *domain, dt_s)[0]


def contenders_of(
    dt_s: float, structure: dict[str, NetworkConfig], networks: dict[str, NetworkParams], axis: str = "altitude"
) -> dict[str, Contender]:
    """Who is tuned: the networks, the PID and the PD."""
    return {
        "snn": PairContender(structure, networks),
        "pid": PidContender(dt_s, axis=axis),
        "pd": PidContender(dt_s, integrates=False, axis=axis),
    }


def fine_tune_spec(
    config: FineTuneConfig, structure: dict[str, NetworkConfig], networks: dict[str, NetworkParams]
) -> ProblemSpec:
    """What a worker needs to judge genes."""
    parts = {part: network.model_dump(mode="json") for part, network in structure.items()}
    settings = {"config": config.model_dump(mode="json"), "structure": parts}
    arrays = {f"{part}.{name}": value for part, p in networks.items() for name, value in p._asdict().items()}
    return ProblemSpec("snn_cli.fine_tune_spec:build", json.dumps(settings), arrays)


def build(settings: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> FineTuneProblem:
    """The problem; its random worlds are the same for every contender."""
    config = FineTuneConfig.check(settings["config"])
    structure = {part: NetworkConfig.check(values) for part, values in settings["structure"].items()}
    networks = {
        part: NetworkParams(*(arrays[f"{part}.{name}"] for name in NetworkParams._fields)) for part in structure
    }
    return FineTuneProblem(contenders_of(config.dt_s, structure, networks, config.axis), partial(_fly, config))


def _fly(config: FineTuneConfig, pilot: Any, individuals: int, generation: int | None) -> Array:
    if generation is None:
        domain = domain_of(FRONT, config.seed, config.front_worlds, config.dt_s, config.axis)
    else:
        domain = domain_of(TRAINING, generation + 100_000 * config.seed, config.worlds, config.dt_s, config.axis)
    costs = objectives(tally(pilot, individuals, domain, config.dt_s), len(domain.weather))
    return costs * np.array([CONTROLS[config.axis].metres, 1.0, 1.0])
