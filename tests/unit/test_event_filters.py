"""Filters of events, on events whose fate is plain."""

import numpy as np

from snn_perception.events.batch import make_batch
from snn_perception.events.filters import FilterConfig, filter_events, flickering, hot_pixels, refractory, supported


def events(*rows, size=(8, 8)):
    x, y, t = np.array(rows).T
    return make_batch(x, y, t, np.ones(len(t)), size)


def test_a_hot_pixel_is_masked_and_counted():
    spread = [(k % 8, k // 8, 1000 * k) for k in range(64)]
    batch = events(*spread, *[(3, 3, 10 * k) for k in range(500)])
    assert np.argwhere(hot_pixels(batch, 5.0)).tolist() == [[3, 3]]
    kept = filter_events(batch, FilterConfig(hot_factor=5.0))
    assert len(kept) == 63
    assert kept.faults["hot"] == 501


def test_refractory_time():
    assert refractory(events((1, 1, 0), (1, 1, 50), (2, 1, 60), (1, 1, 100)), 100).tolist() == [True, False, True, True]


def test_background_activity_needs_a_neighbour():
    batch = events((1, 1, 0), (2, 2, 50), (6, 6, 60), (2, 2, 70), (3, 2, 500), (2, 1, 2000))
    assert supported(batch, 500).tolist() == [False, True, False, True, True, False]


def test_flicker_of_lamps_is_found():
    times = np.arange(20) * 10_000
    lamp = [(2, 2, t) for t in times]
    dark = [(2, 2, t + 5000) for t in times]
    moving = [(5, 5, t * 7) for t in times]
    x, y, t = np.array(lamp + dark + moving).T
    batch = make_batch(x, y, t, np.repeat([1, 0, 1], 20), (8, 8))
    assert np.argwhere(flickering(batch, 0.5)).tolist() == [[2, 2]]


def test_filters_are_off_by_default():
    batch = events((1, 1, 0), (1, 1, 1))
    assert filter_events(batch, FilterConfig()) is batch
