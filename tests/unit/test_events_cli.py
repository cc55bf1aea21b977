"""`snn events`: what it prints, and one clear line for whatever goes wrong."""

import json

import numpy as np
import pytest

from snn_cli.main import main


@pytest.fixture
def snn(capsys, tmp_path, monkeypatch):
    """Run `snn events` in a folder that has `a.npz`; returns status, output and error."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez(
        "a.npz", x=rng.integers(0, 30, 500), y=rng.integers(0, 20, 500), t_us=np.arange(500) * 1000,
        on=rng.random(500) < 0.5, width=30, height=20,
    )  # fmt: skip

    def run(*arguments: object):
        try:
            status = main(["events", *map(str, arguments)])
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return run


def result(snn, *arguments):
    status, out, err = snn(*arguments, "--json", "-")
    assert status == 0, err
    return json.loads(out)


def test_info(snn):
    found = result(snn, "info", "a.npz")
    assert set(found) >= {"width", "height", "events", "on", "off", "t_first_us", "t_last_us", "format"}
    assert (found["events"], found["on"] + found["off"], found["t_last_us"]) == (500, 500, 499_000)
    assert "events" in snn("info", "a.npz")[1]


def test_convert_cuts_and_filters(snn):
    assert result(snn, "convert", "a.npz", "b.txt", "--from-s", 0.1, "--to-s", 0.2)["events"] == 101
    assert result(snn, "info", "b.txt")["t_first_us"] == 100_000
    assert result(snn, "convert", "a.npz", "c.npz", "--refractory-us", 10**6)["refractory"] > 0


def test_convert_transforms(snn):
    before = result(snn, "info", "a.npz")
    changed = result(
        snn, "convert", "a.npz", "d.npz", "--rotate", 90, "--reverse", "--stretch", 2, "--drop", 0.3, "--noise", 0.1
    )
    after = result(snn, "info", "d.npz")
    assert (after["width"], after["height"]) == (20, 30)
    assert after["t_last_us"] - after["t_first_us"] == pytest.approx(2 * 499_000, rel=0.02)
    assert changed["dropped"] == pytest.approx(150, abs=40)
    assert changed["noise"] == pytest.approx(0.1 * (500 - changed["dropped"]), abs=1)
    assert after["events"] == 500 - changed["dropped"] + changed["noise"]
    again = result(snn, "convert", "a.npz", "e.npz", "--reverse", "--json", "-")
    assert (again["events"], result(snn, "info", "e.npz")["on"]) == (500, before["off"])


def test_motion_of_windows(snn):
    found = result(snn, "motion", "a.npz", "--window-ms", 100, "--min-confidence", 0)
    assert len(found) == 5
    assert set(found[0]) >= {"t_s", "vx_px_s", "vy_px_s", "direction_deg", "rotation_rad_s", "divergence_per_s"}
    assert result(snn, "motion", "a.npz", "--window-ms", 100)[0]["vx_px_s"] is None  # noise


def test_view_draws(snn, tmp_path):
    assert snn("view", "a.npz", "--panels", 2)[0] == 0
    assert (tmp_path / "events.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("info", "none.npz"), "nothing there"),
        (("info", "a.npz", "--size", "5x5"), "within 5 x 5 px"),
        (("convert", "a.npz", "b.csv"), "b.csv"),
        (("convert", "a.npz", "b.npz", "--from-s", 5), "none left"),
        (("view", "a.npz", "--window-ms", 0), "above 0 ms"),
        (("convert", "a.npz", "b.npz", "--rotate", 45), "rotate"),
        (("convert", "a.npz", "b.npz", "--drop", 1.0), "drop"),
        (("convert", "a.npz", "b.npz", "--stretch", 0), "stretch"),
        (("motion", "a.npz", "--window-ms", 0), "window-ms"),
        (("motion", "a.npz", "--model", "none.safetensors"), "none.safetensors"),
    ],
)
def test_what_goes_wrong_is_one_line(snn, arguments, said):
    status, out, err = snn(*arguments)
    assert (status, out) == (1, "")
    assert said in err
    assert err.count("\n") == 1


def test_wrong_usage(snn):
    assert snn("info", "a.npz", "--size", "big")[0] == 2
    assert snn("draw")[0] == 2
