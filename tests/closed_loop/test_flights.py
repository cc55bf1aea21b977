"""The shipped controllers fly: what they must reach, in metres and seconds, and who must not reach it.

Every goal names the crippled controllers that miss it; a goal that a crippled controller also reaches is no goal.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_worlds.blimp import blimp_params
from sim_worlds.rollout import Controller, rollout
from sim_worlds.trials import find_trial
from sim_worlds.weather import draw_weather
from snn_control.pid import Pid, PidConfig
from snn_control.spiking_pid import SpikingPid, model_path
from snn_core.metrics import FlightScore, flight_score
from snn_core.model_files import load_model

Array = NDArray[np.float64]
DT_S = 0.1
SEEDS = 5  # worlds of a batch, each with its own weather and sensor noise
HEAVY_MPS2 = -0.12
LATE_STEPS = 10


class Goal(NamedTuple):
    """A score's upper bound, mean over the worlds."""

    score: str
    buoyancy_mps2: float
    snn: float
    pid: float
    crippled: tuple[str, ...]  # who misses it

    def __str__(self) -> str:
        return f"{self.score}-{'heavy' if self.buoyancy_mps2 else 'neutral'}"


LOST = ("silent", "flipped", "blind")
GOALS = [
    Goal("t90_s", 0.0, 4.5, 4.5, LOST),
    Goal("overshoot_up_m", 0.0, 0.12, 0.15, ("late", "silent")),
    Goal("overshoot_down_m", 0.0, 0.12, 0.15, ("late",)),
    Goal("oscillation_m", 0.0, 0.06, 0.12, ("late", *LOST)),
    Goal("steady_state_error_m", 0.0, 0.05, 0.08, ("late", *LOST)),
    Goal("t90_s", HEAVY_MPS2, 4.5, 4.5, ("pd_alone", *LOST)),
    Goal("overshoot_up_m", HEAVY_MPS2, 0.16, 0.18, ("late",)),
    Goal("overshoot_down_m", HEAVY_MPS2, 0.20, 0.20, ("pd_alone", "late", *LOST)),
    Goal("oscillation_m", HEAVY_MPS2, 0.06, 0.06, ("late",)),
    Goal("steady_state_error_m", HEAVY_MPS2, 0.03, 0.03, ("pd_alone", "late", *LOST)),
    Goal("rmse_m", HEAVY_MPS2, 0.20, 0.20, ("pd_alone", "late", *LOST)),
]


def snn(parts: tuple[str, ...] = ("pd", "integral"), gain: float = 1.0) -> SpikingPid:
    """The shipped networks, or some of them, with their read-outs scaled."""
    header, networks = load_model(model_path("default"), DT_S)
    scaled = {part: networks[part]._replace(w_out=networks[part].w_out * np.float32(gain)) for part in parts}
    return SpikingPid(scaled, DT_S, header.limit, SEEDS)


def pid(ki: float = PidConfig().ki, gain: float = 1.0) -> Pid:
    """The PID twin with its gains scaled."""
    whole = PidConfig()
    return Pid(PidConfig(kp=gain * whole.kp, ki=gain * ki, kd=gain * whole.kd), DT_S, SEEDS)


def flipped(controller: Controller) -> Controller:
    return lambda setpoint_m, height_m: -controller(setpoint_m, height_m)


def blind(controller: Controller) -> Controller:
    return lambda setpoint_m, height_m: controller(setpoint_m, np.full_like(height_m, np.nan))


def late(controller: Controller) -> Controller:
    """A controller that sees every height a second after it was measured."""
    seen: list[Array] = []

    def act(setpoint_m: Array, height_m: Array) -> Array:
        seen.append(height_m)
        return controller(setpoint_m, seen[max(0, len(seen) - 1 - LATE_STEPS)])

    return act


CONTROLLERS: dict[str, Callable[[], Controller]] = {
    "snn": snn,
    "snn silent": lambda: snn(gain=0.0),
    "snn flipped": lambda: flipped(snn()),
    "snn blind": lambda: blind(snn()),
    "snn late": lambda: late(snn()),
    "snn pd_alone": lambda: snn(("pd",)),
    "pid": pid,
    "pid silent": lambda: pid(gain=0.0),
    "pid flipped": lambda: flipped(pid()),
    "pid blind": lambda: blind(pid()),
    "pid late": lambda: late(pid()),
    "pid pd_alone": lambda: pid(ki=0.0),
}


@cache
def scores(controller: str, buoyancy_mps2: float) -> FlightScore:
    """Mean scores of the five steps of the trial, over the worlds."""
    setpoint = find_trial("steps").setpoint_series(DT_S)
    params = blimp_params("tudelft_2023", SEEDS, buoyancy_mps2=buoyancy_mps2)
    flights = rollout(
        CONTROLLERS[controller](), params, setpoint, DT_S, draw_weather(len(setpoint), SEEDS, np.random.default_rng(0))
    )
    rows = [flight_score(setpoint, flights.height_m[:, w], flights.command[:, w], DT_S) for w in range(SEEDS)]
    return FlightScore(*np.mean(rows, axis=0).tolist())


@pytest.mark.parametrize("goal", GOALS, ids=str)
@pytest.mark.parametrize("controller", ["snn", "pid"])
def test_the_shipped_controllers_reach_their_goals(controller: str, goal: Goal) -> None:
    reached = getattr(scores(controller, goal.buoyancy_mps2), goal.score)
    assert reached < getattr(goal, controller)


@pytest.mark.parametrize(
    ("goal", "cripple"), [pytest.param(goal, name, id=f"{goal}-{name}") for goal in GOALS for name in goal.crippled]
)
@pytest.mark.parametrize("controller", ["snn", "pid"])
def test_crippled_controllers_miss_them(controller: str, goal: Goal, cripple: str) -> None:
    reached = getattr(scores(f"{controller} {cripple}", goal.buoyancy_mps2), goal.score)
    assert reached > getattr(goal, controller)


def test_the_network_has_160_neurons_and_they_spike() -> None:
    controller = snn()
    assert controller.neurons <= 160
    for _ in range(50):
        controller(np.full(SEEDS, 1.5), np.full(SEEDS, 1.0))
    assert 0 < controller.spikes < SEEDS * 50 * controller.neurons


def test_it_answers_up_and_down_alike() -> None:
    errors, still, up, down = np.linspace(-1.0, 1.0, SEEDS), np.zeros(SEEDS), snn(), snn()
    commands = np.array([(up(errors, still), down(-errors, still)) for _ in range(100)])
    assert np.abs(commands[:, 0]).mean() > 1.0
    assert np.abs(commands.sum(axis=1)).mean() < 0.05  # sums in another order may move a spike, now and then
