"""Sweeps of flights: crippled controllers have worse margins, and what a sweep flies is what `fly` flies."""

import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_worlds.perturbations import FACTORS
from sim_worlds.rollout import Controller
from sim_worlds.trials import find_trial
from snn_cli.controllers import controller_named
from snn_cli.flights import fly
from snn_cli.sweep import EVERYTHING, MARGINS, Campaign, Pilot, Row, factor_rows, margin_row, worst_rows

Array = NDArray[np.float64]
DT_S, LATE_STEPS = 0.1, 3
CAMPAIGN = Campaign("tudelft_2023", np.repeat([0.5, 1.5], 400), DT_S, (0,), {})


def whole(model: str) -> Pilot:
    return lambda batch: controller_named(model, DT_S, batch)[1]


def flipped(model: str) -> Pilot:
    def pilot(batch: int) -> Controller:
        controller = controller_named(model, DT_S, batch)[1]
        return lambda setpoint_m, height_m: -controller(setpoint_m, height_m)

    return pilot


def late(model: str) -> Pilot:
    """Sees every height 0.3 s after it was measured."""

    def pilot(batch: int) -> Controller:
        controller, seen = controller_named(model, DT_S, batch)[1], []

        def act(setpoint_m: Array, height_m: Array) -> Array:
            seen.append(height_m)
            return controller(setpoint_m, seen[max(0, len(seen) - 1 - LATE_STEPS)])

        return act

    return pilot


def silent(_: str) -> Pilot:
    return lambda batch: lambda setpoint_m, height_m: np.zeros(batch)


PILOTS = {"whole": whole, "late": late, "flipped": flipped, "silent": silent}


@cache
def margins(pilot: str, model: str) -> dict[str, Row]:
    return {margin.name: margin_row(pilot, PILOTS[pilot](model), CAMPAIGN, margin) for margin in MARGINS}


@pytest.mark.parametrize("model", ["default", "pid"])
def test_the_margins_of_working_controllers(model: str) -> None:
    found = margins("whole", model)
    assert found["gain_until_oscillation"]["value"] > 1.3
    assert 0.3 < found["delay_until_oscillation"]["value"] <= found["delay_until_instability"]["value"] < 2.0


@pytest.mark.parametrize("model", ["default", "pid"])
def test_a_late_controller_has_lost_so_much_of_its_margins(model: str) -> None:
    """Seeing 0.3 s late is 0.3 s of dead time, wherever in the loop it arises."""
    good, bad = margins("whole", model), margins("late", model)
    for name in ("delay_until_oscillation", "delay_until_instability"):
        assert good[name]["value"] - bad[name]["value"] == pytest.approx(LATE_STEPS * DT_S, abs=0.1)
    assert bad["gain_until_oscillation"]["value"] < good["gain_until_oscillation"]["value"]


@pytest.mark.parametrize("cripple", ["flipped", "silent"])
def test_a_lost_controller_has_no_margins(cripple: str) -> None:
    for row in margins(cripple, "pid").values():
        assert row["fails_at_nominal"]
        assert math.isnan(row["value"])


@pytest.mark.parametrize("model", ["default", "pid"])
def test_the_nominal_flights_are_those_of_fly(model: str) -> None:
    campaign = Campaign("tudelft_2023", find_trial("step").setpoint_series(DT_S), DT_S, (4, 5), {"buoyancy": -0.12})
    rows = factor_rows(model, whole(model), campaign, FACTORS["jitter"])
    nominal = next(row for row in rows if row["nominal"])
    report = fly(model, "tudelft_2023", "step", -0.12, seed=4, seeds=2)
    assert nominal["level"] == 0.0
    for score in ("rmse_m", "total_variation", "oscillation_m"):
        assert nominal[score] == pytest.approx(report.mean()[score], rel=1e-6)
    each = [score.rmse_m for score in report.scores]
    assert (nominal["rmse_m_min"], nominal["rmse_m_max"]) == pytest.approx((min(each), max(each)), rel=1e-6)


def test_what_a_controller_cannot_counter_shows_where_it_begins() -> None:
    rows = factor_rows("pd", whole("pd"), CAMPAIGN, FACTORS["buoyancy"])
    error = {row["level"]: row["steady_state_error_m"] for row in rows}
    assert error[-0.12] > error[-0.06] > 2.0 * error[0.0]  # without an integral there is an offset
    assert [row["unstable"] for row in rows if row["level"] in (-0.06, 0.0, 0.06)] == [0.0, 0.0, 0.0]
    worst = {(row["scope"], row["score"]): row for row in worst_rows(rows)}
    assert worst["buoyancy", "rmse_m"]["value"] == max(row["rmse_m"] for row in rows)
    assert worst[EVERYTHING, "rmse_m"]["level"] in (-0.18, 0.18)
