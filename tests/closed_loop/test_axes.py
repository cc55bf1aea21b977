"""The shipped controllers of the airship's axes fly: what they must reach, and which crippled ones must not.

Every goal is a bound on a mean over worlds with a steady twist, net weight and drafts; a goal that a crippled
controller also reaches is no goal.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_worlds.airship import airship_params
from sim_worlds.axes import trial_domain
from sim_worlds.fused_rollout import Tally
from snn_cli.axis_flights import axis_tally
from snn_control.contenders import PidContender
from snn_control.pid import PidConfig
from snn_control.pilots import PidGains, spiking_pair
from snn_control.spiking_pid import SpikingPid
from snn_core.errors import ModelError
from snn_core.model_files import load_model
from snn_core.network import NetworkParams
from snn_core.resources import models_dir

Array = NDArray[np.float64]
DT_S, WORLDS = 0.1, 8
TWIST_NM, HEAVY_MPS2 = 0.004, -0.03
LATE_S = 0.8


class Goal(NamedTuple):
    """A score's upper bound on an axis, in its unit, and who misses it."""

    axis: str
    score: str
    bound: float
    crippled: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.axis}-{self.score}"


LOST = ("silent", "flipped", "blind")
GOALS = [
    Goal("heading", "rmse_m", 0.24, ("late", *LOST)),
    Goal("heading", "steady_state_error_m", 0.035, ("pd_alone", "late", *LOST)),
    Goal("heading", "overshoot_m", 0.20, ("late", "flipped")),
    Goal("heading", "t90_s", 4.0, LOST),
    Goal("speed", "rmse_m", 0.10, ("pd_alone", *LOST)),
    Goal("speed", "steady_state_error_m", 0.03, ("pd_alone", *LOST)),
    Goal("speed", "overshoot_m", 0.08, ("late", "flipped")),
    Goal("speed", "t90_s", 6.0, ("pd_alone", *LOST)),
]


def snn(axis: str, cripple: str) -> Any:
    """The shipped networks, whole or not."""
    networks = load_model(models_dir() / f"{axis}.safetensors", DT_S)[1]
    out = {"silent": 0.0, "flipped": -1.0}.get(cripple, 1.0)

    def changed(part: str, p: NetworkParams) -> NetworkParams:
        deaf = cripple == "blind" or (cripple == "pd_alone" and part == "integral")
        return p._replace(w_out=p.w_out * np.float32(out), w_in=p.w_in * np.float32(0.0 if deaf else 1.0))

    return spiking_pair({part: changed(part, p) for part, p in networks.items()})


def pid(axis: str, cripple: str) -> PidGains:
    """The tuned PID, whole or not; a blind one never leaves zero."""
    contender = PidContender(DT_S, axis=axis)
    config = PidConfig.load(models_dir() / f"pid_{axis}.yaml")
    whole = contender.pilot(contender.genes(config)[None])
    factor = {"silent": 0.0, "blind": 0.0, "flipped": -1.0}.get(cripple, 1.0)
    ki = 0.0 if cripple == "pd_alone" else whole.ki
    return whole._replace(kp=factor * whole.kp, ki=factor * np.asarray(ki) + 0.0 * whole.kp, kd=factor * whole.kd)


@cache
def scores(who: str, axis: str, cripple: str) -> Tally:
    """Mean scores of the axis' trial; a late controller meets a longer dead time."""
    params = airship_params(
        WORLDS, twist_nm=TWIST_NM, buoyancy_mps2=HEAVY_MPS2, dead_time_s=0.28 + LATE_S * (cripple == "late")
    )
    domain = trial_domain(axis, params, np.random.default_rng(3), DT_S)
    tally = axis_tally({"snn": snn, "pid": pid}[who](axis, cripple), 1, domain, DT_S)
    return Tally(*(float(field.mean()) for field in tally))


@pytest.mark.parametrize("goal", GOALS, ids=str)
@pytest.mark.parametrize("who", ["snn", "pid"])
def test_the_shipped_controllers_reach_their_goals(who: str, goal: Goal) -> None:
    assert getattr(scores(who, goal.axis, ""), goal.score) < goal.bound


@pytest.mark.parametrize(
    ("goal", "cripple"), [pytest.param(goal, name, id=f"{goal}-{name}") for goal in GOALS for name in goal.crippled]
)
@pytest.mark.parametrize("who", ["snn", "pid"])
def test_crippled_controllers_miss_them(who: str, goal: Goal, cripple: str) -> None:
    assert getattr(scores(who, goal.axis, cripple), goal.score) > goal.bound


@pytest.mark.parametrize("axis", ["heading", "speed"])
def test_the_networks_come_near_the_pid_tuned_beside_them(axis: str) -> None:
    """Within a quarter on the tracking error, in worlds with twist and weight; random ones are in the benchmark."""
    ours, theirs = scores("snn", axis, ""), scores("pid", axis, "")
    assert ours.rmse_m + ours.steady_state_error_m < 1.25 * (theirs.rmse_m + theirs.steady_state_error_m)


def test_a_model_flies_only_the_axis_that_it_holds() -> None:
    with pytest.raises(ModelError, match="expected networks that hold altitude, found some for heading"):
        SpikingPid.load(models_dir() / "heading.safetensors", DT_S)
    assert SpikingPid.load(models_dir() / "heading.safetensors", DT_S, axis="heading").neurons == 160
