"""Growth is found from the events of edges alone, also where no outline is in view, and not where nothing grows."""

import numpy as np
import pytest

from snn_perception.motion.active_regions import Region, RegionFinder, spanned
from snn_perception.motion.expansion import ExpansionFinder, aged

WIDTH, HEIGHT = 96, 72


def grown(growth, velocity=(0.0, 0.0), spots=60, reach=30.0, noise=200, span_s=0.4, seed=0):
    """Events of random spots about the middle, that now grow by `growth` per second, and noise."""
    rng = np.random.default_rng(seed)
    now = rng.uniform(-reach, reach, (spots, 2))
    spot, age = rng.integers(0, spots, 1500), rng.uniform(0, span_s, 1500)
    moved = (now[spot] - age[:, None] * np.array(velocity)) / (1.0 + growth * age[:, None])
    x, y = 0.5 * WIDTH + moved[:, 0], 0.5 * HEIGHT + moved[:, 1]
    x, y = np.append(x, rng.uniform(0, WIDTH, noise)), np.append(y, rng.uniform(0, HEIGHT, noise))
    age, on = np.append(age, rng.uniform(0, span_s, noise)), np.append(spot % 2, rng.integers(0, 2, noise))
    inside = (x >= 0) & (y >= 0) & (x < WIDTH) & (y < HEIGHT)
    return aged(*(part[inside] for part in (x.astype(int), y.astype(int), age, on)), 1000)


@pytest.mark.parametrize("growth", [0.3, 0.6, 1.0, 2.0])
def test_growth_of_spots_without_an_outline(growth):
    found = ExpansionFinder(WIDTH, HEIGHT).find(grown(growth))
    assert found.growth_per_s == pytest.approx(growth, rel=0.1)
    assert found.gain > 0.1


def test_growth_and_velocity_at_once():
    found = ExpansionFinder(WIDTH, HEIGHT).find(grown(0.8, (12.0, -8.0)))
    assert found.growth_per_s == pytest.approx(0.8, rel=0.15)
    assert (found.ux_px_s, found.uy_px_s) == pytest.approx((12.0, -8.0), abs=3.0)


@pytest.mark.parametrize("velocity", [(0.0, 0.0), (20.0, 0.0), (0.0, -40.0)])
def test_what_only_shifts_does_not_grow(velocity):
    found = ExpansionFinder(WIDTH, HEIGHT).find(grown(0.0, velocity))
    assert abs(found.growth_per_s) < 0.07
    assert found.gain < 0.05


def test_the_image_is_left_empty_for_the_next_search():
    finder = ExpansionFinder(WIDTH, HEIGHT)
    first = finder.find(grown(0.6))
    assert not any(image.any() for image in finder.images.values())
    assert finder.find(grown(0.6)) == first


def test_regions_are_apart_and_the_densest_comes_first():
    rng, finder = np.random.default_rng(0), RegionFinder(WIDTH, HEIGHT, 0.3, 6.0, 5.0)
    x = np.concatenate([rng.integers(8, 16, 200), rng.integers(60, 76, 900), rng.integers(0, WIDTH, 200)])
    y = np.concatenate([rng.integers(8, 16, 200), rng.integers(40, 56, 900), rng.integers(0, HEIGHT, 200)])
    first, second = finder.take(x, y, 0.1)
    assert (first, second) == (Region(60, 40, 76, 56), Region(8, 8, 16, 16))
    assert spanned(finder.within(first, 0.05)) == first
    assert not first.meets(second)


def test_cells_forget():
    finder = RegionFinder(WIDTH, HEIGHT, 0.3, 6.0, 5.0)
    x = np.repeat([9, 13], 20)
    assert finder.take(x, x, 0.1)
    assert not finder.take(x[:0], x[:0], 3.0)
