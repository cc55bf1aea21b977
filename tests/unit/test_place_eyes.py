"""From pixels to spikes: resampling, patch normalisation, oriented energies, adaptation, latencies."""

import math

import numpy as np
import pytest

from snn_core.errors import ConfigError, DataError
from snn_perception.places.images import resize, to_grey
from snn_perception.places.latency_code import (
    Adaptation,
    LatencyConfig,
    adaptation_from,
    adaptation_step,
    drive,
    first_spikes,
    unadapted,
)
from snn_perception.places.oriented_energy import EnergyConfig, oriented_energies
from snn_perception.places.patch_normalisation import patch_normalise
from unit.scenes import route

SMALL = EnergyConfig(size_px=16, orientations=4, cells=4)


def test_resizing_to_the_same_size_changes_nothing():
    image = route(1)
    assert np.array_equal(resize(image, 32, 64), image.astype(np.float32))


@pytest.mark.parametrize("size", [(8, 8), (16, 64), (48, 96), (100, 31)])
def test_resizing_keeps_a_flat_image_flat(size):
    assert np.allclose(resize(np.full((1, 32, 64), 77, np.uint8), *size), 77.0, atol=1e-4)


def test_halving_is_a_triangle_of_four_pixels():
    row = np.zeros((1, 8, 16), np.uint8)
    row[:, :, 6] = 80  # the centres of the smaller pixels 2 and 3 are 1.5 and 0.5 px from it
    assert np.allclose(resize(row, 8, 8)[0, 0], [0, 0, 10, 30, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((20, 20)), "expected uint8 pixels, found float64"),
        (np.zeros((20, 20, 2), np.uint8), "found shape"),
        (np.zeros((0, 0), np.uint8), "found 0 x 0"),
        (np.zeros((7, 20), np.uint8), "found 20 x 7"),
        (np.zeros((1, 8193), np.uint8), "found 8193 x 1"),
    ],
)
def test_images_that_are_none(image, words):
    with pytest.raises(DataError, match=words):
        to_grey(image, "here")


def test_colours_become_luma():
    colours = np.zeros((8, 8, 4), np.uint8)
    colours[..., :3] = (200, 100, 50)
    assert (to_grey(colours) == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)).all()
    assert (to_grey(np.ones((8, 8), bool)) == 255).all()


def test_patch_normalisation_by_hand():
    image = np.zeros((1, 3, 3), np.uint8)
    image[0, 1, 1] = 9  # the window of the middle holds all: mean 1, variance 9 - 1
    out = patch_normalise(image, 3)[0]
    assert out[1, 1] == pytest.approx(1.0)  # (9 - 1) / sqrt(8) is clipped
    assert out[0, 0] == pytest.approx(-2.25 / math.sqrt(81 / 4 - 2.25**2), abs=1e-6)  # its window is cut to 2 x 2
    assert (patch_normalise(np.full((1, 9, 9), 50, np.uint8), 3) == 0.0).all()


@pytest.mark.parametrize("patch_px", [2, 4, 1, 0])
def test_patches_have_a_middle(patch_px):
    with pytest.raises(ConfigError, match="odd number"):
        patch_normalise(np.zeros((1, 9, 9), np.uint8), patch_px)


def energies_of(image):
    return oriented_energies(image[None], SMALL).reshape(4, 4, 4)


def test_an_edge_drives_the_orientation_of_its_gradient():
    """Orientations 0..3 are brighter to the right, downwards, to the left, upwards."""
    step = np.full((16, 16), 50, np.uint8)
    step[:, 8:] = 200
    for turns, orientation in enumerate((0, 3, 2, 1)):
        strongest = energies_of(np.ascontiguousarray(np.rot90(step, turns))).sum(axis=(1, 2))
        assert strongest.argmax() == orientation
        assert np.sort(strongest)[-2] < 1e-3 * strongest.max()


def test_energies_hardly_see_a_change_of_light():
    bright = route(1, height=64)[0] // 2 + 60
    dim = (bright * 0.5).astype(np.uint8)
    a, b = (oriented_energies(x[None], EnergyConfig())[0] for x in (bright, dim))
    assert np.corrcoef(a, b)[0, 1] > 0.98


def test_drive_has_unit_size_and_forgets_the_common():
    energies = np.array([[1.0, 2.0, 5.0], [3.0, 2.0, 1.0]], np.float32)
    out = drive(energies, energies.mean(axis=0))
    assert np.allclose(out, np.array([[-1, 0, 2], [1, 0, -2]]) / math.sqrt(5 / 3))
    assert np.array_equal(drive(energies[:1], energies[0]), np.zeros((1, 3), np.float32))


def test_adaptation_is_a_mean_with_a_prior():
    config = LatencyConfig(prior_images=1.0)
    state = adaptation_from(np.array([4.0, 4.0], np.float32), config)
    state, _ = adaptation_step(state, np.array([0.0, 8.0], np.float32), config)
    assert np.allclose(state.mean, [2.0, 6.0])
    state, _ = adaptation_step(state, np.array([8.0, 0.0], np.float32), config)
    assert np.allclose(state.mean, [4.0, 4.0])


def test_standing_still_does_not_wipe_out_the_view():
    config = LatencyConfig(prior_images=5.0)
    energy = np.random.default_rng(0).random(50).astype(np.float32)
    state: Adaptation = unadapted(energy, config)
    state, first = adaptation_step(state, energy, config)
    for _ in range(1000):
        state, now = adaptation_step(state, energy, config)
    assert np.array_equal(first, now)
    moving = LatencyConfig(prior_images=5.0, novelty=0.0)
    state = unadapted(energy, moving)
    for k in range(1000):
        state, now = adaptation_step(state, energy * (1 + 1e-3 * (k % 2)), moving)
    assert np.linalg.norm(state.mean - energy) < 0.02 * np.linalg.norm(energy)


@pytest.mark.parametrize("strength", [0.5, 0.7, 1.0, 1.5, 4.0])
def test_the_first_spike_is_where_the_charging_curve_crosses(strength):
    """v(t) = I (1 - exp(-t / tau)) exceeds 1 after -tau ln(1 - 1 / I); at I <= 1 never."""
    config = LatencyConfig(input_steps=100, gain=1.5, tau_steps=12.0)
    current = 1.5 * strength
    expected = math.floor(-12.0 * math.log(1.0 - 1.0 / current)) + 1 if current > 1.0 else 0
    spikes = first_spikes(np.array([strength, -strength], np.float32), config)
    assert spikes.tolist() == [expected, -expected]


def test_late_spikes_do_not_come():
    weak = np.array([0.7], np.float32)
    assert first_spikes(weak, LatencyConfig(input_steps=100))[0] > 16
    assert first_spikes(weak, LatencyConfig(input_steps=16))[0] == 0
