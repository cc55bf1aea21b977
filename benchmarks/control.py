"""Speed of the control kernels and of whole rollouts."""

import numpy as np

from benchmarks.row import Row, duration, seconds, throughput
from sim_worlds.blimp import blimp_params
from sim_worlds.rollout import rollout as fly
from sim_worlds.trials import find_trial
from sim_worlds.weather import draw_weather
from snn_cli.controllers import controller_named
from snn_control.altitude_evolution import PD_START
from snn_core import kernels, lanes
from snn_core.genome import Genome
from snn_core.network import initial_state, network_step, select
from snn_core.network_config import NetworkConfig

BATCH = 256


def rollout() -> list[Row]:
    """Simulated seconds per second of a batch of spiking flights; the peer is real time itself."""
    setpoint = find_trial("step").setpoint_series(0.1)[:600]
    params = blimp_params("tudelft_2023", BATCH)
    weather = draw_weather(len(setpoint), BATCH, np.random.default_rng(0))

    def flights() -> None:
        _, controller = controller_named("default", 0.1, BATCH)
        fly(controller, params, setpoint, 0.1, weather)

    value = BATCH * len(setpoint) * 0.1 / seconds(flights)
    return [throughput(f"rollout of {BATCH} spiking flights", value, "blimp-s/s", "real time", 1.0)]


def fitness() -> list[Row]:
    """Network steps per second of the lane kernel; the peer is the plain numpy step over the same population."""
    genome = Genome(NetworkConfig(connectivity="paired"))
    generator = np.random.default_rng(0)
    population = genome.decode(np.array([genome.draw(PD_START, generator) for _ in range(128)]))
    errors = generator.standard_normal((1, 1150)).astype(np.float32)

    def plain() -> None:
        state = initial_state(128, 40)
        for t in range(100):
            state, _ = network_step(state, np.repeat(errors[0, t : t + 1], 128), population)

    value = 128 * 1150 / seconds(lambda: lanes.mimic_scores(population, errors, errors))
    peer = 128 * 100 / seconds(plain)
    return [throughput("fitness of 128 x 1150 steps, 80 neurons", value, "steps/s", "numpy, batched", peer)]


def control_step() -> list[Row]:
    """Time of one control step of one network; the peer is the plain numpy step."""
    genome = Genome(NetworkConfig(hidden="recurrent_iwta"))
    one = select(genome.decode(genome.draw(PD_START, np.random.default_rng(0))[None]), 0)
    state, error = initial_state(1, 40), np.full(1, 0.1, np.float32)

    def fused() -> None:
        for _ in range(1000):
            kernels.advance(one, state, error)

    def plain() -> None:
        now = initial_state(1, 40)
        for _ in range(100):
            now, _ = network_step(now, error, one)

    return [duration("one control step, 80 neurons", seconds(fused) * 1e3, "us", "numpy", seconds(plain) * 1e4)]
