"""The turn that makes a view match the taught one: which place it is compared with, its sign, and what it is worth."""

import numpy as np
import pytest

from snn_core.sensing import SensingOrder
from snn_perception.places.place_loop import Due, Frame, LoopConfig, PlaceLoop
from snn_perception.places.place_map import PlaceMap
from snn_perception.places.view_comparison import ComparisonConfig, ViewComparison
from snn_perception.region_of_interest import under_order
from unit.views import FOCAL, seen

T0 = 100.0
ALONG_M = (2.0, 4.0, 6.0)


@pytest.fixture(scope="module")
def places():
    """Three places of the hall, their x the metres along its route."""
    poses = np.zeros((3, 7))
    poses[:, 0], poses[:, 6] = ALONG_M, 1.0
    found = PlaceMap()
    found.add(np.array([seen(along_m=along) for along in ALONG_M]), poses, views=True)
    return found


def comparison(places, **config):
    found = ViewComparison(places, ComparisonConfig(**config))
    found.focal = FOCAL
    return found


def at(x):
    return np.array([x, 0.0, 0.0])


@pytest.mark.parametrize("turned", [0.1, -0.15])
def test_turned_to_the_left_it_must_turn_back_to_the_right(places, turned):
    turn = comparison(places).compare(seen("evening", turned, along_m=4.0), T0, at(4.2), None)
    assert (turn.place, turn.stamp_s) == (1, T0)
    assert turn.turn_rad == pytest.approx(-turned, abs=0.02)


def test_a_mirrored_view_does_not_match(places):
    """The mutant: what turned to the left looks like in a mirror."""
    turn = comparison(places).compare(seen("summer", 0.1, along_m=4.0)[:, ::-1], T0, at(4.0), None)
    assert turn is None or abs(turn.turn_rad + 0.1) > 0.05


def test_the_place_nearest_the_odometry_counts_else_the_one_recognised(places):
    view = comparison(places)
    image = seen("summer", 0.1, along_m=4.0)
    assert view.compare(image, T0, at(4.4), 0).place == 1
    assert view.compare(image, T0, None, 1).place == 1
    assert view.compare(image, T0, None, None) is None
    assert view.counts["turns_nowhere"] == 1


def test_places_without_a_pose_or_a_view_are_not_near():
    places = PlaceMap()
    places.add(np.array([seen(along_m=2.0)]), views=True)
    image = seen(along_m=4.0)
    poses = np.array([[4.0, 0, 0, 0, 0, 0, 1], [6.0, 0, 0, 0, 0, 0, 1]])
    places.add(np.array([image]), poses[:1])
    view = comparison(places)
    assert view.near(at(4.0)) is None
    assert view.compare(image, T0, at(4.0), None) is None
    assert view.compare(image, T0, at(4.0), 1) is None
    places.add(np.array([image]), poses[1:], views=True)
    assert view.near(at(4.0)) == 2


def test_its_deviation_says_how_far_off_it_is(places):
    rng = np.random.default_rng(7)
    errors = []
    for condition in ("summer", "winter", "evening", "fog"):
        for along in ALONG_M:
            turned, beside = rng.uniform(-0.25, 0.25), rng.uniform(-0.2, 0.2)
            turn = comparison(places).compare(seen(condition, turned, along_m=along + beside), T0, at(along), None)
            errors.append((turn.turn_rad + turned) / np.sqrt(turn.variance))
    ratio = np.sqrt(np.mean(np.square(errors)))
    print(f"error of a turn over its deviation, root mean square of {len(errors)}: {ratio:.2f}")
    assert ratio < 2.0


def test_what_matches_badly_or_has_another_size_tells_nothing(places):
    view = comparison(places, min_correlation=0.9)
    assert view.compare(seen("winter", 0.1, along_m=4.0), T0, at(4.0), None) is None
    assert "does not match, correlation 0." in view.state
    assert view.compare(seen(size=(120, 90)), T0, at(4.0), None) is None
    assert "taught with images of another size" in view.state
    assert (view.counts["turns_unsure"], view.counts["turns_other_size"]) == (1, 1)


def test_when_it_is_due(places):
    view = comparison(places)
    image = seen()
    compared = 0
    for k in range(20):
        if view.due(T0 + 0.1 * k):
            view.compare(image, T0 + 0.1 * k, at(3.0), None)
            compared += 1
    assert compared == 10
    assert view.due(T0 - 50.0)  # the clock was set back
    view.config = ComparisonConfig(turn_rate_hz=0.0)
    assert (view.due(T0 + 9.0), view.state) == (False, "off")
    blind, empty = ViewComparison(places, ComparisonConfig()), comparison(PlaceMap())
    assert (blind.due(T0), "no focal length" in blind.state) == (False, True)
    assert (empty.due(T0), "no place was taught with its view" in empty.state) == (False, True)


def test_a_loop_compares_more_often_than_it_recognises_where_it_is_asked_to(places):
    loop = PlaceLoop(places, LoopConfig(rate_hz=2.0, turn_rate_hz=5.0, max_frozen=1000))
    loop.views.focal = FOCAL
    image, uses = seen("summer", 0.1, along_m=4.0), []
    for k in range(20):
        stamp_s = T0 + 0.1 * k
        uses.append(loop.due(stamp_s, stamp_s))
        frame = Frame(image, "160x120 mono8", stamp_s)
        if Due.PLACE in uses[-1]:
            loop.take(frame, stamp_s)
        elif uses[-1]:
            loop.believe(frame, stamp_s)
        if Due.TURN in uses[-1]:
            assert loop.compare(frame, stamp_s, at(4.0)).turn_rad == pytest.approx(-0.1, abs=0.02)
    assert (sum(Due.PLACE in use for use in uses), sum(Due.TURN in use for use in uses)) == (4, 10)
    assert loop.counts["ok"] == 4
    assert loop.views.counts["turns"] == 10


def test_an_image_that_is_not_believed_tells_no_turn(places):
    loop = PlaceLoop(places, LoopConfig())
    loop.views.focal = FOCAL
    black = Frame(np.zeros((120, 160), np.uint8), "160x120 mono8", T0)
    assert loop.due(T0, T0)
    assert loop.believe(black, T0) is None
    assert loop.compare(black, T0, at(4.0)) is None


def test_a_map_that_was_forgotten_begins_anew_with_its_views(places):
    loop = PlaceLoop(places, LoopConfig())
    loop.views.focal = FOCAL
    known, frame = places.places, Frame(seen("summer", 0.0, along_m=4.0), "160x120 mono8", T0)
    loop.take(frame, T0)
    assert loop.compare(frame, T0, at(4.0)) is not None
    assert loop.forget() == known
    assert (loop.recogniser.map.places, loop.found.place) == (0, None)
    assert loop.compare(frame, T0, at(4.0)) is None
    loop.take(frame, T0)
    assert loop.teach(np.array([9.0, 0, 0, 0, 0, 0, 1]), T0) == 0
    assert loop.compare(frame, T0, at(4.0)).pose[0] == 9.0
    assert places.places == known, "the map that was loaded is left alone"


def test_an_order_slows_both_down():
    slow = under_order(LoopConfig(), SensingOrder(1.0))
    assert (slow.rate_hz, slow.turn_rate_hz) == (1.0, 1.0)
    assert under_order(LoopConfig(turn_rate_hz=0.0), SensingOrder(1.0)).turn_rate_hz == 0.0
