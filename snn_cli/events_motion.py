"""`snn events motion`: velocity, rotation and divergence of a recording, window by window, or no decision."""

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from snn_cli.arguments import count, number, whole
from snn_cli.events_options import add_source, read_source
from snn_cli.events_plots import write_picture
from snn_cli.output import emit, table
from snn_cli.places_options import progress
from snn_core.errors import DataError
from snn_perception.events.batch import EventBatch
from snn_perception.motion.contrast import maximise_contrast
from snn_perception.motion.flow_picture import flow_picture
from snn_perception.motion.hindsight import Hindsight
from snn_perception.motion.motion_estimator import Motion, MotionConfig
from snn_perception.motion.motion_model import load_motion_model

COLUMNS = ("t_s", "events", "vx_px_s", "vy_px_s", "direction_deg", "rotation_rad_s", "divergence_per_s", "confidence")


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("motion", help="velocity of the image, window by window")
    add_source(parser)
    parser.add_argument("--window-ms", type=number, default=20.0, help="length of a window (default: %(default)s)")
    parser.add_argument("--model", default="default", metavar="MODEL", help="'default' or a trained file")
    fields = MotionConfig.model_fields
    for name, kind in (("budget", count), ("align", whole)):
        text = f"{fields[name].description} (default: %(default)s)"
        parser.add_argument(f"--{name}", type=kind, default=fields[name].default, help=text)
    parser.add_argument("--min-confidence", type=number, default=0.5, help="least confidence of a decision")
    parser.add_argument("--live", action="store_true", help="judge by the past alone, as the node must")
    parser.add_argument("--baseline", action="store_true", help="contrast maximisation on the same windows beside it")
    parser.add_argument("--flow", metavar="PNG", help="draw the local motion of the busiest window that was decided")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Estimate and report."""
    if not 0.1 <= args.window_ms <= 60_000:
        raise DataError(f"--window-ms: expected 0.1 to 60000 ms, found {args.window_ms:g}")
    values = {"budget": args.budget, "align": args.align, "min_confidence": args.min_confidence}
    config = MotionConfig.check(values, "options")
    batch = read_source(args)
    if not len(batch):
        raise DataError(f"{args.file}: expected events, found none left by the filters")
    model, window_us = load_motion_model(args.model), round(args.window_ms * 1e3)
    next(iter(Hindsight(model, config, batch.take(slice(0, 1)), window_us, args.live)))  # compiles
    recording = Hindsight(model, config, batch, window_us, args.live)
    estimator, results = recording.estimator, []
    busiest, picture = 0, None
    began = time.process_time()
    for part, motion in progress(recording, "windows"):
        result = entry(motion, time.process_time() - began)
        if args.flow and motion.decided and len(part) > busiest and estimator.evidence is not None:
            busiest, picture = len(part), flow_picture(estimator.evidence, part, estimator.gatherer.tile, motion)
        results.append({**result, **baseline(part)} if args.baseline else result)
        began = time.process_time()
    columns = (*COLUMNS, "cmax_direction_deg") if args.baseline else COLUMNS
    rows = [[math.nan if r[c] is None else r[c] for c in columns] for r in results]
    if args.flow:
        if picture is None:
            raise DataError(f"{args.file}: expected a window with a decision to draw, found none")
        write_picture(picture, Path(args.flow))
    emit(results, table(columns, rows), args.json)


def entry(motion: Motion, cpu_s: float) -> dict[str, Any]:
    """One window's result; null where nothing was decided. y is up; velocity at the centre from the middle."""
    decided = motion.decided
    return {
        "t_s": motion.t_us * 1e-6, "events": motion.events, "vx_px_s": motion.vx_px_s, "vy_px_s": motion.vy_px_s,
        "direction_deg": motion.direction_deg, "speed_px_s": motion.speed_px_s,
        **{f"centre_{axis}_px": at if decided else None for axis, at in zip("xy", motion.centre_px, strict=True)},
        "rotation_rad_s": motion.rotation_rad_s, "divergence_per_s": motion.divergence_per_s,
        "confidence": motion.confidence, "decided": decided,
        "covariance": motion.covariance.tolist() if decided and motion.covariance is not None else None,
        "cpu_ms": cpu_s * 1e3,
    }  # fmt: skip


def baseline(batch: EventBatch) -> dict[str, Any]:
    """Contrast maximisation of the same window, and its CPU time."""
    if not len(batch):
        return {"cmax_vx_px_s": None, "cmax_vy_px_s": None, "cmax_direction_deg": None, "cmax_cpu_ms": None}
    began = time.process_time()
    vx, vy = maximise_contrast(batch)
    cpu_s = time.process_time() - began
    direction = float(np.degrees(np.arctan2(vy, vx)))
    return {"cmax_vx_px_s": vx, "cmax_vy_px_s": vy, "cmax_direction_deg": direction, "cmax_cpu_ms": cpu_s * 1e3}
