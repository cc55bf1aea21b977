"""`snn evolve` as a process: killed, interrupted and resumed, with workers, it ends in the bytes of a quiet run."""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest

from snn_control.checkpoints import is_occupied, read_checkpoint

WAIT_S = 60.0
SETTINGS = (
    "--pairs", "2", "--descent-iterations", "400", "--integral-generations", "150", "--flight-generations", "2",
    "--population", "20",
)  # fmt: skip
FILES = ("best.safetensors", "checkpoint.npz", "log.csv", "config.yaml")


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flights") / "flight.csv"
    rows = [f"{k / 5:.1f},{1.0 + 0.4 * math.sin(k / 40):.4f}" for k in range(500)]
    path.write_text("\n".join(["t_s,h_m", *rows]) + "\n")
    return path


def command(flight: Path, out: Path, *options: str) -> list[str]:
    settings = () if "--resume" in options else SETTINGS
    threads = () if "--workers" in options else ("--workers", "1")
    return ["evolve", "altitude", "--flights", str(flight), "--out", str(out), *settings, *threads, *options]


@pytest.fixture(scope="module")
def whole(flight: Path) -> dict[str, bytes]:
    """The files of a run that nothing disturbed."""
    out = flight.parent / "whole"
    finish(command(flight, out))
    return files(out)


def finish(arguments: list[str]) -> None:
    process = start(arguments)
    complaint = process.communicate(timeout=WAIT_S)[1]
    assert process.returncode == 0, complaint


def files(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


def start(arguments: list[str]) -> subprocess.Popen:
    """A process with a group of its own, as a terminal would give it."""
    return subprocess.Popen(
        [sys.executable, "-m", "snn_cli.main", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def wait_until(condition: Callable[[], object], process: subprocess.Popen | None = None) -> None:
    """Wait for a condition, as long as the process, if any is given, lives."""
    until = monotonic() + WAIT_S
    while not condition() and (process is None or process.poll() is None) and monotonic() < until:
        sleep(0.01)
    assert condition(), process.communicate()[1] if process and process.poll() is not None else "not within a minute"


def members(session: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def test_killed_at_any_moment_and_resumed(flight: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    out, generator = tmp_path / "run", np.random.default_rng(1)
    for resume in ([], ["--resume"]):
        process = start(command(flight, out, *resume))
        wait_until(lambda: out.is_dir() and is_occupied(out), process)
        wait_until((out / "checkpoint.npz").exists, process)
        sleep(generator.uniform(0.0, 0.8))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    finish(command(flight, out, "--resume"))
    assert files(out) == whole


def test_workers_end_with_their_run(flight: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """Ctrl-C, `kill -9` of the run, and another engine to end it: no process stays, no byte differs."""
    out, workers = tmp_path / "run", ("--engine", "processes", "--workers", "2")
    process = start(command(flight, out, *workers))
    wait_until(lambda: len(members(process.pid)) > 2, process)
    os.killpg(process.pid, signal.SIGINT)
    printed, complaint = process.communicate(timeout=WAIT_S)
    assert (process.returncode, printed) == (1, "")
    assert complaint.startswith("snn: interrupted in stage 'integral'; go on with --resume")
    assert complaint.count("\n") == 1
    wait_until(lambda: members(process.pid) == [])
    saved = read_checkpoint(out)
    assert saved is not None
    assert 0 < saved.step < saved.steps

    process = start(command(flight, out, "--resume", *workers))
    wait_until(lambda: len(members(process.pid)) > 2, process)
    process.kill()
    process.communicate()
    wait_until(lambda: members(process.pid) == [])

    finish(command(flight, out, "--resume"))
    assert files(out) == whole


def test_a_disk_too_full_for_a_checkpoint_is_one_line(flight: Path, tmp_path: Path) -> None:
    limited = ["sh", "-c", 'ulimit -f 4; exec "$@"', "sh", sys.executable, "-m", "snn_cli.main"]
    ran = subprocess.run([*limited, *command(flight, tmp_path / "run")], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.count("\n") == 1
    assert "cannot write the checkpoint (File too large); there is none yet" in ran.stderr
