"""The paper's network: its parts by hand, and that its modules learn."""

import numpy as np
import pytest

from snn_core.errors import DataError
from snn_perception.places import paper_kernels
from snn_perception.places.evaluation import index_truth, recall_at
from snn_perception.places.paper_places import PaperConfig, PaperPlaces
from unit.scenes import again, route

SMALL = PaperConfig(region_places=5, neurons=60, epochs=6, recorded=10)


def generator(seed=0):
    return np.random.default_rng(seed)


def test_input_spikes_are_poisson_at_the_rate_of_the_pixel():
    pixels = np.repeat(np.array([0.0, 0.25, 1.0], np.float32), 300)
    events = paper_kernels.draw_events(pixels, generator())
    counts = np.bincount(events.source, minlength=900).reshape(3, 300)
    expected = 63.75 * 0.35 * np.array([0.0, 0.25, 1.0])
    assert counts.mean(axis=1) == pytest.approx(expected, rel=0.05)
    assert counts[2].var() == pytest.approx(expected[2], rel=0.25)
    assert events.starts[0] == 0
    assert events.starts[350] == len(events.source)
    assert (np.diff(events.starts) >= 0).all()


def present(weights, pixels=None, learning=False, theta_mv=20.0):
    n = weights.shape[1]
    counts, theta = np.zeros(n, np.int32), np.full(n, theta_mv, np.float32)
    events = paper_kernels.draw_events(np.ones(len(weights), np.float32) if pixels is None else pixels, generator())
    paper_kernels.present(weights, theta, events, learning, counts)
    return counts, theta


@pytest.mark.parametrize("unchanged", [1, 30], ids=["many", "few"])
def test_normalisation_brings_changed_neurons_to_one_sum(unchanged):
    weights = generator().random((50, 33)).astype(np.float32)
    left = weights[:, :unchanged].copy()
    paper_kernels.normalise(weights, np.arange(33) >= unchanged)
    assert np.allclose(weights[:, unchanged:].sum(axis=0), 78.0, rtol=1e-4)
    assert np.array_equal(weights[:, :unchanged], left)


def test_without_input_nothing_fires():
    counts, _ = present(np.full((100, 5), 0.3, np.float32), np.zeros(100, np.float32))
    assert counts.tolist() == [0] * 5


def test_the_dead_time_bounds_the_rate():
    """At most one spike in 51 ms: seven in 350 ms, as in the published code."""
    counts, _ = present(np.full((784, 1), 0.9, np.float32))
    assert counts[0] == 7


def test_the_stronger_neurons_silence_the_others():
    weights = np.full((784, 40), 0.012, np.float32)
    assert present(weights)[0].min() > 0
    weights[:, :20] = 0.1
    counts, _ = present(weights)
    assert counts[:20].min() > 0
    assert counts[20:].sum() == 0


def test_a_higher_threshold_needs_more():
    weights = np.full((784, 1), 0.012, np.float32)
    low, high = present(weights, theta_mv=5.0)[0][0], present(weights, theta_mv=40.0)[0][0]
    assert low > high


def test_learning_raises_weights_of_active_inputs_and_the_threshold():
    weights = np.full((784, 1), 0.1, np.float32)
    pixels = np.concatenate([np.ones(392, np.float32), np.zeros(392, np.float32)])
    counts, theta = present(weights, pixels, learning=True)
    assert counts[0] > 1
    assert theta[0] == pytest.approx((20.0 + 0.05 * counts[0]) * np.exp(-500.0 / 1e7), abs=1e-4)
    assert weights[:392].mean() > 0.1001
    assert (weights[392:] == np.float32(0.1)).all()
    assert weights.max() <= 1.0


def learnt(seed=0, config=SMALL, scenes=None):
    network = PaperPlaces(config.model_copy(update={"seed": seed}))
    network.learn([route(10), again(route(10), seed=3)] if scenes is None else scenes)
    return network


def similarity(network, queries):
    return np.stack([network.answer(image).scores for image in queries], axis=1)


def test_two_modules_learn_ten_places_and_a_mutant_does_not():
    network = learnt()
    queries = again(route(10), seed=4)
    assert recall_at(similarity(network, queries), index_truth(10, 10, 0), 1) >= 0.8
    network.weights = generator(1).permuted(network.weights, axis=1)
    assert recall_at(similarity(network, queries), index_truth(10, 10, 0), 1) <= 0.4


def test_a_remainder_of_places_has_a_module_too():
    network = learnt(scenes=[route(7)])
    assert network.weights.shape == (2, 784, 60)
    assert set(np.unique(network.place_of)) <= set(range(-1, 7))
    assert similarity(network, route(7)).shape == (7, 7)


def test_the_same_seed_gives_the_same_bytes():
    a, b, c = learnt(1), learnt(1), learnt(2)
    assert a.weights.tobytes() == b.weights.tobytes() != c.weights.tobytes()
    assert a.place_of.tobytes() == b.place_of.tobytes()


def test_hyperactive_neurons_are_silenced_where_that_helps():
    """A neuron of one module that fires for everything is taken out when it spoils the reference images."""
    network = learnt()
    inputs = [network.pixels(route(10))]
    network.theta_mv[0] = 1.0
    network._silence(inputs)
    assert network.threshold > 0.0
    assert (network.place_of[0] < 0).mean() > (network.place_of[1] < 0).mean()


def test_it_is_trained_once():
    with pytest.raises(DataError, match="trained once"):
        learnt().learn([route(10)])
