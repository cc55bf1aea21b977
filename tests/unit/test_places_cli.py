"""`snn places`: what it prints, and one clear line for whatever goes wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from snn_cli.main import main
from unit.scenes import again, route

KEYS = {
    "places", "queries", "recall_at_1", "recall_at_5", "recall_at_10", "recall_at_100_precision", "auc_pr", "train_s",
    "query_ms", "map_bytes", "spikes_per_query", "mean_time_steps",
}  # fmt: skip


@pytest.fixture
def snn(capsys, tmp_path: Path, monkeypatch):
    """Run `snn places` in a folder that has `data.npz`; returns status, output and error."""
    monkeypatch.chdir(tmp_path)
    scenes = route(30)
    np.savez(
        "data.npz", ref=scenes, second=again(scenes, seed=7), query=again(scenes), few=scenes[:5],
        other=route(30, seed=9),
        gt_lo=np.arange(30), gt_hi=np.arange(30), here=np.arange(60.0).reshape(30, 2), poses=np.ones((30, 7)),
    )  # fmt: skip

    def run(*arguments: object):
        try:
            status = main(["places", *(str(argument) for argument in arguments)])
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return run


def result(snn, *arguments):
    status, out, err = snn(*arguments, "--json", "-")
    assert status == 0, err
    return json.loads(out)


def test_evaluate_prints_json_and_nothing_else(snn):
    found = result(snn, "evaluate", "data.npz:ref", "data.npz:query", "--baseline", "sad", "--baseline", "hog")
    assert set(found) >= KEYS
    assert (found["places"], found["queries"], found["mean_time_steps"]) == (30, 30, 32.0)
    assert found["recall_at_1"] > 0.9
    assert found["spikes_per_query"] > 0
    assert set(found["baselines"]) == {"sad", "hog"}
    assert set(found["baselines"]["sad"]) >= KEYS


def test_evaluate_the_same_twice(snn):
    first, second = (result(snn, "evaluate", "data.npz:ref", "data.npz:query", "--seed", 3) for _ in range(2))
    for found in (first, second):
        del found["train_s"], found["query_ms"]
    assert first == second


def test_evaluate_ablations_take_effect(snn):
    pair = ("evaluate", "data.npz:ref", "data.npz:query")
    full = result(snn, *pair)["recall_at_1"]
    assert result(snn, *pair, "--lost-spikes", 0.8)["recall_at_1"] < full
    assert result(snn, *pair, "--steps", 8)["recall_at_1"] < full
    assert result(snn, *pair, "--early-exit")["mean_time_steps"] < 32
    one, three = (result(snn, *pair, "--members", k)["map_bytes"] for k in (1, 3))
    assert three > 2 * one


def test_evaluate_a_foreign_traverse_finds_nothing(snn):
    found = result(snn, "evaluate", "data.npz:ref", "data.npz:other")
    assert found["recall_at_1"] < 0.2


@pytest.mark.parametrize(
    "options",
    [
        ["--truth", "data.npz"],
        ["--positions", "data.npz:here", "data.npz:here", "--tolerance-m", 0.5],
        ["--sequence", 4],
        ["--tolerance", 1],
    ],
)
def test_evaluate_by_other_truths(snn, options):
    assert result(snn, "evaluate", "data.npz:ref", "data.npz:query", *options)["recall_at_1"] > 0.9


def test_evaluate_several_traverses_and_the_papers_network(snn):
    for sources in (["data.npz:ref", "data.npz:second"], ["data.npz:ref,second"]):
        assert result(snn, "evaluate", *sources, "data.npz:query")["reference"] == ["data:ref", "data:second"]
    found = result(snn, "evaluate", "data.npz:ref[:25]", "data.npz:query[:25]", "--network", "paper", "--epochs", 1)
    assert set(found) >= KEYS
    assert found["mean_time_steps"] == 350.0


def test_evaluate_draws(snn, tmp_path):
    status, out, _ = snn("evaluate", "data.npz:ref", "data.npz:query", "--plots", "plots", "--baseline", "sad")
    assert status == 0
    assert "recall_at_1" in out
    for name in ("pr.png", "matches.png"):
        assert (tmp_path / "plots" / name).read_bytes().startswith(b"\x89PNG")


def test_train_match_grow_merge_and_remove(snn):
    made = result(snn, "train", "data.npz:ref[:20]", "data.npz:second[:20]", "--out", "a.safetensors")
    assert (made["places"], made["traverses"]) == (20, 2)
    grown = result(snn, "train", "data.npz:ref[20:]", "--map", "a.safetensors", "--out", "b.safetensors")
    assert (grown["places"], grown["new_places"]) == (30, 10)
    matches = result(snn, "match", "b.safetensors", "data.npz:query", "--top", 2)
    sure = [m for m in matches if m["confident"]]
    assert len(sure) > 15
    assert all(m["place"] == m["query"] for m in sure)
    assert all(m["place"] is None and not m["confident"] for m in matches if m not in sure)
    assert len(matches[0]["candidates"]) == 2
    assert matches[0]["pose"] is None
    assert result(snn, "merge", "a.safetensors", "a.safetensors", "--out", "c.safetensors")["places"] == 40
    assert result(snn, "remove", "c.safetensors", 3, "10:20", "--out", "d.safetensors")["places"] == 29


def test_poses_come_back_with_matches(snn):
    result(snn, "train", "data.npz:ref", "--poses", "data.npz:poses", "--out", "a.safetensors")
    assert result(snn, "match", "a.safetensors", "data.npz:query[:1]")[0]["pose"] == [1.0] * 7


def test_calibrate_fits_and_stores(snn):
    result(snn, "train", "data.npz:ref", "--out", "a.safetensors")
    found = result(snn, "calibrate", "data.npz:ref", "data.npz:query", "--map", "a.safetensors")
    assert found["single"]["slope"] > 0
    from snn_perception.places.place_map import PlaceMap

    assert PlaceMap.load(Path("a.safetensors")).calibration.single.slope == pytest.approx(
        found["single"]["slope"], abs=1e-5
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "nowhere", "data.npz:query"], "nowhere: expected a folder"),
        (["evaluate", "data.npz:ref", "data.npz:night"], "'night'"),
        (["evaluate", "data.npz:ref", "data.npz:few", "data.npz:query"], "frame by frame"),
        (["evaluate", "data.npz:ref", "data.npz:query", "--lost-spikes", 2], "lost_spikes"),
        (["evaluate", "data.npz:ref", "data.npz:query", "--members", 99], "members"),
        (["evaluate", "data.npz:ref", "data.npz:few", "--truth", "data.npz"], "expected 5 entries"),
        (
            ["evaluate", "data.npz:ref", "data.npz:query", "--positions", "data.npz:here", "data.npz:here"],
            "--tolerance-m",
        ),
        (["train", "data.npz:ref", "--out", "no/such/../.."], "cannot be written"),
        (["train", "data.npz:ref", "--poses", "data.npz:here", "--out", "x.safetensors"], "expected poses (30, 7)"),
        (["match", "data.npz", "data.npz:query"], "found a zip archive"),
        (["match", "none.safetensors", "data.npz:query"], "cannot be read"),
    ],
)
def test_what_goes_wrong_is_one_line(snn, arguments, words):
    status, out, err = snn(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith("snn: ")
    assert err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "data.npz:ref"],
        ["evaluate", "data.npz:ref", "data.npz:query", "--network", "cnn"],
        ["evaluate", "data.npz:ref", "data.npz:query", "--tolerance", -1],
        ["calibrate", "data.npz:ref"],
        ["remove", "a", "x", "--out", "b"],
        [],
    ],
)
def test_wrong_usage_is_2(snn, arguments):
    assert snn(*arguments)[0] == 2
