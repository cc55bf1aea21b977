"""The fused flight against the plain one: the same controllers in the same worlds, bit for bit, and its scores."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from sim_worlds.course import course
from sim_worlds.domain import HOLDS, LEVELS_M, RANGES, STEP_M, Domain, draw_domain
from sim_worlds.fused_rollout import fused_rollout
from sim_worlds.perturbations import FACTORS
from sim_worlds.rollout import rollout
from snn_control.pid import Pid, PidConfig
from snn_control.pilots import PidGains, spiking_pair
from snn_control.spiking_pid import SpikingPid
from snn_core.metrics import flight_score
from snn_core.network import select
from snn_core.network_config import NetworkConfig
from snn_core.pilots import pilot_memory, pilot_step
from snn_core.vectors import LANES
from unit.networks import STRUCTURES, name_of, random_networks

DT_S = 0.1
WORLDS = LANES + 3  # a full block and a padded one
STEPS = 300
PID = PidConfig(kp=11.0, ki=1.2, kd=17.0, derivative_filter_s=0.3, integrate_within_m=0.5)


@pytest.fixture(scope="module")
def domain() -> Domain:
    """Worlds that differ in everything, samples that are lost, and a part of each course."""
    drawn = draw_domain("tudelft_2023", WORLDS, np.random.default_rng(3), DT_S)
    lidar = type(drawn.lidar)(drawn.lidar.quantum_m, drawn.lidar.noise_m, np.full(WORLDS, 0.2), drawn.lidar.jitter_s)
    levels = drawn.course.setpoint_m[:: len(drawn.course.setpoint_m) // HOLDS]
    return Domain(drawn.params, lidar, course(levels, STEPS * DT_S / len(levels), DT_S), drawn.weather[:STEPS])


def gains(*configs: PidConfig) -> PidGains:
    """A population of PIDs."""
    named = [{**config.model_dump(), "dt_s": DT_S} for config in configs]
    return PidGains(*(np.array([float(values[field]) for values in named]) for field in PidGains._fields))


@pytest.mark.parametrize("config", STRUCTURES, ids=name_of)
def test_spiking_pairs_fly_as_in_the_plain_rollout(config: NetworkConfig, domain: Domain) -> None:
    population = {"pd": random_networks(config, 2, 1), "integral": random_networks(STRUCTURES[0], 2, 2)}
    population = {part: p._replace(w_out=3.0 * p.w_out) for part, p in population.items()}
    _, heights, commands = fused_rollout(spiking_pair(population), 2, *domain, DT_S, limit=2.0, record=True)
    for i in range(2):
        controller = SpikingPid({part: select(p, i) for part, p in population.items()}, DT_S, 2.0, WORLDS)
        plain = rollout(controller, domain.params, domain.course.setpoint_m, DT_S, domain.weather, domain.lidar)
        np.testing.assert_array_equal(heights[i], plain.height_m)
        np.testing.assert_array_equal(commands[i], plain.command)
    assert np.unique(commands).size > 50


def test_pids_fly_as_in_the_plain_rollout(domain: Domain) -> None:
    configs = (PID, PidConfig(limit=5.0, integral_limit=1.0))
    _, heights, commands = fused_rollout(gains(*configs), 2, *domain, DT_S, record=True)
    for i, config in enumerate(configs):
        controller = Pid(config, DT_S, WORLDS)
        plain = rollout(controller, domain.params, domain.course.setpoint_m, DT_S, domain.weather, domain.lidar)
        np.testing.assert_array_equal(heights[i], plain.height_m)
        np.testing.assert_array_equal(commands[i], plain.command)


def test_the_tally_is_the_flight_score(domain: Domain) -> None:
    tally, heights, commands = fused_rollout(gains(PID), 1, *domain, DT_S, record=True)
    for w in range(WORLDS):
        score = flight_score(domain.course.setpoint_m[:, w], heights[0, :, w], commands[0, :, w], DT_S)
        for field in ("rmse_m", "steady_state_error_m", "oscillation_m", "total_variation", "t90_s"):
            assert getattr(tally, field)[0, w] == pytest.approx(getattr(score, field), rel=1e-9), field
        up, down = score.overshoot_up_m, score.overshoot_down_m
        rises = np.diff(domain.course.setpoint_m[:: STEPS // HOLDS, w]) > 0
        both = np.nansum([up * rises.sum(), down * (~rises).sum()]) / len(rises)
        assert tally.overshoot_m[0, w] == pytest.approx(both, rel=1e-9)
    np.testing.assert_array_equal(tally.spikes_per_step, 0.0)


def test_spikes_are_counted(domain: Domain) -> None:
    population = {"pd": random_networks(STRUCTURES[0], 1, 1), "integral": random_networks(STRUCTURES[0], 1, 2)}
    tally, _, _ = fused_rollout(spiking_pair(population), 1, *domain, DT_S)
    controller = SpikingPid(population, DT_S, 10.0, WORLDS)
    rollout(controller, domain.params, domain.course.setpoint_m, DT_S, domain.weather, domain.lidar)
    assert tally.spikes_per_step.sum() * STEPS == pytest.approx(controller.spikes)


def test_without_a_record_only_the_scores_are_kept(domain: Domain) -> None:
    kept, heights, commands = fused_rollout(gains(PID), 1, *domain, DT_S)
    recorded, _, _ = fused_rollout(gains(PID), 1, *domain, DT_S, record=True)
    assert heights.size == commands.size == 0
    for mine, other in zip(kept, recorded, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_means_over_worlds_do_not_depend_on_the_population(domain: Domain) -> None:
    many = gains(*(PID.model_copy(update={"kp": 8.0 + i}) for i in range(5)))
    together = fused_rollout(many, 5, *domain, DT_S)[0].rmse_m.mean(axis=1)
    alone = [
        fused_rollout(PidGains(*(f[i : i + 1] for f in many)), 1, *domain, DT_S)[0].rmse_m.mean() for i in range(5)
    ]
    np.testing.assert_array_equal(together, alone)


def test_other_control_periods(domain: Domain) -> None:
    dt_s = 0.03  # three substeps: dead times end within a period
    config = PID.model_copy(update={"kd": 2.0})
    pilot = gains(config)._replace(dt_s=np.array([dt_s]))
    _, heights, _ = fused_rollout(pilot, 1, *domain, dt_s, record=True)
    plain = rollout(
        Pid(config, dt_s, WORLDS), domain.params, domain.course.setpoint_m, dt_s, domain.weather, domain.lidar
    )
    np.testing.assert_array_equal(heights[0], plain.height_m)


class Glider(NamedTuple):
    """No pilot that anybody declared."""

    wings: np.ndarray


@pytest.mark.parametrize(("ask", "arguments"), [(pilot_memory, (0,)), (pilot_step, (0, None, None, None))])
def test_what_is_no_pilot_is_refused(ask: Any, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match="Glider is no pilot"):
        ask(Glider(np.ones(2)), *arguments)


def test_random_worlds_stay_in_their_ranges_and_the_seed_makes_them() -> None:
    first, again, other = (draw_domain("tudelft_2023", 200, np.random.default_rng(seed), DT_S) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.weather, again.weather)
    assert (first.params.thrust_gain != other.params.thrust_gain).any()
    for name, (low, high) in RANGES.items():
        for field in FACTORS[name].fields:
            drawn = getattr(first.params, field, None)
            values = np.asarray(getattr(first.lidar, field) if drawn is None else drawn)
            if FACTORS[name].scales and values.any():
                values = values / 0.96  # the nominal quadratic drag; the linear one is zero
            if values.any():
                assert low <= values.min() < low + 0.1 * (high - low)
                assert high - 0.1 * (high - low) < values.max() <= high
    levels = first.course.setpoint_m[:: len(first.course.setpoint_m) // HOLDS]
    assert LEVELS_M[0] <= levels.min() < levels.max() <= LEVELS_M[1]
    steps = np.abs(np.diff(levels, axis=0))
    assert STEP_M[0] <= steps.min() < steps.max() <= STEP_M[1]
