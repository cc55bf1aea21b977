"""The spiking classifier: neurons and exits by hand, torch against the kernels, and bars that only time tells apart."""

from dataclasses import replace

import numpy as np
import pytest

from snn_core.errors import DataError, ModelError
from snn_perception.classify.classification import ClassifyConfig, classify
from snn_perception.classify.classifier_model import Classifier, ClassifierHeader, load_classifier, save_classifier
from snn_perception.classify.classifier_trials import figures, inputs_for, train_members
from snn_perception.classify.early_exit import ExitConfig, answers_at, exit_steps, fit_exit, probabilities
from snn_perception.classify.labelled_recordings import balanced_split, folds, read_labelled
from snn_perception.classify.spike_counts import InputConfig, WarpConfig, count_samples, count_spikes, warp_samples
from snn_perception.classify.spiking_layers import (
    LayerConfig,
    LayerParams,
    NetworkConfig,
    NetworkParams,
    gather_evidence,
)
from snn_perception.classify.training_config import TrainingConfig
from snn_perception.events.batch import make_batch
from unit.moving_bars import SIDE, SPAN_US, bars

INPUTS = InputConfig(width=SIDE, height=SIDE, steps=9, step_us=10_000)
SMALL = NetworkConfig(layers=(LayerConfig(channels=8, kernel=5, stride=2, delays=4),), classes=2)
NO_WARP = WarpConfig(shift=0, turn=0, scale=0, bend=0, drop=0, stretch=0)
QUICK = TrainingConfig(epochs=10, batch=12, rate=0.03, delay_rate=0.1, dropout=0.0, deaf=3, warp=NO_WARP)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    path = tmp_path_factory.mktemp("bars") / "bars.npz"
    np.savez(path, **bars(160, 0))
    return read_labelled(str(path), SPAN_US)


def drawn(network, inputs, seed=0):
    """Random synapses."""
    rng, layers = np.random.default_rng(seed), []
    places = network.places(inputs)
    for layer, (channels, _, _) in zip(network.layers, places, strict=False):
        shape = channels, layer.kernel, layer.kernel, layer.channels
        weight = rng.normal(0, 0.4, shape).astype(np.float32)
        delay = rng.integers(0, layer.delays, shape).astype(np.uint8)
        layers.append(LayerParams(weight, delay, rng.normal(0, 0.1, layer.channels).astype(np.float32)))
    readout = rng.normal(0, 1, (int(np.prod(places[-1])), network.classes)).astype(np.float32)
    return NetworkParams(tuple(layers), readout, np.zeros(network.classes, np.float32))


def model_of(network, inputs, members=1, **header):
    made = ClassifierHeader(
        inputs=inputs, network=network, members=members, training=QUICK,
        names=tuple(f"class {k}" for k in range(network.classes)), **header,
    )  # fmt: skip
    return Classifier(made, tuple(drawn(network, inputs, k) for k in range(members)))


def test_counts_by_hand():
    batch = make_batch(
        [0, 1, 5, 0, 0, 0, 0], [0, 0, 3, 0, 0, 0, 0], [0, 9, 10, 12, 13, 14, 29], [1, 1, 0, 1, 1, 1, 1], (6, 4)
    )
    counts = count_spikes(batch, InputConfig(width=6, height=4, pooling=2, steps=2, step_us=10, most=2))
    assert counts.shape == (2, 2, 2, 3)
    assert counts[0, 1, 0, 0] == 2  # two pixels share an input neuron
    assert counts[1, 0, 1, 2] == 1
    assert counts[1, 1, 0, 0] == 2  # three came, two are the most
    assert counts.sum() == 5  # what comes after the last step is left out


def test_a_neuron_by_hand():
    """w = 0.75, delay 2, leak 0.5: spikes at 0 and 1 arrive at 2 and 3, u = 0.75, then 0.375 + 0.75 - 1."""
    inputs = InputConfig(width=1, height=1, steps=5, step_us=1)
    network = NetworkConfig(layers=(LayerConfig(channels=1, kernel=1, delays=3, leak=0.5),), classes=2)
    layer = LayerParams(
        np.full((2, 1, 1, 1), 0.75, np.float32), np.full((2, 1, 1, 1), 2, np.uint8), np.zeros(1, np.float32)
    )
    params = NetworkParams((layer,), np.array([[1.0, -2.0]], np.float32), np.array([0.0, 0.25], np.float32))
    counts = np.zeros((5, 2, 1, 1), np.uint8)
    counts[0, 1], counts[1, 0] = 1, 1
    found = gather_evidence(counts, inputs, network, params)
    assert found.z[:, 0].tolist() == [0, 0, 0, 1, 1]
    assert found.z[:, 1].tolist() == [0.25, 0.5, 0.75, -1.0, -0.75]
    assert (found.spikes.tolist(), found.synops) == ([2, 1], 4)


