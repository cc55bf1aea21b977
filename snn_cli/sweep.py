"""The robustness of controllers: one factor at a time, two together, and the margins of the loop, in simulation."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sim_worlds.blimp import HISTORY, SUBSTEP_S
from sim_worlds.margins import INSTABILITY, MOST, OSCILLATION, Criterion, first_failure
from sim_worlds.perturbations import FACTORS, Condition, Factor, ballast_g, perturbed
from sim_worlds.rollout import Controller, rollout
from sim_worlds.weather import weather_of
from snn_core.metrics import FlightScore, flight_score

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Row = dict[str, Any]
Pilot = Callable[[int], Controller]
"""batch -> a controller of that many worlds, at rest."""

SPREAD = ("rmse_m", "steady_state_error_m")  # scores whose extremes over the seeds are kept
WORST = ("rmse_m", "steady_state_error_m", "overshoot_m", "oscillation_m")  # scores whose worst level is named
EVERYTHING = "all"  # the worst over all factors
GRID_DEAD_TIMES_S = (0.0, 0.14, 0.28, 0.42, 0.56, 0.7, 0.84, 0.98, 1.12)
GRID_GAINS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)


class Margin(NamedTuple):
    """How far a factor can go, upwards from its nominal level, until the flights fail."""

    name: str
    factor: Factor
    criterion: Criterion
    span: float  # the search ends this far above the nominal level, or where the world's memory does
    tolerance: float


MARGINS = (
    Margin("gain_until_oscillation", FACTORS["thrust_gain"], OSCILLATION, 7.0, 0.02),
    Margin("delay_until_oscillation", FACTORS["dead_time"], OSCILLATION, 2.2, SUBSTEP_S),
    Margin("delay_until_instability", FACTORS["dead_time"], INSTABILITY, 2.2, SUBSTEP_S),
)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compiled kernels on one thread: a step of this few networks is over before a second one is awake."""
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(threads)


@dataclass(frozen=True)
class Campaign:
    """What every controller of a sweep has to fly."""

    world: str
    setpoint_m: Array  # (time,)
    dt_s: float
    seeds: tuple[int, ...]
    nominal: Condition  # what differs from the world in every flight

    def level(self, factor: Factor) -> float:
        """The level of a factor while another one is swept."""
        return self.nominal.get(factor.name, factor.nominal(self.world))

    def levels(self, factor: Factor) -> tuple[float, ...]:
        """The levels at which a factor is flown, the nominal one among them."""
        return tuple(sorted({*factor.levels_in(self.world), self.level(factor)}))

    def fly(self, pilot: Pilot, conditions: Sequence[Condition]) -> Array:
        """Heights and commands under every condition, once per seed, in the same weather under each.

        Returns (2, time, row), metres and command units; row = condition * seeds + seed.
        """
        rows = [{**self.nominal, **condition} for condition in conditions for _ in self.seeds]
        params, lidar = perturbed(self.world, rows)
        weather = weather_of(len(self.setpoint_m), self.seeds * len(conditions))
        with one_thread():
            flights = rollout(pilot(len(rows)), params, self.setpoint_m, self.dt_s, weather, lidar)
        return np.stack([flights.height_m, flights.command])

    def failing(self, criterion: Criterion, height_m: Array) -> Array:
        """Share of the seeds that meet a criterion, (condition,), from heights (time, row)."""
        met = criterion.met(self.setpoint_m, height_m, self.dt_s)
        return met.reshape(-1, len(self.seeds)).mean(axis=1)

    def summaries(self, pilot: Pilot, conditions: Sequence[Condition]) -> list[Row]:
        """Per condition: mean scores, the extremes of some over the seeds, and the shares of failing seeds."""
        heights, commands = self.fly(pilot, conditions)
        rows = [flight_score(self.setpoint_m, h, u, self.dt_s) for h, u in zip(heights.T, commands.T, strict=True)]
        scores = np.reshape(rows, (len(conditions), len(self.seeds), -1))
        columns = dict(zip(FlightScore._fields, scores.mean(axis=1).T, strict=True))
        columns["overshoot_m"] = np.fmax(columns["overshoot_up_m"], columns["overshoot_down_m"])
        for score in SPREAD:
            over_seeds = scores[:, :, FlightScore._fields.index(score)]
            columns |= {f"{score}_min": over_seeds.min(axis=1), f"{score}_max": over_seeds.max(axis=1)}
        columns |= {
            "oscillating": self.failing(OSCILLATION, heights), "unstable": self.failing(INSTABILITY, heights),
        }  # fmt: skip
        return [dict(zip(columns, row, strict=True)) for row in np.column_stack(list(columns.values())).tolist()]


