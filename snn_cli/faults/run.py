"""`snn faults run`: fly through the cases and say which were passed."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from time import perf_counter
from typing import Any

from tqdm import tqdm

from snn_cli.faults.case import LEVELS, Case, Check
from snn_cli.faults.control_checks import CONTROL_CHECKS
from snn_cli.faults.model_checks import MODEL_CHECKS
from snn_cli.faults.sensor_checks import SENSOR_CHECKS
from snn_cli.faults.table import CASES
from snn_cli.output import emit, markdown_table, table
from snn_core.errors import SnnError

PURE_CHECKS = {**SENSOR_CHECKS, **CONTROL_CHECKS, **MODEL_CHECKS}
NUMBERS = tuple(case.number for case in CASES)
NO_ROS = "ROS 2 is not installed"
COLUMNS = ("case", "name", "level", "result", "s", "seen")
SUMMARY = ("level", "passed", "failed", "not applicable")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("run", help="fly through the cases and say which were passed")
    parser.add_argument("--case", type=int, action="append", choices=NUMBERS, metavar="N", help="only this one; again")
    parser.add_argument("--level", action="append", choices=LEVELS, help="only cases of this level; again")
    parser.add_argument("--matrix", action="store_true", help="print the matrix as Markdown, for the documentation")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the chosen cases; an error when one of them failed."""
    chosen = [
        case
        for case in CASES
        if (not args.case or case.number in args.case) and (not args.level or case.level in args.level)
    ]
    rows = fly_cases(chosen)
    result = {kind: [_public(row) for row in rows if row["result"] == kind] for kind in ("passed", "failed", "skipped")}
    text = f"{_cases_table(rows)}\n\n{_summary(rows, table)}"
    emit(result, matrix(rows) if args.matrix else text, args.json)
    if result["failed"]:
        numbers = ", ".join(str(row["case"]) for row in result["failed"])
        raise SnnError(f"{len(result['failed'])} of {len(rows)} cases failed: {numbers}")


def _public(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("case", "name", "level", "expected", "seen", "s")}


def fly_cases(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """One row per case: its result (passed, failed or skipped), what was seen, and how long it took."""
    rows = []
    with checks() as known:
        for case in tqdm(cases, disable=None, unit="case"):
            began = perf_counter()
            result, seen = attempt(known.get(case.number), NO_ROS)
            rows.append(
                {
                    "case": case.number, "name": case.name, "level": case.level, "expected": case.expected,
                    "result": result, "seen": seen, "s": perf_counter() - began,
                }
            )  # fmt: skip
    return rows


def attempt(check: Check | None, reason: str) -> tuple[str, str]:
    """Result of a check and what it saw; a check that is not there is skipped for the reason."""
    if check is None:
        return "skipped", reason
    try:
        return "passed", check()
    except SnnError as error:
        return "failed", str(error)
    except Exception as error:  # noqa: BLE001  a fault may raise anything, and the next case must run
        return "failed", f"{type(error).__name__}: {error}"


@contextmanager
def checks() -> Iterator[dict[int, Check]]:
    """Every check by the number of its case; those that need processes share a field, made when first needed."""
    if find_spec("rclpy") is None:
        yield dict(PURE_CHECKS)
        return
    from snn_cli.nodes.fault_field import Field
    from snn_cli.nodes.fault_imu_checks import IMU_CHECKS
    from snn_cli.nodes.fault_message_checks import MESSAGE_CHECKS
    from snn_cli.nodes.fault_process_checks import bound_checks

    fields: list[Field] = []

    def field() -> Field:
        if not fields:
            fields.append(Field())
        return fields[0]

    def afresh(check: Callable[[], str]) -> Check:
        """After a failure the next case gets a field of its own."""

        def checked() -> str:
            try:
                return check()
            except BaseException:
                while fields:
                    fields.pop().close()
                raise

        return checked

    try:
        bound = {number: afresh(check) for number, check in bound_checks(field).items()}
        yield {**PURE_CHECKS, **MESSAGE_CHECKS, **IMU_CHECKS, **bound}
    finally:
        while fields:
            fields.pop().close()


def _cases_table(rows: Sequence[dict[str, Any]]) -> str:
    return table(COLUMNS, [[*(row[column] for column in COLUMNS[:-1]), row["seen"][:110]] for row in rows])


def _summary(rows: Sequence[dict[str, Any]], form: Callable[..., str]) -> str:
    """Level by result."""
    lines = []
    for level in (*LEVELS, "all"):
        mine = [row["result"] for row in rows if level in (row["level"], "all")]
        if mine:
            lines.append([level, *(mine.count(kind) for kind in ("passed", "failed", "skipped"))])
    return form(SUMMARY, lines)


def matrix(rows: Sequence[dict[str, Any]]) -> str:
    """The whole result as Markdown: levels, cases, and what is not applicable."""
    cells = [
        [row["case"], row["name"], row["level"], row["expected"], row["result"], row["seen"].replace("|", "/")[:160]]
        for row in rows
    ]
    cases = markdown_table(("case", "name", "level", "expected", "result", "seen"), cells)
    return f"{_summary(rows, markdown_table)}\n\n{cases}"
