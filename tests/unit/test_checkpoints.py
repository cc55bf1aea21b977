"""The folder of a run when things go wrong: torn files, two processes, a disk that is full or read-only."""

import csv
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from snn_control import evolution
from snn_control.checkpoints import BadFitness, Row, is_occupied, occupied, read_checkpoint, read_pace
from snn_control.evolution import Run
from snn_core.config import Config
from snn_core.errors import OutputError
from unit.walks import Walk, walk

TESTS = Path(__file__).resolve().parents[1]
NOBODY = 65534


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    """Checkpoint and log of a walk that nothing disturbed."""
    walk(tmp_path / "whole")
    return files(tmp_path / "whole")


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("checkpoint.npz", "log.csv")}


def walk_until(folder: Path, step: int) -> Run:
    """Walk the first stage that far, with a checkpoint after every step, and drop it as a dying process would."""
    run = Run(folder, Config())
    run.begin()
    for done, _ in run.steps("out", Walk(100)):
        if done + 1 == step:
            return run
    return run


@contextmanager
def full(limit: int) -> Iterator[None]:
    """A disk with room for files of so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder in which nothing can be written, not even by root, who therefore becomes nobody meanwhile."""
    root = os.geteuid() == 0
    folder.chmod(0o555)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every step, as the clock would ask for."""
    monkeypatch.setattr(evolution, "SAVE_EVERY_S", 0.0)


def test_the_clock_alone_asks_for_checkpoints(tmp_path: Path, often: None, whole: dict[str, bytes]) -> None:
    walk_until(tmp_path / "run", 7)
    saved = read_checkpoint(tmp_path / "run")
    assert saved is not None
    assert (saved.stage, saved.step, saved.steps) == ("out", 7, 100)
    walk(tmp_path / "run", resume=True)
    assert files(tmp_path / "run") == whole


def test_without_the_clock_there_is_none_yet(tmp_path: Path) -> None:
    walk_until(tmp_path / "run", 7)
    assert read_checkpoint(tmp_path / "run") is None


@pytest.mark.parametrize("stop_at", [1, 10, 11, 20, 100])
def test_no_log_row_is_lost_or_doubled(tmp_path: Path, often: None, stop_at: int) -> None:
    walk_until(tmp_path / "run", stop_at)
    walk(tmp_path / "run", resume=True)
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").open()))
    expected = [(stage, step) for stage in ("out", "back") for step in (*range(0, 100, 10), 99)]
    assert [(row["stage"], int(row["step"])) for row in rows] == expected


def test_what_a_dying_process_leaves_half_written_does_no_harm(
    tmp_path: Path, often: None, whole: dict[str, bytes]
) -> None:
    walk_until(tmp_path / "run", 30)
    (tmp_path / "run" / ".checkpoint.npz.4711").write_bytes(whole["checkpoint.npz"][:100])
    (tmp_path / "run" / "log.csv").unlink()
    (tmp_path / "run" / "timing.csv").write_text("stage,st")
    walk(tmp_path / "run", resume=True)
    assert files(tmp_path / "run") == whole
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checkpoint.npz", "config.yaml", "log.csv", "timing.csv",
    ]  # fmt: skip


def test_a_log_older_than_its_checkpoint_is_brought_up_to_date(tmp_path: Path) -> None:
    """Killed between the two, after the last step."""
    walk(tmp_path)
    log = (tmp_path / "log.csv").read_bytes()
    (tmp_path / "log.csv").write_bytes(log[:50])
    walk(tmp_path, resume=True)
    assert (tmp_path / "log.csv").read_bytes() == log


def test_the_pace_of_a_run(tmp_path: Path, often: None) -> None:
    walk(tmp_path)
    pace = read_pace(tmp_path)
    assert [(p.stage, p.step) for p in pace[:2]] == [("out", 1), ("out", 2)]
    assert all(p.steps_per_s > 0.0 for p in pace)


def test_two_processes_cannot_be_at_one_run(tmp_path: Path, often: None) -> None:
    steps = Run(tmp_path, Config())
    steps.begin()
    going = steps.steps("out", Walk(100))
    next(going)
    next(going)
    assert is_occupied(tmp_path)
    with pytest.raises(OutputError, match="another process is at this run"):
        walk(tmp_path, resume=True)
    going.close()
    assert not is_occupied(tmp_path)
    with occupied(tmp_path):
        pass


def test_bad_fitness_is_counted_logged_and_survives(tmp_path: Path, often: None) -> None:
    run = walk_until(tmp_path, 2)
    run.note("out", 2, 5, "flight is nan")
    run.note("out", 3, 0, "flight is inf")
    run._save("out", 4, Walk(100))
    assert (tmp_path / "bad_fitness.csv").read_text().splitlines() == [
        "stage,generation,individual,reason", "out,2,5,flight is nan", "out,3,0,flight is inf",
    ]  # fmt: skip
    saved = read_checkpoint(tmp_path)
    assert saved is not None
    assert saved.bad[0] == BadFitness("out", 2, 5, "flight is nan")
    resumed = walk(tmp_path, resume=True)
    assert resumed.bad_counts == {"out": 2}
    assert saved.rows[0] == Row("out", 0, pytest.approx(saved.rows[0].loss))


# --- disks


def check_message(message: str, why: str, kept: str) -> None:
    assert "\n" not in message
    assert f"cannot write the checkpoint ({why})" in message
    assert kept in message
    assert "go on with --resume" in message


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path, often: None, whole: dict[str, bytes]) -> None:
    run = tmp_path / "run"
    walk_until(run, 30)
    before = files(run)
    with full(1000), pytest.raises(OutputError) as error:
        walk(run, resume=True)
    check_message(str(error.value), "File too large", "that of stage 'out', step 30, is kept")
    assert files(run) == before
    assert not list(run.glob(".*"))
    walk(run, resume=True)
    assert files(run) == whole


def test_a_read_only_folder_keeps_the_last_checkpoint(
    tmp_path: Path, often: None, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # whose own parents nobody may enter
    run = Path("run")
    walk_until(run, 30)
    before = files(run)
    with read_only(run), pytest.raises(OutputError) as error:
        walk(run, resume=True)
    check_message(str(error.value), "Permission denied", "that of stage 'out', step 30, is kept")
    assert files(run) == before
    with read_only(tmp_path), pytest.raises(OutputError, match=r"cannot be written \(Permission denied\)"):
        walk(Path("other"))
    walk(run, resume=True)
    assert files(run) == whole


DISK = """
set -e
mount -t tmpfs -o size=48k none "$1"
"$2" -m unit.walks "$1/run" begin 4
cp "$1/run/checkpoint.npz" "$1/../kept.npz"
if "$2" -m unit.walks "$1/wide" begin 20000; then exit 9; fi
test -s "$1/wide/config.yaml"
mount -o remount,ro "$1"
if "$2" -m unit.walks "$1/run" resume 4; then exit 9; fi
if "$2" -m unit.walks "$1/new" begin 4; then exit 9; fi
cmp "$1/run/checkpoint.npz" "$1/../kept.npz"
"""


def test_real_disks(tmp_path: Path) -> None:
    """A tiny file system of memory, in a name space of its own: full, then read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    probe = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$1"', "sh", str(disk)]
    if subprocess.run(probe, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a file system; the tests above need none")
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", DISK, "sh", str(disk), sys.executable], cwd=TESTS, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    wide, again, new = ran.stderr.splitlines()
    check_message(wide, "No space left on device", "there is none yet")
    check_message(again, "Read-only file system", "that of stage 'back', step 100, is kept")
    assert "cannot be written (Read-only file system)" in new
