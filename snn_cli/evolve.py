"""`snn evolve altitude`: from flight recordings to a pair of spiking networks that flies."""

import argparse
import hashlib
import signal
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from snn_cli.altitude_spec import altitude_spec
from snn_cli.arguments import seed
from snn_cli.engine_options import add_engine_options, check_engine_options, engine_of
from snn_cli.flights import fly, simulated_heights
from snn_cli.mimic import losses
from snn_cli.output import emit, table
from snn_control.altitude_config import AltitudeEvolutionConfig
from snn_control.altitude_evolution import AltitudeEvolution
from snn_control.altitude_problem import Lessons
from snn_control.checkpoints import BAD, MODEL
from snn_control.evolution import Evolution, Progress, Run
from snn_control.integral_task import integral_lessons
from snn_control.mimicry import pd_lesson
from snn_control.pid import PidConfig
from snn_control.recordings import read_recordings
from snn_core.errors import DataError
from snn_core.model_files import ModelHeader, save_model

REFERENCES = 12  # training references per recording
INTEGRAL_LESSONS = 16
HELD_OUT_REFERENCES = 5
SIMULATED = 4
OWN = {"seed", "data_digest"}  # fields with an option of their own, or none
SETTINGS = tuple(name for name in AltitudeEvolutionConfig.model_fields if name not in OWN)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand of `snn evolve`."""
    parser = commands.add_parser("altitude", help="evolve the PD and I networks that hold a blimp's altitude")
    parser.add_argument(
        "--flights", required=True, metavar="FOLDER|CSV|sim",
        help="recordings; of several, the last by name is held out for the report; sim = PID flights in simulation",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed, default=1, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="run folder (default: runs/altitude-SEED)")
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted run in --out")
    parser.add_argument("--config", type=Path, metavar="YAML", help="settings to start from")
    for name in SETTINGS:
        field = AltitudeEvolutionConfig.model_fields[name]
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="X", help=f"{field.description} ({field.default})")
    add_engine_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run, check=lambda args: check_engine_options(args, parser))


def read_config(args: argparse.Namespace, folder: Path) -> AltitudeEvolutionConfig:
    """Settings from the resumed run, or from --config and the options."""
    if args.resume:
        return AltitudeEvolutionConfig.load(folder / "config.yaml")
    values = AltitudeEvolutionConfig.load(args.config).model_dump() if args.config else {}
    values["seed"] = args.seed
    for name in SETTINGS:
        text = getattr(args, name)
        if text is not None:
            values[name] = text  # a number in text is as good: the declaration converts and checks it
    return AltitudeEvolutionConfig.check(values, "options")


def read_heights(flights: str, config: AltitudeEvolutionConfig) -> tuple[list[np.ndarray], np.ndarray, str, str]:
    """Heights to train on, one held-out height, its name, and the digest of the training data."""
    if flights == "sim":
        heights = simulated_heights(SIMULATED + 1, config.seed, config.dt_s)
        digest = hashlib.sha256(b"".join(h.tobytes() for h in heights[:-1])).hexdigest()
        return heights[:-1], heights[-1], "a simulated flight", digest
    recordings = read_recordings(Path(flights), config.dt_s)
    training, last = recordings[:-1] or recordings, recordings[-1]
    digest = hashlib.sha256("".join(r.digest for r in training).encode()).hexdigest()
    name = last.name if len(recordings) > 1 else f"{last.name}, which it was trained on"
    return [r.height_m for r in training], last.height_m, name, digest


def command_of(args: argparse.Namespace, config: AltitudeEvolutionConfig) -> str:
    """The command that repeats the run: every setting that is not a default, folders by their last name."""
    words = ["snn evolve altitude --flights", Path(args.flights).name]
    changed = config.model_dump(exclude_defaults=True, exclude=OWN)
    words += [f"--{name.replace('_', '-')} {value}" for name, value in changed.items()]
    return " ".join([*words, f"--seed {config.seed}"])


def lessons_of(heights: list[np.ndarray], config: AltitudeEvolutionConfig) -> Lessons:
    """Training material from heights and from the simulated double integrator."""
    dt_s, first = config.dt_s, 1000 * config.seed
    pd = [pd_lesson(h, dt_s, first + r) for r in range(REFERENCES) for h in heights]
    return Lessons(pd, integral_lessons(dt_s, range(first, first + INTEGRAL_LESSONS)))


def run(args: argparse.Namespace) -> None:
    """Evolve, save the model, report."""
    args.check(args)
    folder = args.out or Path("runs") / f"altitude-{args.seed}"
    config = read_config(args, folder)
    progress = Run(folder, config)
    progress.resume() if args.resume else progress.check()
    heights, held_out, held_out_name, digest = read_heights(args.flights, config)
    if args.resume and digest != config.data_digest:
        raise DataError(
            f"{args.flights}: not the recordings that {folder} was started on; give the same, or a new --out"
        )
    progress.config = config.model_copy(update={"data_digest": digest})
    lessons = lessons_of(heights, config)
    with engine_of(args, altitude_spec(config, lessons)) as engine:
        evolution = AltitudeEvolution(config, lessons, engine)
        if not args.resume:
            progress.begin()
        follow(evolution, progress)
    networks = evolution.networks(progress)
    reference = [pd_lesson(held_out, config.dt_s, s) for s in range(HELD_OUT_REFERENCES)]
    score = losses(networks["pd"], reference, PidConfig())
    header = ModelHeader(
        kind="spiking_pid", dt_s=config.dt_s, seed=config.seed, data_digest=digest,
        networks=evolution.genome.structure,
        score={f"mimic_{name}": round(value, 4) for name, value in score.items()},
        command=command_of(args, config),
    )  # fmt: skip
    path = folder / MODEL
    save_model(path, header, networks)
    report(path, held_out_name, score, config.dt_s, args.json)


class Bars:
    """One progress bar per stage, on a terminal only: what is done, how fast, and how long it will yet take."""

    def __init__(self) -> None:
        self.bars: dict[str, tqdm[NoReturn]] = {}

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *error: object) -> None:
        for bar in self.bars.values():
            bar.close()

    def show(self, now: Progress) -> None:
        """Move the stage's bar to where it is; a bar begins with its stage, so that its speed is the stage's own."""
        if now.stage not in self.bars:
            unit = "step" if now.stage == "pd" else "gen"
            self.bars[now.stage] = tqdm(
                total=now.steps, initial=now.step - 1, desc=now.stage, unit=unit, disable=None, position=len(self.bars)
            )
        bar = self.bars[now.stage]
        bar.set_postfix_str(f"loss {now.loss:.3f}", refresh=False)
        bar.update(now.step - bar.n)


def follow(evolution: Evolution, progress: Run) -> None:
    """Run all stages under a progress bar; Ctrl-C saves and stops after the step under way, another one at once."""

    def stop(signum: int, frame: object) -> None:
        if progress.stop:
            raise KeyboardInterrupt
        progress.stop = True

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    # BLAS threads fight the kernels' own: with two busy cores they made an update of 200 genes 100 times slower
    try:
        with threadpool_limits(1, user_api="blas"), Bars() as bars:
            for now in evolution.run(progress):
                bars.show(now)
        progress.complete()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if progress.bad_counts:
        counts = ", ".join(f"{count} in stage '{stage}'" for stage, count in progress.bad_counts.items())
        print(
            f"costs that were not finite counted as the worst: {counts}; see {progress.folder / BAD}", file=sys.stderr
        )


def report(path: Path, held_out: str, score: dict[str, float], dt_s: float, target: str | None) -> None:
    """Print the losses on the held-out flight and the scores of two short flights."""
    rows: list[list[object]] = [[f"mimic loss on {held_out}: {name}", value] for name, value in score.items()]
    flights = {}
    for buoyancy in (0.0, -0.12):
        mean = fly(str(path), "tudelft_2023", "steps", buoyancy, seed=0, seeds=1, dt_s=dt_s).mean()
        flights[f"{buoyancy:+.2f}"] = mean
        rows += [[f"steps at {buoyancy:+.2f} m/s2: {name}", mean[name]] for name in ("rmse_m", "steady_state_error_m")]
    emit({"model": str(path), "mimic": score, "flights": flights}, table(("evolved", ""), rows), target)
    if target != "-":
        print(f"model: {path}\nfly it: snn fly --model {path}")
