"""Recognition on real traverses, with its goals, and a crippled network that must fail them."""

import os
from pathlib import Path

import numpy as np
import pytest

from snn_perception.places.ensemble import EnsembleConfig
from snn_perception.places.evaluation import index_truth, range_truth, recall_at
from snn_perception.places.fast_network import FastConfig
from snn_perception.places.image_sources import read_arrays
from snn_perception.places.networks import FastPlaces
from snn_perception.places.paper_places import PaperPlaces
from snn_perception.places.sequence import SequenceConfig, filter_matrix

DATA = Path(os.environ.get("SNN_DATA", "../shared/data")) / "places"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recordings in {DATA} (SNN_DATA)")
BLIND = EnsembleConfig(network=FastConfig(lost_spikes=0.97))


def nordland():
    line = read_arrays(DATA / "nordland_1200_64x32.npz")
    return [line["summer"][:500]], line["winter"][:500], index_truth(500, 500, 0)


def gardens():
    walk = read_arrays(DATA / "gardens_day_128x72.npz")
    return [walk["day_left"]], walk["day_right"], index_truth(200, 200, 2)


def corridor():
    hall = read_arrays(DATA / "corridor_80x60.npz")
    return [hall["ref"]], hall["query"], range_truth(111, hall["gt_lo"], hall["gt_hi"])


def fifty():
    places = read_arrays(DATA / "nordland50_vprsnn_28x28.npz")
    return [places["train_a"], places["train_b"]], places["query"], index_truth(50, 50, 0)


def similarity(network, references, queries):
    network.learn(references)
    return np.stack([network.answer(image).scores for image in queries], axis=1)


@pytest.mark.parametrize(
    ("traverse", "goal", "sequence_goal"),
    [(nordland, 0.85, 1.0), (gardens, 0.60, 0.92), (corridor, 0.60, 0.90), (fifty, 1.0, 1.0)],
)
def test_the_fast_network_reaches_its_goals(traverse, goal, sequence_goal):
    references, queries, truth = traverse()
    matrix = similarity(FastPlaces(EnsembleConfig()), references, queries)
    single = recall_at(matrix, truth, 1)
    sequence = recall_at(filter_matrix(matrix, SequenceConfig(sequence=10)), truth, 1)
    print(f"{traverse.__name__}: R@1 {single:.3f}, sequence 10 {sequence:.3f}")
    assert single >= goal
    assert sequence >= sequence_goal


@pytest.mark.parametrize(("traverse", "goal"), [(gardens, 0.60), (corridor, 0.60), (fifty, 1.0)])
def test_a_network_that_hardly_gets_spikes_fails(traverse, goal):
    references, queries, truth = traverse()
    assert recall_at(similarity(FastPlaces(BLIND), references, queries), truth, 1) < 0.5 * goal


def test_the_papers_network_reaches_its_goal():
    references, queries, truth = fifty()
    assert recall_at(similarity(PaperPlaces(), references, queries), truth, 1) >= 0.82
