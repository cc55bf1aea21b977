"""Figures, sequences and confidence, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.errors import ConfigError
from snn_perception.places.calibration import Calibration, calibrate, gather
from snn_perception.places.confidence import (
    Leader,
    fit_logistic,
    leader_of,
    sequence_evidence,
    small_map_discount,
    spike_evidence,
)
from snn_perception.places.ensemble import PlaceEnsemble
from snn_perception.places.evaluation import (
    auc_pr,
    distance_truth,
    figures,
    index_truth,
    precision_recall,
    range_truth,
    recall_at,
)
from snn_perception.places.place_map import PlaceMap
from snn_perception.places.recogniser import PlaceRecogniser, RecogniserConfig
from snn_perception.places.sequence import SequenceConfig, SequenceFilter, filter_matrix, standard_scores
from unit.scenes import again, route

# Four queries of four places: right with 0.9, right with 0.7, wrong with 0.8 (second best is right), right with 0.5.
MATRIX = np.array([[0.9, 0.1, 0.2, 0.1], [0.2, 0.7, 0.8, 0.2], [0.1, 0.2, 0.6, 0.3], [0.0, 0.3, 0.1, 0.5]], np.float32)


def test_truths():
    assert index_truth(3, 3, 0).tolist() == np.eye(3, dtype=bool).tolist()
    assert index_truth(4, 3, 1).sum(axis=0).tolist() == [2, 3, 3]
    assert range_truth(4, np.array([0, 2]), np.array([1, 2])).T.tolist() == [[1, 1, 0, 0], [0, 0, 1, 0]]
    places, queries = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0], [3.0, 0.0]])
    assert distance_truth(places, queries, 3.5).T.tolist() == [[True, False], [True, False]]


def test_figures_by_hand():
    truth = index_truth(4, 4, 0)
    assert recall_at(MATRIX, truth, 1) == 0.75
    assert recall_at(MATRIX, truth, 2) == 1.0
    precision, recall = precision_recall(MATRIX, truth)
    assert precision.tolist() == pytest.approx([1.0, 0.5, 2 / 3, 0.75])  # by confidence: right, wrong, right, right
    assert recall.tolist() == pytest.approx([0.25, 0.25, 0.5, 0.75])
    assert auc_pr(precision, recall) == pytest.approx(0.25 * 1.0 + 0.25 * 2 / 3 + 0.25 * 0.75)
    found = figures(MATRIX, truth)
    assert (found.recall_at_1, found.recall_at_5, found.recall_at_100_precision) == (0.75, 1.0, 0.25)


def test_a_query_without_a_place_costs_precision_only():
    truth = index_truth(4, 4, 0)
    truth[:, 3] = False
    precision, recall = precision_recall(MATRIX, truth)
    assert recall[-1] == pytest.approx(2 / 3)
    assert precision[-1] == 0.5
    assert recall_at(MATRIX, truth, 1) == pytest.approx(2 / 3)


def test_equal_confidences_are_answered_together():
    precision, recall = precision_recall(MATRIX, index_truth(4, 4, 0), np.ones(4, np.float32))
    assert (precision.tolist(), recall.tolist()) == ([0.75], [0.75])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 12), st.integers(1, 15))
def test_figures_stay_within_their_bounds(seed, places, queries):
    matrix = np.random.default_rng(seed).random((places, queries)).astype(np.float32)
    found = figures(matrix, index_truth(places, queries, 1))
    assert all(0.0 <= value <= 1.0 for value in found)
    assert found.recall_at_1 <= found.recall_at_5 <= found.recall_at_10
    assert figures(matrix * 3 + 1, index_truth(places, queries, 1)) == found


def test_a_sequence_adds_up_along_the_diagonal():
    config = SequenceConfig(sequence=2, slowest=1.0, fastest=1.0, speeds=1)
    out = filter_matrix(MATRIX, config)
    z = np.stack([standard_scores(column) for column in MATRIX.T], axis=1)
    assert np.allclose(out[:, 0], z[:, 0])
    assert out[2, 2] == pytest.approx((z[2, 2] + z[1, 1]) / 2)
    assert out[0, 2] == pytest.approx(z[0, 2] / 2)  # the line leaves the map
    assert out.argmax(axis=0).tolist() == [0, 1, 2, 3]  # the wrong answer is mended
    assert np.array_equal(filter_matrix(MATRIX, SequenceConfig()), MATRIX)


@pytest.mark.parametrize(("speed", "found"), [(0.5, True), (1.0, False)])
def test_a_slow_robot_needs_a_slow_line(speed, found):
    """At half a place per image, only lines of that slope gather every vote."""
    votes = np.random.default_rng(0).random((20, 12)).astype(np.float32)
    for t in range(12):
        votes[t // 2 + 4, t] += 0.7
    config = SequenceConfig(sequence=10, slowest=speed, fastest=speed, speeds=1)
    out = filter_matrix(votes, config)
    assert (out[:, 11].argmax() == 9) == found


@pytest.mark.parametrize(("elapsed", "found"), [(2.0, True), (1.0, False)])
def test_images_left_out_are_no_other_speed(elapsed, found):
    """At half a place per image, with every second image left out after the sixth, one line gathers every vote."""
    memory = SequenceFilter(SequenceConfig(sequence=10, slowest=0.5, fastest=0.5, speeds=1))
    noise = np.random.default_rng(0).random((20, 12)).astype(np.float32)
    for k, t in enumerate([0, 1, 2, 3, 4, 5, 7, 9, 11, 13]):
        votes = noise[:, k].copy()
        votes[t // 2 + 4] += 0.7
        scores = memory.step(votes, elapsed if k > 5 else 1.0)
    assert (scores.argmax() == 10) == found


def test_flat_scores_say_nothing_and_a_grown_map_goes_on():
    memory = SequenceFilter(SequenceConfig(sequence=3))
    assert np.array_equal(memory.step(np.zeros(4, np.float32)), np.zeros(4))
    assert memory.step(np.arange(6, dtype=np.float32)).shape == (6,)
    assert memory.step(np.arange(3, dtype=np.float32)).shape == (3,)
    memory.reset()
    assert len(memory.history) == 0


def test_speeds_must_be_in_order():
    with pytest.raises(ConfigError, match=r"fastest: .*no less than slowest = 2.0"):
        SequenceConfig.check({"slowest": 2.0})


def test_evidence_by_hand():
    scores = np.array([1.0, 9.0, 8.5, 8.0, 3.0], np.float32)
    assert leader_of(scores, 2) == Leader(1, 9.0, 3.0)  # the neighbours of the best do not compete
    assert leader_of(scores, 0) == Leader(1, 9.0, 8.5)
    assert spike_evidence(Leader(1, 9.0, 3.0)) == pytest.approx(6.0 / math.sqrt(13.0))
    assert sequence_evidence(Leader(1, 5.0, 3.0), 4) == 4.0


def test_the_margin_of_a_small_map_counts_less():
    """sqrt(2 ln 100) - sqrt(2 ln n) deviations for n rivals; nothing from a hundred on."""
    assert small_map_discount(12, 2) == pytest.approx(math.sqrt(2 * math.log(100)) - math.sqrt(2 * math.log(7)))
    assert small_map_discount(105, 2) == small_map_discount(5000, 2) == 0.0
    assert small_map_discount(1, 2) == pytest.approx(math.sqrt(2 * math.log(100)))
    scores = np.array([9.0, 1.0, 1.0, 1.0, 1.0, 2.0], np.float32)
    many = np.concatenate([scores, np.ones(200, np.float32)])
    for images in (1, 4):
        assert Calibration().probability(scores, 2, images) < Calibration().probability(many, 2, images)


def test_the_logistic_fit_finds_what_was_drawn():
    generator = np.random.default_rng(0)
    evidence = generator.uniform(-2, 4, 20000)
    right = generator.random(20000) < 1.0 / (1.0 + np.exp(2.0 - 3.0 * evidence))
    fit = fit_logistic(evidence, right)
    assert (fit.offset, fit.slope) == (pytest.approx(-2.0, abs=0.1), pytest.approx(3.0, abs=0.15))
    assert fit.probability(1e6) == pytest.approx(1.0)
    assert fit.probability(-1e6) == pytest.approx(0.0)


def test_calibration_tells_known_from_unknown():
    """Fitted on one route, it is confident on another one's places and says "no match" elsewhere."""
    scenes = route(60, seed=3)
    ensemble = PlaceEnsemble()
    ensemble.learn(scenes)
    found = calibrate(gather(ensemble, again(scenes), index_truth(60, 60, 0)))
    assert found.single.slope > 0.0
    assert found.exit_margins
    assert all(0 < step < 32 for step in found.exit_margins)

    places = PlaceMap(calibration=found)
    places.add(route(60, seed=4))
    answers = {}
    for name, images in (("known", again(route(60, seed=4))), ("foreign", route(60, seed=5))):
        recogniser = PlaceRecogniser(places, RecogniserConfig(early_exit=True))
        answers[name] = [recogniser.recognise(image).answer for image in images]
    known = [k for k, place in enumerate(answers["known"]) if place is not None]
    assert len(known) > 45
    assert sum(answers["known"][k] == k for k in known) >= 0.97 * len(known)
    assert sum(place is not None for place in answers["foreign"]) <= 6


def test_the_exit_margin_is_infinite_where_there_is_no_exit():
    margins = Calibration(exit_margins={8: 1.5, 99: 1.0}).exit_margin(32)
    assert margins[8] == 1.5
    assert np.isinf(np.delete(margins, 8)).all()


def test_an_empty_map_answers_nothing():
    found = PlaceRecogniser(PlaceMap()).recognise(route(1)[0])
    assert (found.place, found.confident, found.answer) == (None, False, None)
