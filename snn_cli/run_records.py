"""What a run's folder tells: how far it got, on which settings, with which losses."""

import csv
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from snn_control.altitude_config import AltitudeEvolutionConfig
from snn_control.checkpoints import BAD, CONFIG, LOG, MODEL, Checkpoint, Row, is_occupied, read_checkpoint, read_pace
from snn_control.fine_tuning import FineTuneConfig
from snn_core.config import Config
from snn_core.errors import DataError, SnnError
from snn_core.model_files import read_header

KINDS: tuple[type[Config], ...] = (AltitudeEvolutionConfig, FineTuneConfig)


class StageRecord(NamedTuple):
    """How one stage went."""

    stage: str
    step: int  # done
    steps: int
    first_loss: float
    last_loss: float
    steps_per_s: float  # NaN where unknown
    bad: int  # costs that were not finite


class RunRecord(NamedTuple):
    """How one run went."""

    run: str
    status: str  # finished, running, interrupted or damaged
    at: str  # where it was interrupted, or what is damaged
    settings: dict[str, Any]  # those that are not the default, and the seed
    stages: list[StageRecord]
    bad: list[dict[str, str]]  # the first costs that were not finite, with their reasons
    model: str | None
    score: dict[str, float]


def find_runs(folder: Path) -> list[Path]:
    """The runs in a folder, by name; a DataError where there is no such folder."""
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of runs, found none; 'snn evolve' makes them under runs/")
    return sorted(path.parent for path in folder.glob(f"*/{CONFIG}"))


def read_record(folder: Path) -> RunRecord:
    """Everything about one run; a damaged file is told in the record. A DataError where there is no run."""
    if not (folder / CONFIG).is_file():
        raise DataError(f"{folder}: expected the folder of a run, with a {CONFIG}; 'snn runs list' shows them")
    settings: dict[str, Any] = {}
    try:
        settings = _settings(folder / CONFIG)
        checkpoint = read_checkpoint(folder)
        model = folder / MODEL
        score = read_header(model).score if model.exists() else {}
    except SnnError as error:
        return RunRecord(folder.name, "damaged", str(error), settings, [], [], None, {})
    status, at = _status(folder, checkpoint)
    stages = _stages(folder, checkpoint) if checkpoint else []
    path = str(model) if model.exists() else None
    return RunRecord(folder.name, status, at, settings, stages, _bad(folder), path, score)


def read_losses(folder: Path) -> list[Row]:
    """The logged iterations of a run; a DataError where there are none."""
    try:
        rows = list(csv.reader((folder / LOG).read_text().splitlines()))[1:]
        losses = [Row(stage, int(step), float(loss)) for stage, step, loss in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{folder / LOG}: expected the columns stage, step, loss of a run ({error})") from None
    if not losses:
        raise DataError(f"{folder / LOG}: nothing was logged yet")
    return losses


def _settings(path: Path) -> dict[str, Any]:
    """Settings that differ from the defaults of the kind of run that they fit."""
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    kind = next((kind for kind in KINDS if isinstance(values, dict) and set(values) <= set(kind.model_fields)), None)
    if kind is None:
        raise DataError(f"{path}: not the settings of a run of this software")
    config = kind.check(values, str(path))
    changed = config.model_dump(exclude_defaults=True)
    return {"seed": values.get("seed"), **{name: value for name, value in changed.items() if "digest" not in name}}


def _status(folder: Path, checkpoint: Checkpoint | None) -> tuple[str, str]:
    at = f"{checkpoint.stage} {checkpoint.step}/{checkpoint.steps}" if checkpoint else "before the first checkpoint"
    if is_occupied(folder):
        return "running", at
    if checkpoint is not None and (checkpoint.complete or (folder / MODEL).exists()):
        return "finished", ""
    return "interrupted", at


def _stages(folder: Path, checkpoint: Checkpoint) -> list[StageRecord]:
    pace, records = read_pace(folder), []
    for stage in dict.fromkeys(row.stage for row in checkpoint.rows):
        rows = [row for row in checkpoint.rows if row.stage == stage]
        now = stage == checkpoint.stage
        done = checkpoint.step if now else rows[-1].step + 1
        seconds = sum(p.seconds for p in pace if p.stage == stage)
        counted = sum(p.seconds * p.steps_per_s for p in pace if p.stage == stage)
        records.append(
            StageRecord(
                stage, done, checkpoint.steps if now else done, rows[0].loss, rows[-1].loss,
                counted / seconds if seconds > 0.0 else float("nan"), checkpoint.bad_counts.get(stage, 0),
            )
        )  # fmt: skip
    return records


def _bad(folder: Path) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader((folder / BAD).read_text().splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
