"""Speed of the control kernels and of whole rollouts."""

import numpy as np

from benchmarks.row import Row, duration, seconds, throughput
from sim_worlds.blimp import blimp_params
from sim_worlds.course import course
from sim_worlds.fused_rollout import fused_rollout
from sim_worlds.lidar import LidarParams
from sim_worlds.rollout import rollout as fly
from sim_worlds.trials import find_trial
from sim_worlds.weather import draw_weather
from snn_cli.controllers import controller_named
from snn_control.altitude_evolution import INTEGRAL_START, PD_START
from snn_control.altitude_problem import INTEGRAL_BOUNDS
from snn_control.pilots import spiking_pair
from snn_control.spiking_pid import SpikingPid
from snn_core import kernels
from snn_core.genome import Genome
from snn_core.network import NetworkParams, initial_state, network_step, select
from snn_core.network_config import NetworkConfig
from snn_core.vectors import LANES

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


def closed_loop() -> list[Row]:
    """Simulated seconds per second of whole populations in the fused rollout; the peer is the batched plain rollout."""
    rows = []
    params, steps = blimp_params("tudelft_2023", LANES), 1200
    flight = course(np.tile([[0.5], [1.5], [0.9]], LANES), 40.0, 0.1)
    weather = draw_weather(steps, LANES, np.random.default_rng(0))
    for name, connectivity, hidden in (("lif", "paired", "lif"), ("shipped structure", "dense", "recurrent_iwta")):
        pair = _pair(BATCH // LANES, connectivity, hidden)

        def fused(pair: dict[str, NetworkParams] = pair) -> None:
            fused_rollout(spiking_pair(pair), BATCH // LANES, params, LidarParams(), flight, weather, 0.1)

        def plain(pair: dict[str, NetworkParams] = pair) -> None:
            one = {part: select(p, 0) for part, p in pair.items()}
            controller = SpikingPid(one, 0.1, batch=LANES)
            fly(controller, params, flight.setpoint_m, 0.1, weather)

        value = BATCH * steps * 0.1 / seconds(fused, 10)
        peer = LANES * steps * 0.1 / seconds(plain, 2)
        title = f"{BATCH} closed-loop flights, {name}"
        rows += [
            throughput(title, value, "blimp-s/s", f"plain rollout of {LANES}", peer),
            throughput(title, value, "blimp-s/s", "goal", 2e6),
        ]
    return rows


def _pair(individuals: int, connectivity: str, hidden: str) -> dict[str, NetworkParams]:
    """Random pairs of networks of which most neurons spike."""
    generator = np.random.default_rng(0)
    pd = Genome(NetworkConfig(connectivity=connectivity, hidden=hidden))
    integral = Genome(NetworkConfig(connectivity="paired", opposed=True, bounds=INTEGRAL_BOUNDS))
    return {
        "pd": pd.decode(np.array([pd.draw(PD_START, generator) for _ in range(individuals)])),
        "integral": integral.decode(np.array([integral.draw(INTEGRAL_START, generator) for _ in range(individuals)])),
    }


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
