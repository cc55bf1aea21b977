"""`snn faults` as a program calls it."""

import json
from contextlib import nullcontext

import pytest

from snn_cli.faults import run
from snn_cli.faults.case import Missed
from snn_cli.main import main


def answer(capsys, *arguments):
    status = main(["faults", *arguments, "--json", "-"])
    captured = capsys.readouterr()
    return status, json.loads(captured.out), captured.err


def test_list(capsys):
    status, rows, _ = answer(capsys, "list")
    assert status == 0
    assert len(rows) == 80
    assert set(rows[0]) == {"case", "name", "level", "injected", "expected"}


def test_run_passes_skips_and_fails(capsys, monkeypatch):
    def missed():
        raise Missed("0.4 s until neutral")

    monkeypatch.setitem(run.PURE_CHECKS, 1, missed)
    monkeypatch.setattr(run, "checks", lambda: nullcontext(run.PURE_CHECKS))  # as where ROS 2 is not installed
    status, result, error = answer(capsys, "run", "--case", "1", "--case", "33", "--case", "55")
    assert status == 1
    assert "1 of 3 cases failed: 1" in error
    assert {kind: [row["case"] for row in rows] for kind, rows in result.items()} == {
        "passed": [55], "failed": [1], "skipped": [33],
    }  # fmt: skip
    assert result["failed"][0]["seen"] == "0.4 s until neutral"
    assert set(result["passed"][0]) >= {"case", "name", "expected", "seen"}


def test_pairs(capsys):
    status, result, _ = answer(capsys, "pairs", "--count", "2", "--seed", "3")
    assert (status, result["pairs"], result["unsafe"], result["failed"]) == (0, 2, 0, [])


@pytest.mark.parametrize(
    "arguments",
    [("run", "--case", "81"), ("run", "--level", "moon"), ("soak", "--hours", "-1"), ("pairs", "--count", "0")],
)
def test_wrong_usage_is_2(arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["faults", *arguments])
    assert stopped.value.code == 2