def test_warps_keep_the_events_and_move_them(recordings):
    chosen = np.arange(6)
    plain = count_samples(recordings, chosen, INPUTS)
    assert np.array_equal(warp_samples(recordings, chosen, INPUTS, NO_WARP, np.random.default_rng(0)), plain)
    thinned = WarpConfig(shift=0, turn=0, scale=0, bend=0, drop=0.5, stretch=0)
    fewer = warp_samples(recordings, chosen, INPUTS, thinned, np.random.default_rng(0))
    assert (fewer <= plain).all()
    assert 0.5 < fewer.sum() / plain.sum() < 0.95
    moved = warp_samples(recordings, chosen, INPUTS, WarpConfig(), np.random.default_rng(0))
    assert not np.array_equal(moved, plain)
    assert moved.sum() > 0.4 * plain.sum()


def test_splits_are_fair():
    label = np.repeat(np.arange(5), [10, 20, 30, 12, 15])
    learn, held = balanced_split(label, 12, np.random.default_rng(0))
    assert sorted(np.bincount(label[held])) == [2, 2, 2, 3, 3]
    assert np.array_equal(np.sort(np.concatenate([learn, held])), np.arange(87))
    parts = folds(label, 4, np.random.default_rng(0))
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(87))
    assert all(np.ptp([np.sum(label[part] == c) for part in parts]) <= 1 for c in range(5))


def test_exit_by_hand():
    z = np.log(np.array([[[0.5, 0.5], [0.8, 0.2], [0.1, 0.9]], [[0.55, 0.45], [0.6, 0.4], [0.65, 0.35]]]))
    assert exit_steps(z, ExitConfig(threshold=0.75)).tolist() == [1, 2]
    assert exit_steps(z, ExitConfig(threshold=0.85)).tolist() == [2, 2]
    assert answers_at(z, np.array([1, 2])).tolist() == [0, 0]
    assert exit_steps(z, ExitConfig(threshold=1.0)).tolist() == [2, 2]
    assert probabilities(z[0, 1], 2.0) == pytest.approx([2 / 3, 1 / 3])


def drifting(rng, strength, samples=400, steps=20):
    """Evidence that grows by `strength` a step towards the truth, among noise."""
    label = rng.integers(0, 4, samples)
    step = rng.normal(0, 1, (samples, steps, 4)) + strength * np.eye(4)[label][:, None]
    return np.cumsum(step, axis=1), label


def test_the_exit_keeps_its_promise_and_finds_the_temperature():
    rng = np.random.default_rng(0)
    z, label = drifting(rng, 1.0)
    config = fit_exit(z, label, 0.01)
    found = figures(*drifting(rng, 1.0), config)  # fresh samples
    assert found["early_accuracy"] >= found["accuracy"] - 0.03
    assert found["steps_saved"] > 0.3
    # Gaussian steps of unit variance and means 1 apart: the log likelihood ratio is the difference of z itself.
    assert config.alpha == pytest.approx(1.0, rel=0.25)


def test_files_come_back_and_bad_ones_are_refused(tmp_path):
    model, path = model_of(SMALL, INPUTS, members=2), tmp_path / "m.safetensors"
    save_classifier(path, model)
    back = load_classifier(str(path))
    assert back.header == model.header
    assert np.array_equal(back.members[1].layers[0].delay, model.members[1].layers[0].delay)
    model.members[1].layers[0].delay[0, 0, 0, 0] = 4
    save_classifier(path, model)
    with pytest.raises(ModelError, match="expected delays below 4, found 4"):
        load_classifier(str(path))
    model.members[1].layers[0].delay[0, 0, 0, 0] = 0
    model.members[0].readout[0, 0] = np.inf
    save_classifier(path, model)
    with pytest.raises(ModelError, match="finite"):
        load_classifier(str(path))
    model.members[0].readout[0, 0] = 0
    save_classifier(path, Classifier(model.header, model.members[:1]))
    with pytest.raises(ModelError, match=r"1\.0\.weight: expected float32 of shape .*, found none"):
        load_classifier(str(path))


