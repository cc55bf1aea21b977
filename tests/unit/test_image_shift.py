"""By how much the view must turn: known shifts of pictures, in other light too."""

import numpy as np
import pytest

from sim_worlds.renderer import Renderer, camera_axes, lens
from sim_worlds.scene import open_scene
from snn_perception.places.image_shift import outline, shift_between

FOV_RAD = 1.2
FOCAL = 0.5 / np.tan(0.5 * FOV_RAD)


def seen(condition, turned_rad, pitch_rad=0.0):
    scene, camera = open_scene("hall", condition), Renderer(lens(160, 120, FOV_RAD))
    here = scene.route.at(3.0)
    eye, axes = np.array([here.x_m, here.y_m, 1.6]), camera_axes(here.yaw_rad + turned_rad, pitch_rad)
    picture = camera.see_grey(scene.quads, scene.atlas, scene.atmosphere, eye, axes)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("turned", [-0.15, -0.04, 0.0, 0.1])
@pytest.mark.parametrize("condition", ["summer", "evening", "fog"])
def test_the_turn_back_is_found_in_other_light(turned, condition):
    shift = shift_between(outline(seen(condition, turned)), outline(seen("summer", 0.0)))
    assert shift.turn_rad(FOCAL) == pytest.approx(-turned, abs=0.02)


def test_pitch_does_not_matter():
    shift = shift_between(outline(seen("summer", 0.1, 0.05)), outline(seen("summer", 0.0)))
    assert shift.turn_rad(FOCAL) == pytest.approx(-0.1, abs=0.02)


def test_another_place_correlates_less():
    same = shift_between(outline(seen("evening", 0.0)), outline(seen("summer", 0.0))).correlation
    other = shift_between(outline(seen("evening", 2.0)), outline(seen("summer", 0.0))).correlation
    assert same > other + 0.2
