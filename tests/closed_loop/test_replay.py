"""Real open-loop flights replayed through the blimp that was fitted to them: how far off is it after 10 s?

The 2021 blimp flew recorded commands without any feedback. From every second of a flight the world starts at the
measured height and climb, with the thrust that the commands before have built up, and gets the recorded commands of
the next 10 s. The model published with the recordings (a transfer function, Gonzalez-Alvarez et al. 2022) is off by
0.256 m at that horizon.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_worlds.blimp import SUBSTEP_S, blimp_at, blimp_params, blimp_step

Array = NDArray[np.float64]
PUBLISHED_M = 0.256
HORIZON = round(10.0 / SUBSTEP_S)
EVERY = round(1.0 / SUBSTEP_S)
WARM_UP = round(5.0 / SUBSTEP_S)  # of thrust, whose beginning was not recorded
SLOPE = round(0.33 / SUBSTEP_S)  # half width of the window through which the climb is measured
WORLD = {"world": "tudelft_2021", "draft_std_mps2": 0.0}
MUTANTS = {
    "flipped thrust": WORLD | {"thrust_gain": -1.0},
    "no thrust": WORLD | {"thrust_gain": 0.0},
    "five times the drag": WORLD | {"drag_per_s": 5 * 0.22, "drag_per_m": 5 * 0.50},
    "12 cm/s2 heavier": WORLD | {"buoyancy_mps2": -0.12},
    "the other blimp": WORLD | {"world": "tudelft_2023"},
}


class Flight(NamedTuple):
    """A flight at the step of the simulation, (time,)."""

    command: Array
    height_m: Array
    climb_mps: Array


def read_flight(path: Path) -> Flight:
    """Commands held and heights interpolated between the samples of a recording at 30 Hz."""
    rows = np.genfromtxt(path, delimiter=",", names=True)
    grid = np.arange(rows["t_s"][0], rows["t_s"][-1], SUBSTEP_S)
    command = rows["u_cmd"][np.searchsorted(rows["t_s"], grid + 1e-9, side="right") - 1]
    height = np.interp(grid, rows["t_s"], rows["h_optitrack_m"])
    offsets = np.arange(-SLOPE, SLOPE + 1) * SUBSTEP_S
    climb = np.convolve(height, -offsets / (offsets**2).sum(), mode="same")  # slope of the least-squares line
    return Flight(command, height, climb)


def thrust_history(command: Array, **world) -> Array:
    """Thrust after each step, from motors at rest."""
    params, state, calm = blimp_params(**world), blimp_at(1e3), np.zeros(1)
    thrust = np.empty(len(command))
    for k in range(len(command)):
        blimp_step(state, params, command[k : k + 1], calm, SUBSTEP_S)
        thrust[k] = state.thrust_mps2[0]
    return thrust


def prediction_rmse(flight: Flight, **world) -> float:
    """Root mean square error of the height 10 s after each start, metres."""
    starts = np.arange(WARM_UP, len(flight.command) - HORIZON - SLOPE, EVERY)
    state, calm = blimp_at(flight.height_m[starts], len(starts)), np.zeros(len(starts))
    state.climb_mps[:] = flight.climb_mps[starts]
    state.thrust_mps2[:] = thrust_history(flight.command, **world)[starts]
    params = blimp_params(**world, count=len(starts))
    for k in range(1, HORIZON + 1):
        blimp_step(state, params, flight.command[starts + k], calm, SUBSTEP_S)
    return float(np.sqrt(np.mean((state.height_m - flight.height_m[starts + HORIZON]) ** 2)))


@pytest.fixture(scope="module")
def flights(data_dir: Path) -> dict[str, Flight]:
    return {path.stem[-1]: read_flight(path) for path in sorted((data_dir / "flights").glob("blimp_2021_*.csv"))}


def test_real_flights_are_predicted_better_than_by_the_published_model(flights: dict[str, Flight]) -> None:
    rmse = {name: prediction_rmse(flight, **WORLD) for name, flight in flights.items()}
    print({name: round(value, 3) for name, value in rmse.items()})
    assert list(rmse) == ["1", "2", "4", "6"]
    assert np.mean(list(rmse.values())) < PUBLISHED_M
    assert max(rmse.values()) < 0.32


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_wrong_physics_is_told_from_real_flights(flights: dict[str, Flight], mutant: dict) -> None:
    assert prediction_rmse(flights["2"], **mutant) > 1.5 * PUBLISHED_M


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Flight:
    """A flight of the fitted world in a faint draft, recorded as the real ones were."""
    generator = np.random.default_rng(0)
    params, state = blimp_params("tudelft_2021", draft_std_mps2=0.002), blimp_at(20.0)
    command = np.repeat(generator.integers(-3, 4, 30), 4 * 30).astype(float)  # each held for 4 s
    lines = ["t_s,u_cmd,u_volt,h_optitrack_m"]
    elapsed = 0
    for k, u in enumerate(command):
        lines.append(f"{k / 30:.4f},{u:.0f},{0.33 * u:.2f},{state.height_m[0]:.5f}")
        substeps = round((k + 1) / 30 / SUBSTEP_S) - elapsed
        blimp_step(state, params, np.array([u]), generator.standard_normal(1), substeps * SUBSTEP_S)
        elapsed += substeps
    path = tmp_path_factory.mktemp("flights") / "synthetic.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_flight(path)


def test_a_flight_of_the_world_itself_is_predicted_to_centimetres(synthetic: Flight) -> None:
    assert prediction_rmse(synthetic, **WORLD) < 0.1


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_wrong_physics_is_told_from_the_world_itself(synthetic: Flight, mutant: dict) -> None:
    assert prediction_rmse(synthetic, **mutant) > PUBLISHED_M