def test_no_answer_when_it_is_not_sure(recordings):
    model = model_of(SMALL, INPUTS, exit=ExitConfig(alpha=1e6))
    found = classify(recordings.sample(0), model, ClassifyConfig(min_confidence=0.6))
    assert found.label is None
    assert (found.steps, found.of_steps) == (9, 9)
    assert found.confidence == pytest.approx(0.5, abs=1e-3)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    nothing = recordings.sample(0).take(slice(0, 0))
    assert classify(nothing, model_of(SMALL, INPUTS), ClassifyConfig(min_confidence=0)).label is None


def test_another_sensor_is_refused():
    batch = make_batch([30], [2], [0], [1], (34, 34))
    with pytest.raises(DataError, match="sensor of 12 x 12 px"):
        classify(batch, model_of(SMALL, INPUTS))


def test_large_sensors_are_pooled(recordings):
    wide = replace(recordings, events=make_batch([239], [179], [0], [1], (240, 180)))
    inputs = inputs_for(wide, 5, 1000)
    assert (inputs.pooling, inputs.columns, inputs.rows) == (7, 35, 26)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": np.zeros(160, np.int64)}, "at least two classes, found 1"),
        ({"offset": np.arange(161)}, "rise from 0 to"),
        ({"label": None}, "expected arrays label"),
    ],
)
def test_archives_that_do_not_fit_are_refused(tmp_path, change, said):
    arrays = {name: value for name, value in {**bars(160, 0), **change}.items() if value is not None}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=said):
        read_labelled(str(tmp_path / "bad.npz"), SPAN_US)


def test_a_folder_of_classes_is_cut_into_windows(tmp_path):
    for name, seconds in (("wave", 0.36), ("clap", 0.1)):
        (tmp_path / name).mkdir()
        t_us = np.arange(0, int(seconds * 1e6), 1000) + 5000
        np.savez(tmp_path / name / "a.npz", x=t_us % 7, y=t_us % 5, t_us=t_us, on=t_us % 2, width=8, height=8)
    found = read_labelled(str(tmp_path), 100_000)
    assert (found.names, found.label.tolist()) == (("clap", "wave"), [0, 1, 1, 1, 1])
    assert [len(found.sample(k)) for k in range(5)] == [100, 100, 100, 100, 60]
    assert all(found.sample(k).t_us[0] == 0 for k in range(5))


def train(*rest):
    pytest.importorskip("torch", reason="training needs torch: make venv EXTRAS=train")
    from snn_perception.classify.classifier_training import train as train_in_torch

    return train_in_torch(*rest)


@pytest.mark.parametrize("method", ["bptt", "sltt"])
def test_delays_learn_what_only_time_tells(recordings, method):
    learn, held = balanced_split(recordings.label, 40, np.random.default_rng(0))
    config = QUICK.model_copy(update={"method": method})

    def accuracy(network):
        params = train(recordings, learn, INPUTS, network, config)
        z = [gather_evidence(c, INPUTS, network, params).z for c in count_samples(recordings, held, INPUTS)]
        return np.mean(np.stack(z)[:, -1].argmax(axis=1) == recordings.label[held])

    assert accuracy(SMALL) >= 0.9
    if method == "sltt":
        return
    still = NetworkConfig(layers=(LayerConfig(channels=8, kernel=5, stride=2, delays=1, leak=0.0),), classes=2)
    assert accuracy(still) <= 0.8  # the mutant: neither delay nor memory, so no sense of motion


def test_members_validate_each_other_and_the_seed_decides(recordings):
    config = QUICK.model_copy(update={"epochs": 3})
    chosen = np.arange(40)
    seen = []

    def spy(data, own, *rest):
        seen.append(own)
        return train(data, own, *rest)

    first = train_members(recordings, chosen, INPUTS, SMALL, config, 2, 0.0, spy)
    again = train_members(recordings, chosen, INPUTS, SMALL, config, 2, 0.0, train, workers=2)
    own_parts = [np.setdiff1d(chosen, learnt) for learnt in seen]
    assert [len(part) for part in own_parts] == [8, 8]
    assert not set(own_parts[0]) & set(own_parts[1])
    assert first.validation["samples"] == 16
    for one, other in zip(first.members, again.members, strict=True):
        assert np.array_equal(one.readout, other.readout)
        assert np.array_equal(one.layers[0].delay, other.layers[0].delay)
    assert not np.array_equal(first.members[0].readout, first.members[1].readout)
