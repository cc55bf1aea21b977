"""`snn mimic evaluate`: how well a model mimics its teacher on a recorded flight, beside trivial predictors."""

import argparse
from pathlib import Path

import numpy as np

from snn_cli.arguments import seed
from snn_cli.output import emit, table
from snn_control.mimicry import Lesson, pd_lesson, trivial_losses
from snn_control.pid import PidConfig
from snn_control.recordings import read_recording
from snn_control.spiking_pid import MIMIC_MODEL, model_path
from snn_core import kernels
from snn_core.errors import ModelError
from snn_core.metrics import mimic_loss
from snn_core.model_files import load_model
from snn_core.network import NetworkParams

REFERENCES = 5  # reference seeds per flight; the losses are their mean


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    mimic = commands.add_parser("mimic", help="judge a model against the PD that taught it")
    evaluate = mimic.add_subparsers(required=True, metavar="evaluate").add_parser(
        "evaluate", help="losses (MAE + 1 - Pearson, command units) on a recorded flight"
    )
    evaluate.add_argument(
        "--model", default="default", metavar="default|PATH", help="model file (default: the shipped mimic)"
    )
    evaluate.add_argument("--flight", required=True, metavar="CSV", help="recorded flight: columns t_s and a height")
    evaluate.add_argument("--seed", type=seed, default=0, help="first seed of the stepping reference")
    evaluate.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    evaluate.set_defaults(run=run)


def model_loss(pd: NetworkParams, lesson: Lesson, limit: float) -> float:
    """Loss of a PD network, flown from rest over the lesson's error."""
    output = kernels.run(pd, lesson.error[None].astype(np.float32))[0][0, 0].astype(np.float64)
    return mimic_loss(np.clip(output, -limit, limit), lesson.target)


def losses(pd: NetworkParams, lessons: list[Lesson], teacher: PidConfig) -> dict[str, float]:
    """Mean losses of a model and of the trivial predictors over lessons."""
    rows = [{"model": model_loss(pd, x, teacher.limit), **trivial_losses(x, teacher)} for x in lessons]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def run(args: argparse.Namespace) -> None:
    """Evaluate and report."""
    path = model_path(args.model, MIMIC_MODEL)
    header, parts = load_model(path)
    if "pd" not in parts:
        raise ModelError(f"{path}: expected a network 'pd', found {', '.join(parts)}; nothing here mimics a PD")
    recording = read_recording(Path(args.flight), header.dt_s)
    lessons = [pd_lesson(recording.height_m, header.dt_s, args.seed + s) for s in range(REFERENCES)]
    result = {**losses(parts["pd"], lessons, PidConfig()), "samples": len(recording.height_m), "references": REFERENCES}
    rows = [[name, value] for name, value in result.items() if isinstance(value, float)]
    emit(result, table((f"{recording.name}: predictor", "loss"), rows), args.json)
