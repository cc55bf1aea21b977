"""What approaches is foreseen by event motion and avoided; a robot that is not warned is hit."""

import math

import numpy as np
import pytest

from snn_cli.missions.avoid_mission import Hover, false_alarms, fly_approach
from snn_cli.missions.mission_config import load_mission
from snn_cli.missions.scoring import Referee
from snn_perception.motion.looming import NOTHING, Looming, LoomingDetector

MISSION = load_mission("avoid")


def referee():
    return Referee(MISSION.robot.near_m, MISSION.robot.dt_s)


@pytest.mark.parametrize("seed", [20000, 20006])  # at 0.6 and at 1.6 m/s
def test_what_approaches_is_foreseen_and_avoided(seed):
    trial = fly_approach(MISSION, seed, referee())
    assert not trial.contact
    assert trial.clearance_m > 0.1
    assert trial.told == pytest.approx(1.0, abs=0.2)
    assert 1.7 < trial.warned_s < 4.5
    assert not trial.hit_if_known
    assert trial.hit_still, "what approaches misses a robot that stays"
    if seed == 20006:
        assert fly_approach(MISSION, seed, referee()) == trial, "the same seed is not the same flight"


def test_a_silent_detector_is_hit(monkeypatch):
    monkeypatch.setattr(LoomingDetector, "take", lambda *_: NOTHING)
    trial = fly_approach(MISSION, 20006, referee())
    assert trial.contact
    assert math.isnan(trial.warned_s)
    assert math.isnan(trial.told)


def test_nothing_is_no_alarm():
    assert false_alarms(MISSION.model_copy(update={"calm_s": 10.0}), 20000) == 0


def test_a_step_of_the_range_is_no_climb():
    hover, height = Hover(MISSION), MISSION.pilot.height_m
    for k, (below, climbed) in enumerate([(0.0, 0.0), (0.0, 0.02), (1.7, 0.04), (1.7, 0.06), (0.0, 0.06)]):
        command = hover.command(height + climbed - below, 0.0, 0.1 * k)
        assert hover.range_m + hover.below_m == pytest.approx(height + climbed, abs=0.05)
        assert abs(command[0]) < 5.0
    assert np.isfinite(hover.command(math.nan, 0.0, 0.5)).all()


def test_it_leaves_downwards_from_what_comes_from_above():
    for y_px, side in ((5.0, 1.0), (-5.0, -1.0)):
        hover = Hover(MISSION)
        hover.escape(Looming(2.0, 0.0, y_px, 20.0), 1.0)
        lift, _, push = hover.command(MISSION.pilot.height_m, 0.0, 1.1)
        assert lift == side * 10.0
        assert push < 0.0, "it does not back off"
