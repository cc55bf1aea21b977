"""The shipped classifier on digits that its training held out, with its goals; crippled ones must fail them."""

import os
from pathlib import Path

import numpy as np
import pytest

from snn_perception.classify.classifier_model import Classifier, load_classifier
from snn_perception.classify.classifier_trials import evidence_of, figures
from snn_perception.classify.labelled_recordings import balanced_split, read_labelled

DIGITS = Path(os.environ.get("SNN_DATA", "../shared/data")) / "events" / "nmnist_500.npz"
pytestmark = pytest.mark.skipif(not DIGITS.is_file(), reason=f"no recordings in {DIGITS} (SNN_DATA)")


@pytest.fixture(scope="module")
def digits():
    data = read_labelled(str(DIGITS), 315_000)
    _, held_out = balanced_split(data.label, 100, np.random.default_rng(0))
    return data, held_out


@pytest.fixture(scope="module")
def shipped():
    return load_classifier()


def score(classifier, digits):
    data, held_out = digits
    return figures(evidence_of(classifier, data, held_out), data.label[held_out], classifier.header.exit)


def changed(classifier, change):
    """The classifier with every layer of every member changed."""
    members = [m._replace(layers=tuple(map(change, m.layers))) for m in classifier.members]
    return Classifier(classifier.header, tuple(members))


def test_digits_are_read_and_early(shipped, digits):
    assert shipped.header.data_digest == digits[0].digest
    found = score(shipped, digits)
    assert found["accuracy"] >= 0.93
    assert found["early_accuracy"] >= found["accuracy"] - 0.01
    assert found["steps_saved"] >= 0.4


def test_without_weights_nothing_is_read(shipped, digits):
    silent = changed(shipped, lambda layer: layer._replace(weight=np.zeros_like(layer.weight)))
    assert score(silent, digits)["accuracy"] <= 0.2


def test_the_delays_matter(shipped, digits):
    rng = np.random.default_rng(0)
    shuffled = changed(shipped, lambda k: k._replace(delay=rng.permutation(k.delay.ravel()).reshape(k.delay.shape)))
    assert score(shuffled, digits)["accuracy"] <= score(shipped, digits)["accuracy"] - 0.03
