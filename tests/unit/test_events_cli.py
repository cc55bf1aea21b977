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
