"""Transforms of recordings, by hand."""

import numpy as np
import pytest

from snn_core.errors import ConfigError
from snn_perception.events.batch import make_batch
from snn_perception.events.transforms import TransformConfig, transform_events


@pytest.fixture
def batch():
    """Three events on a sensor of 4 x 3 px: (0, 0), (3, 0) and (3, 2), the second one dark."""
    return make_batch([0, 3, 3], [0, 0, 2], [10, 20, 40], [1, 0, 1], (4, 3))


def rows(batch):
    return list(zip(batch.x.tolist(), batch.y.tolist(), batch.t_us.tolist(), batch.on.tolist(), strict=True))


def changed(batch, seed=0, **options):
    return transform_events(batch, TransformConfig(**options), np.random.default_rng(seed))


def test_a_quarter_turn(batch):
    turned = changed(batch, rotate=90)
    assert (turned.width, turned.height) == (3, 4)
    assert rows(turned) == [(0, 3, 10, True), (0, 0, 20, False), (2, 0, 40, True)]
    assert rows(changed(batch, rotate=180)) == [(3, 2, 10, True), (0, 2, 20, False), (0, 0, 40, True)]
    assert rows(changed(turned, rotate=270)) == rows(batch)


def test_backwards(batch):
    back = changed(batch, reverse=True)
    assert rows(back) == [(3, 2, 10, False), (3, 0, 30, True), (0, 0, 40, False)]
    assert rows(changed(back, reverse=True)) == rows(batch)


def test_stretched(batch):
    assert changed(batch, stretch=2.5).t_us.tolist() == [10, 35, 85]


def test_dropped_and_noisy():
    many = make_batch(np.arange(1000) % 40, np.arange(1000) % 30, np.arange(1000), np.ones(1000), (40, 30))
    thin = changed(many, drop=0.3)
    assert thin.faults["dropped"] == 1000 - len(thin)
    assert 620 < len(thin) < 780
    loud = changed(many, noise=0.1)
    assert (len(loud), loud.faults["noise"]) == (1100, 100)
    assert (np.diff(loud.t_us) >= 0).all()
    assert "out_of_order" not in {name for name, count in loud.faults.items() if count}
    assert rows(changed(many, 3, drop=0.3, noise=0.1)) == rows(changed(many, 3, drop=0.3, noise=0.1))
    assert rows(changed(many, 3, drop=0.3)) != rows(changed(many, 4, drop=0.3))


def test_nothing_stays_nothing(batch):
    empty = batch.take(slice(0, 0))
    assert len(changed(empty, rotate=90, reverse=True, stretch=2.0, drop=0.5, noise=0.5)) == 0


def test_a_turn_that_is_no_quarter_is_refused():
    with pytest.raises(ConfigError, match="rotate"):
        TransformConfig.check({"rotate": 45}, "options")