def factor_rows(controller: str, pilot: Pilot, campaign: Campaign, factor: Factor) -> list[Row]:
    """One row per level of one factor, all else nominal."""
    levels = campaign.levels(factor)
    summaries = campaign.summaries(pilot, [{factor.name: level} for level in levels])
    return [
        {
            "factor": factor.name, "unit": factor.unit, "level": level, "nominal": level == campaign.level(factor),
            "ballast_g": ballast_g(factor, level), "controller": controller, **summary,
        }
        for level, summary in zip(levels, summaries, strict=True)
    ]  # fmt: skip


def grid_rows(controller: str, pilot: Pilot, campaign: Campaign) -> list[Row]:
    """One row per pair of a dead time and a thrust gain, all else nominal."""
    cells = [{"dead_time": delay, "thrust_gain": gain} for delay in GRID_DEAD_TIMES_S for gain in GRID_GAINS]
    summaries = campaign.summaries(pilot, cells)
    keys = ("rmse_m", "steady_state_error_m", "oscillation_m", "oscillating", "unstable")
    return [
        {
            "controller": controller, "dead_time_s": cell["dead_time"], "thrust_gain": cell["thrust_gain"],
            **{key: summary[key] for key in keys},
        }
        for cell, summary in zip(cells, summaries, strict=True)
    ]  # fmt: skip


def margin_row(controller: str, pilot: Pilot, campaign: Campaign, margin: Margin) -> Row:
    """The margin of one controller: a factor for a gain, seconds on top of the nominal ones for a delay.

    A flight that is unstable has failed by any criterion. `value` is NaN where the nominal flights fail already, inf
    where none up to `limit` does.
    """
    start = campaign.level(margin.factor)
    longest = (HISTORY - 1) * SUBSTEP_S if margin.factor.name == "dead_time" else math.inf
    limit = min(start + margin.span, longest)

    def fails(levels: Array) -> Flags:
        heights, _ = campaign.fly(pilot, [{margin.factor.name: level} for level in levels.tolist()])
        shares = [campaign.failing(criterion, heights) for criterion in {margin.criterion, INSTABILITY}]
        return np.max(shares, axis=0) > MOST

    def relative(level: float) -> float:
        return level / start if margin.factor.name == "thrust_gain" else level - start

    end = first_failure(fails, start, limit, margin.tolerance)
    return {
        "controller": controller, "margin": margin.name, "factor": margin.factor.name, "unit": margin.factor.unit,
        "criterion": margin.criterion.text, "value": math.nan if end == start else relative(end),
        "limit": relative(limit), "fails_at_nominal": end == start, "reached": end <= limit,
    }  # fmt: skip


def worst_rows(rows: Sequence[Row]) -> list[Row]:
    """The worst level of each factor, and of all, for each controller and each score of WORST."""
    worst = []
    for controller in dict.fromkeys(row["controller"] for row in rows):
        mine = [row for row in rows if row["controller"] == controller]
        for scope in (*dict.fromkeys(row["factor"] for row in mine), EVERYTHING):
            chosen = [row for row in mine if scope in (row["factor"], EVERYTHING)]
            for score in WORST:
                peak = max(chosen, key=itemgetter(score))
                worst.append({
                    "controller": controller, "scope": scope, "score": score, "value": peak[score],
                    "factor": peak["factor"], "unit": peak["unit"], "level": peak["level"],
                })  # fmt: skip
    return worst


def sweep(pilots: Mapping[str, Pilot], campaign: Campaign) -> dict[str, list[Row]]:
    """Everything about every controller: `factors`, `worst`, `margins` and `grid`, each a list of rows."""
    factors: list[Row] = []
    grid: list[Row] = []
    margins: list[Row] = []
    with (
        one_thread(),
        tqdm(total=len(pilots) * (len(FACTORS) + len(MARGINS) + 1), disable=None, unit="batch") as progress,
    ):
        for controller, pilot in pilots.items():
            progress.set_description(controller)
            for factor in FACTORS.values():
                factors += factor_rows(controller, pilot, campaign, factor)
                progress.update()
            grid += grid_rows(controller, pilot, campaign)
            progress.update()
            for margin in MARGINS:
                margins.append(margin_row(controller, pilot, campaign, margin))
                progress.update()
    return {"factors": factors, "worst": worst_rows(factors), "margins": margins, "grid": grid}
