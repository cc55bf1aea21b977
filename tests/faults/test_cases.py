"""The cases that need no process of their own, and the table that they stand in."""

from contextlib import nullcontext

import pytest

from snn_cli.faults import run
from snn_cli.faults.case import LEVELS
from snn_cli.faults.run import NO_ROS, PURE_CHECKS, attempt, checks, fly_cases, matrix
from snn_cli.faults.table import CASES

BY_NUMBER = {case.number: case for case in CASES}


def test_every_case_stands_in_the_table_once_and_is_checked():
    assert sorted(BY_NUMBER) == list(range(1, 81)) == [case.number for case in CASES]
    with checks() as known:
        if len(known) > len(PURE_CHECKS):
            assert set(known) == set(BY_NUMBER)
    assert {case.level for case in CASES} <= set(LEVELS)
    assert all(len(case.expected) > 5 and len(case.injected) > 3 for case in CASES)


@pytest.mark.parametrize("number", sorted(PURE_CHECKS), ids=lambda number: f"{number} {BY_NUMBER[number].name}")
def test_case(number):
    result, seen = attempt(PURE_CHECKS[number], NO_ROS)
    assert result == "passed", f"{BY_NUMBER[number].expected}; seen: {seen}"


def test_results_are_rows_and_a_matrix(monkeypatch):
    monkeypatch.setitem(PURE_CHECKS, 54, lambda: 1 / 0)
    monkeypatch.setattr(run, "checks", lambda: nullcontext(PURE_CHECKS))  # as where ROS 2 is not installed
    rows = fly_cases([BY_NUMBER[33], BY_NUMBER[54], BY_NUMBER[55]])
    assert [row["result"] for row in rows] == ["skipped", "failed", "passed"]
    assert rows[0]["seen"] == NO_ROS
    assert rows[1]["seen"] == "ZeroDivisionError: division by zero"
    page = matrix(rows)
    assert "| all | 1 | 1 | 1 |" in page
    assert "| 33 | IMU covariance | message |" in page
