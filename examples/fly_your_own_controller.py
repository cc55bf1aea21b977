"""Fly a controller of your own in the fitted blimp and see how it compares with the PID.

    python examples/fly_your_own_controller.py

A controller is any function (setpoint, measured height) -> command; all three are arrays with one entry per world, a
height is NaN where the lidar lost it, and a command is within -10 to 10.
"""

import numpy as np
from numpy.typing import NDArray

from sim_worlds.blimp import blimp_params
from sim_worlds.rollout import Controller, rollout
from sim_worlds.trials import find_trial
from sim_worlds.weather import draw_weather
from snn_control.pid import Pid, PidConfig
from snn_core.metrics import FlightScore, flight_score

Array = NDArray[np.float64]
DT_S = 0.1
WORLDS = 5  # flights at once, each in its own weather
BUOYANCY_MPS2 = -0.03  # a little heavy
SHOWN = ("rmse_m", "steady_state_error_m", "overshoot_up_m", "t90_s", "reversals_per_min")


class MyController:
    """Push up or down by how far off the blimp will be in two seconds, and trim slowly against its weight."""

    def __init__(self) -> None:
        self.last_height_m = np.full(WORLDS, np.nan)
        self.trim = np.zeros(WORLDS)

    def __call__(self, setpoint_m: Array, height_m: Array) -> Array:
        climb = np.nan_to_num((height_m - self.last_height_m) / DT_S)
        error = np.nan_to_num(setpoint_m - height_m)
        self.last_height_m = height_m
        self.trim = np.clip(self.trim + 0.05 * np.clip(error, -0.2, 0.2), -5.0, 5.0)
        return np.clip(6.0 * (error - 2.0 * climb) + self.trim, -10.0, 10.0)


def mean_score(controller: Controller) -> FlightScore:
    """Fly the trial once per world; the mean of each score."""
    setpoint = find_trial("steps").setpoint_series(DT_S)
    params = blimp_params("tudelft_2023", WORLDS, buoyancy_mps2=BUOYANCY_MPS2)
    weather = draw_weather(len(setpoint), WORLDS, np.random.default_rng(0))
    flights = rollout(controller, params, setpoint, DT_S, weather)
    scores = [flight_score(setpoint, flights.height_m[:, w], flights.command[:, w], DT_S) for w in range(WORLDS)]
    return FlightScore(*np.mean(scores, axis=0).tolist())


def main() -> None:
    """Fly both and print their scores side by side."""
    mine, pid = mean_score(MyController()), mean_score(Pid(PidConfig(), DT_S, WORLDS))
    print(f"{'':<22}{'mine':>8}{'PID':>8}")
    for name in SHOWN:
        print(f"{name:<22}{getattr(mine, name):>8.3f}{getattr(pid, name):>8.3f}")


if __name__ == "__main__":
    main()
