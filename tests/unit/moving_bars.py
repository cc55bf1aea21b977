"""Recordings of bars that move left or right over a small sensor: only time tells the two classes apart."""

import numpy as np

SIDE, SPAN_US = 12, 90_000


def bars(samples, seed):
    """Arrays of an archive: `x`, `y`, `t_us`, `on`, `offset`, `label` (0: to the left, 1: to the right)."""
    rng = np.random.default_rng(seed)
    parts = [_bar(k % 2, rng) for k in range(samples)]
    x, y, t_us, on = (np.concatenate(column) for column in zip(*parts, strict=True))
    offset = np.concatenate([[0], np.cumsum([len(part[0]) for part in parts])])
    return {
        "x": x, "y": y, "t_us": t_us, "on": on, "offset": offset, "label": np.arange(samples) % 2, "width": SIDE,
        "height": SIDE,
    }  # fmt: skip


def _bar(rightwards, rng):
    """An edge of ON events and one of OFF events behind it, over the whole sensor in the whole time."""
    count = 240
    t_us = np.sort(rng.integers(0, SPAN_US, count))
    phase = (SIDE * t_us / SPAN_US + rng.uniform(0, SIDE)) % SIDE
    on = rng.random(count) < 0.5
    x = (phase if rightwards else SIDE - phase) + rng.normal(0, 0.3, count)
    return np.floor(x).astype(np.int64) % SIDE, rng.integers(0, SIDE, count), t_us, on
