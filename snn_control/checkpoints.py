"""What a run leaves in its folder, as data: checkpoint and logs, written so that a reader never meets half of one."""

import csv
import fcntl
import io
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import ModelError, OutputError
from snn_core.files import write_atomically
from snn_core.genome import Genes

Array = NDArray[np.float64]
CONFIG, CHECKPOINT, LOG, BAD, TIMING = "config.yaml", "checkpoint.npz", "log.csv", "bad_fitness.csv", "timing.csv"
MODEL = "best.safetensors"  # written by the caller


class Row(NamedTuple):
    """One logged iteration."""

    stage: str
    step: int
    loss: float


class BadFitness(NamedTuple):
    """A cost that was not finite and counted as the worst instead."""

    stage: str
    generation: int
    individual: int
    reason: str


class Pace(NamedTuple):
    """How fast a stage went between two checkpoints; it differs from run to run, so it has a file of its own."""

    stage: str
    step: int
    seconds: float
    steps_per_s: float


class Checkpoint(NamedTuple):
    """Everything needed to go on."""

    stage: str
    step: int  # done of the stage
    steps: int  # of the stage
    state: dict[str, Array]  # of the stage
    generator: dict[str, Any]  # state of the stage's random generator
    finished: dict[str, Genes]  # result of each stage that is done
    rows: list[Row]
    bad: list[BadFitness]  # the first ones
    bad_counts: dict[str, int]  # all of them, by stage
    complete: bool = False  # no stage is to come


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint, then the logs in it; raises OutputError and leaves the old ones if that fails."""
    about = checkpoint._replace(state={}, finished={})._asdict() | {"finished": list(checkpoint.finished)}
    arrays = {f"state.{name}": value for name, value in checkpoint.state.items()}
    arrays |= {f"finished.{name}": value for name, value in checkpoint.finished.items()}
    buffer = io.BytesIO()
    np.savez(buffer, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
    write_atomically(folder / CHECKPOINT, buffer.getvalue())
    write_logs(folder, checkpoint)


def write_logs(folder: Path, checkpoint: Checkpoint) -> None:
    """Write log.csv, and bad_fitness.csv if there is anything to tell."""
    losses = [(row.stage, row.step, f"{row.loss:.6g}") for row in checkpoint.rows]
    write_atomically(folder / LOG, csv_bytes(Row._fields, losses))
    if checkpoint.bad:
        write_atomically(folder / BAD, csv_bytes(BadFitness._fields, checkpoint.bad))


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint, or None if the run did not get that far.

    Raises:
        ModelError: the file is damaged, or may not be read.
    """
    path = folder / CHECKPOINT
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(str(arrays.pop("about")))
        about["finished"] = {name: arrays[f"finished.{name}"] for name in about["finished"]}
        about["state"] = {k.removeprefix("state."): v for k, v in arrays.items() if k.startswith("state.")}
        about["rows"] = [Row(s, int(i), float(x)) for s, i, x in about["rows"]]
        about["bad"] = [BadFitness(*row) for row in about["bad"]]
        return Checkpoint(**about)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        raise ModelError(f"{path}: damaged checkpoint; start again with another --out") from None


def write_pace(folder: Path, pace: Sequence[Pace]) -> None:
    """Write timing.csv."""
    rows = [(p.stage, p.step, f"{p.seconds:.3f}", f"{p.steps_per_s:.3f}") for p in pace]
    write_atomically(folder / TIMING, csv_bytes(Pace._fields, rows))


def read_pace(folder: Path) -> list[Pace]:
    """The rows of timing.csv; none where it is missing or damaged, as nothing depends on it."""
    try:
        rows = list(csv.reader((folder / TIMING).read_text().splitlines()))[1:]
        return [Pace(stage, int(step), float(seconds), float(rate)) for stage, step, seconds, rate in rows]
    except (OSError, ValueError, csv.Error):
        return []


def csv_bytes(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """A CSV file of some rows."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def sweep_temporaries(folder: Path) -> None:
    """Remove the half-written files of a process that died while it wrote."""
    for name in (CONFIG, CHECKPOINT, LOG, BAD, TIMING):
        for left in folder.glob(f".{name}.*"):
            left.unlink(missing_ok=True)


@contextmanager
def occupied(folder: Path) -> Iterator[None]:
    """Hold the folder against a second process, which gets an OutputError; the lock dies with its holder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not _locks(descriptor, fcntl.LOCK_EX):
            raise OutputError(f"{folder}: another process is at this run; wait for it or choose another --out")
        yield
    finally:
        os.close(descriptor)


def is_occupied(folder: Path) -> bool:
    """Whether a process is at this run."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        return not _locks(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _locks(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
