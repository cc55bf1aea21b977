"""Flights of the fitted blimp: one controller over seeds for the report, a population for evolution."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.blimp import blimp_params
from sim_worlds.course import course
from sim_worlds.fused_rollout import Tally, fused_rollout
from sim_worlds.lidar import LidarParams
from sim_worlds.rollout import Flights, rollout
from sim_worlds.trials import find_trial
from sim_worlds.weather import draw_weather
from snn_cli.controllers import controller_named
from snn_control.pilots import spiking_pair
from snn_control.spiking_pid import SpikingPid
from snn_core.metrics import FlightScore, flight_score
from snn_core.network import NetworkParams
from snn_core.vectors import LANES

Array = NDArray[np.float64]
DT_S = 0.1
TRAINING_WORLD = "tudelft_2023"
TRAINING_LEVELS_M, TRAINING_HOLD_S = (0.5, 1.5, 0.9), 40.0
TRAINING_BUOYANCY_MPS2 = (0.0, -0.12)
QUICK_S = 3.4  # a step this quick is quick enough: faster only overshoots


class FlightReport(NamedTuple):
    """Flights of one controller over several seeds."""

    controller: str
    flights: Flights  # (time, seed)
    scores: list[FlightScore]  # one per seed
    spikes_per_s: float
    synops_per_s: float

    def mean(self) -> dict[str, float]:
        """Each score's mean over the seeds."""
        return dict(zip(FlightScore._fields, np.mean(self.scores, axis=0).tolist(), strict=True))


def fly(
    model: str, world: str, trial: str, buoyancy_mps2: float, seed: int, seeds: int, dt_s: float = DT_S
) -> FlightReport:
    """Fly one controller through a trial, once per seed (seed, seed + 1, ...), each in its own weather."""
    setpoint = find_trial(trial).setpoint_series(dt_s)
    name, controller = controller_named(model, dt_s, 1)
    params = blimp_params(world, 1, buoyancy_mps2=buoyancy_mps2)
    runs, spikes, synops = [], 0.0, 0.0
    for offset in range(seeds):
        controller.reset()
        weather = draw_weather(len(setpoint), 1, np.random.default_rng(seed + offset))
        runs.append(rollout(controller, params, setpoint, dt_s, weather))
        if isinstance(controller, SpikingPid):
            spikes, synops = spikes + controller.spikes, synops + controller.synops
    flights = Flights(*(np.concatenate(fields, axis=1) for fields in zip(*runs, strict=True)))
    scores = [flight_score(setpoint, flights.height_m[:, s], flights.command[:, s], dt_s) for s in range(seeds)]
    duration = len(setpoint) * dt_s * seeds
    return FlightReport(name, flights, scores, spikes / duration, synops / duration)


def flight_cost(population: dict[str, NetworkParams], seed: int, dt_s: float = DT_S) -> Array:
    """Cost of each individual's flights in the training world, neutral and heavy, (individual,), metres.

    The sum of RMSE, steady-state error, overshoots and twice the hover oscillation, and small terms for slow steps and
    for a busy command; mean over the worlds. `seed` sets the weather, the same for all.
    """
    buoyancy = np.repeat(TRAINING_BUOYANCY_MPS2, LANES // len(TRAINING_BUOYANCY_MPS2))
    flight = course(np.tile(np.reshape(TRAINING_LEVELS_M, (-1, 1)), len(buoyancy)), TRAINING_HOLD_S, dt_s)
    steps, worlds = flight.setpoint_m.shape
    pilot, individuals = spiking_pair(population), population["pd"].population
    params = blimp_params(TRAINING_WORLD, worlds, buoyancy_mps2=buoyancy)
    weather = draw_weather(steps, worlds, np.random.default_rng([seed, 1]))
    scores, _, _ = fused_rollout(pilot, individuals, params, LidarParams(), flight, weather, dt_s)
    return tally_cost(scores, steps)


def tally_cost(s: Tally, steps: int, quick_s: float = QUICK_S, metres: float = 1.0) -> Array:
    """One number for the flights of each individual, (individual,): the sum described at `flight_cost`, mean of worlds.

    metres: what a unit of error counts for, where the flights are not of height.
    """
    errors = s.rmse_m + s.steady_state_error_m + 2.0 * s.overshoot_m + 2.0 * s.oscillation_m
    slowness = 0.1 * np.maximum(0.0, s.t90_s - quick_s)
    return (metres * errors + slowness + 0.02 * s.total_variation / steps).mean(axis=1)


def simulated_heights(count: int, seed: int, dt_s: float = DT_S, duration_s: float = 200.0) -> list[Array]:
    """Measured heights of PID flights in the training world: error signals for those without recordings."""
    generator = np.random.default_rng(seed)
    steps = round(duration_s / dt_s)
    setpoint = np.stack([_wandering(steps, dt_s, generator) for _ in range(count)], axis=1)
    params = blimp_params(TRAINING_WORLD, count, buoyancy_mps2=generator.uniform(-0.12, 0.05, count))
    _, pid = controller_named("pid", dt_s, count)
    flights = rollout(pid, params, setpoint, dt_s, draw_weather(steps, count, generator))
    return [flights.measured_m[:, row] for row in range(count)]


def _wandering(steps: int, dt_s: float, generator: np.random.Generator) -> Array:
    """A setpoint that holds 20 to 35 s and steps 0.3 to 1.0 m, between 0.4 and 2.2 m."""
    setpoint, level, start = np.empty(steps), generator.uniform(0.6, 2.0), 0
    while start < steps:
        end = start + round(generator.uniform(20.0, 35.0) / dt_s)
        setpoint[start:end] = level
        step = generator.uniform(0.3, 1.0) * generator.choice([-1.0, 1.0])
        level += step if 0.4 <= level + step <= 2.2 else -step
        start = end
    return setpoint
