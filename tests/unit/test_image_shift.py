"""By how much the view must turn: known shifts of pictures, in other light too."""

import numpy as np
import pytest

from snn_perception.places.image_shift import outline, shift_between
from unit.views import FOCAL, seen


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


@pytest.mark.parametrize("shape", [(8, 8192), (8, 8), (8192, 8), (1, 400)])
def test_images_of_any_shape_have_an_outline(shape):
    found = outline(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    assert found.size > 0
    assert np.isfinite(found).all()
