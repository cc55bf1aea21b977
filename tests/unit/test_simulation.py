"""From a film to events to motion, through the command; and films that cannot be simulated."""

import json

import numpy as np
import pytest
from PIL import Image

from snn_cli.main import main
from snn_core.event_camera import EventCameraConfig
from snn_perception.events.film import simulate
from snn_perception.events.sources import read_events

SIDE, RATE_HZ, PX_PER_IMAGE = 48, 240, 0.5


def texture_film(direction_deg, images=40, seed=0):
    """Grey images (image, row, column) of a periodic texture that moves; y up."""
    rng, period = np.random.default_rng(seed), 96
    frequency = np.fft.fftfreq(period)
    scale = np.maximum(np.hypot(frequency[:, None], frequency[None]) * period, 2.0)
    spectrum = np.fft.fft2(rng.standard_normal((period, period))) / scale
    film = []
    for k in range(images):
        dx, dy = (k * PX_PER_IMAGE * f(np.radians(direction_deg)) for f in (np.cos, np.sin))
        image = np.fft.ifft2(spectrum * np.exp(-2j * np.pi * (frequency[None] * dx - frequency[:, None] * dy))).real
        film.append(128 + 50 * image / image.std())
    return np.clip(np.stack(film), 1, 255).astype(np.uint8)[:, :SIDE, :SIDE]


def result(capsys, *arguments):
    assert main(["events", *map(str, arguments), "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("direction_deg", [0, 90, -135])
def test_a_film_moves_the_way_it_was_drawn(capsys, tmp_path, direction_deg):
    np.savez(tmp_path / "film.npz", frames=texture_film(direction_deg))
    out = tmp_path / "events.npz"
    made = result(capsys, "simulate", f"{tmp_path / 'film.npz'}:frames", "--rate-hz", RATE_HZ, "--out", out)
    assert (made["width"], made["height"], made["images"]) == (SIDE, SIDE, 40)
    assert made["on"] + made["off"] == made["events"] == len(read_events(str(out)))
    last = result(capsys, "motion", out, "--window-ms", 80)[1]
    assert abs((last["direction_deg"] - direction_deg + 180) % 360 - 180) < 10


def test_a_folder_of_images_gives_the_same_events(capsys, tmp_path):
    film = texture_film(30, images=6)
    np.savez(tmp_path / "film.npz", frames=film)
    (tmp_path / "images").mkdir()
    for k, image in enumerate(film):
        Image.fromarray(image).save(tmp_path / "images" / f"{k:03}.png")
    for source, out in ((f"{tmp_path / 'film.npz'}:frames", "a.npz"), (tmp_path / "images", "b.npz")):
        result(capsys, "simulate", source, "--out", tmp_path / out, "--seed", 3)
    one, other = (read_events(str(tmp_path / name)) for name in ("a.npz", "b.npz"))
    assert np.array_equal(one.t_us, other.t_us)
    assert np.array_equal(one.x, other.x)


def test_gamma_and_threshold_change_the_count():
    film, rng = texture_film(0, images=8), np.random.default_rng
    quiet = {"mismatch": 0.0, "leak_hz": 0.0, "noise_hz": 0.0, "refractory_us": 0.0}
    plain = len(simulate(film, RATE_HZ, EventCameraConfig(**quiet), rng(0)))
    coarse = len(simulate(film, RATE_HZ, EventCameraConfig(threshold=0.4, **quiet), rng(0)))
    light = len(simulate(film, RATE_HZ, EventCameraConfig(threshold=0.4, **quiet), rng(0), gamma=2.0))
    assert coarse < 0.6 * plain
    assert light == pytest.approx(plain, rel=0.1)  # twice the contrast, but for the dark, which is linear


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("still.npz:frames",), "found no event in 5 images"),
        (("still.npz:one",), "at least two images, found 1"),
        (("none.mp4",), "found nothing there"),
        (("still.npz:frames", "--rate-hz", "0"), "--rate-hz"),
        (("still.npz:frames", "--gamma", "0"), "--gamma"),
        (("still.npz:frames", "--threshold", "0"), "threshold"),
    ],
)
def test_what_goes_wrong_is_one_line(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    np.savez("still.npz", frames=np.full((5, 16, 16), 90, np.uint8), one=np.full((1, 16, 16), 90, np.uint8))
    quiet = ("--noise-hz", "0", "--leak-hz", "0")
    assert main(["events", "simulate", *arguments, *quiet, "--out", "e.npz"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
