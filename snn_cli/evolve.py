"""`snn evolve altitude`, `heading` and `speed`: from flights to a pair of spiking networks that flies."""

import argparse
import hashlib
import signal
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from snn_cli.altitude_spec import altitude_spec
from snn_cli.arguments import seed
from snn_cli.axis_flights import HELD_OUT, axis_domain_of, axis_lessons, axis_tally, held_out_lessons
from snn_cli.engine_options import add_engine_options, check_engine_options, engine_of
from snn_cli.flights import fly, simulated_heights
from snn_cli.mimic import losses
from snn_cli.output import emit, table
from snn_control.altitude_config import AltitudeEvolutionConfig
from snn_control.altitude_evolution import AltitudeEvolution
from snn_control.altitude_problem import Lessons
from snn_control.axis_control import CONTROLS
from snn_control.checkpoints import BAD, MODEL
from snn_control.evolution import Evolution, Progress, Run
from snn_control.integral_task import integral_lessons
from snn_control.mimicry import Lesson, pd_lesson
from snn_control.pilots import pid_gains, spiking_pair
from snn_control.recordings import read_recordings
from snn_core.errors import DataError
from snn_core.model_files import ModelHeader, load_model, save_model
from snn_core.vectors import LANES

REFERENCES = 12  # training references per recording
INTEGRAL_LESSONS = 16
HELD_OUT_REFERENCES = 5
SIMULATED = 4
REPORTED = ("rmse_m", "steady_state_error_m")
OWN = {"seed", "axis", "data_digest"}  # fields with an option of their own, or none
SETTINGS = tuple(name for name in AltitudeEvolutionConfig.model_fields if name not in OWN)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommands of `snn evolve`."""
    for axis in CONTROLS:
        _add_axis(axis, commands.add_parser(axis, help=f"evolve the PD and I networks that hold a blimp's {axis}"))


def _add_axis(axis: str, parser: argparse.ArgumentParser) -> None:
    recorded = {"required": True} if axis == "altitude" else {"default": "sim", "choices": ["sim"]}
    parser.add_argument(
        "--flights", **recorded, metavar="FOLDER|CSV|sim",
        help="recordings; of several, the last by name is held out for the report; sim = PID flights in simulation",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed, default=1, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="run folder (default: runs/AXIS-SEED)")
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted run in --out")
    parser.add_argument("--config", type=Path, metavar="YAML", help="settings to start from")
    for name in SETTINGS:
        field = AltitudeEvolutionConfig.model_fields[name]
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="X", help=f"{field.description} ({field.default})")
    add_engine_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run, axis=axis, check=lambda args: check_engine_options(args, parser))


def read_config(args: argparse.Namespace, folder: Path) -> AltitudeEvolutionConfig:
    """Settings from the resumed run, or from --config and the options."""
    if args.resume:
        return AltitudeEvolutionConfig.load(folder / "config.yaml")
    values = AltitudeEvolutionConfig.load(args.config).model_dump() if args.config else {}
    values |= {"seed": args.seed, "axis": args.axis}
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
    words = [f"snn evolve {config.axis} --flights", Path(args.flights).name]
    changed = config.model_dump(exclude_defaults=True, exclude=OWN)
    words += [f"--{name.replace('_', '-')} {value}" for name, value in changed.items()]
    return " ".join([*words, f"--seed {config.seed}"])


class Material(NamedTuple):
    """What a run learns from, and what it is judged by."""

    lessons: Lessons
    held_out: list[Lesson]  # of a PD
    name: str  # of the flights held out
    digest: str  # of the training data


def material_of(flights: str, config: AltitudeEvolutionConfig) -> Material:
    """Lessons of recorded or simulated heights, or of simulated flights of another axis."""
    if config.axis == "altitude":
        heights, held_out, name, digest = read_heights(flights, config)
        references = [pd_lesson(held_out, config.dt_s, s) for s in range(HELD_OUT_REFERENCES)]
        return Material(lessons_of(heights, config), references, name, digest)
    lessons = axis_lessons(config.axis, config.seed, config.dt_s)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in lessons.arrays().values())).hexdigest()
    return Material(lessons, held_out_lessons(config.axis, config.dt_s), "simulated flights", digest)


def lessons_of(heights: list[np.ndarray], config: AltitudeEvolutionConfig) -> Lessons:
    """Training material from heights and from the simulated double integrator."""
    dt_s, first = config.dt_s, 1000 * config.seed
    pd = [pd_lesson(h, dt_s, first + r) for r in range(REFERENCES) for h in heights]
    return Lessons(pd, integral_lessons(dt_s, range(first, first + INTEGRAL_LESSONS)))


def run(args: argparse.Namespace) -> None:
    """Evolve, save the model, report."""
    args.check(args)
    folder = args.out or Path("runs") / f"{args.axis}-{args.seed}"
    config = read_config(args, folder)
    progress = Run(folder, config)
    progress.resume() if args.resume else progress.check()
    material = material_of(args.flights, config)
    lessons, digest = material.lessons, material.digest
    if args.resume and digest != config.data_digest:
        raise DataError(
            f"{args.flights}: not the recordings that {folder} was started on; give the same, or a new --out"
        )
    progress.config = config.model_copy(update={"data_digest": digest})
    with engine_of(args, altitude_spec(config, lessons)) as engine:
        evolution = AltitudeEvolution(config, lessons, engine)
        if not args.resume:
            progress.begin()
        follow(evolution, progress)
    networks = evolution.networks(progress)
    score = losses(networks["pd"], material.held_out, CONTROLS[config.axis].teacher)
    header = ModelHeader(
        kind="spiking_pid", axis=config.axis, dt_s=config.dt_s, seed=config.seed, data_digest=digest,
        networks=evolution.genome.structure,
        score={f"mimic_{name}": round(value, 4) for name, value in score.items()},
        command=command_of(args, config),
    )  # fmt: skip
    path = folder / MODEL
    save_model(path, header, networks)
    report(path, material.name, score, config, args.json)


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


def report(
    path: Path, held_out: str, score: dict[str, float], config: AltitudeEvolutionConfig, target: str | None
) -> None:
    """Print the losses on the held-out flight and the scores of a few flights."""
    rows: list[list[object]] = [[f"mimic loss on {held_out}: {name}", value] for name, value in score.items()]
    flights = altitude_flights(path, config.dt_s) if config.axis == "altitude" else random_flights(path, config)
    rows += [[f"{where}: {name}", value] for where, means in flights.items() for name, value in means.items()]
    emit({"model": str(path), "mimic": score, "flights": flights}, table(("evolved", ""), rows), target)
    if target != "-":
        print(f"model: {path}\ntune it: snn evolve tune --model {path}")


def altitude_flights(path: Path, dt_s: float) -> dict[str, dict[str, float]]:
    """Scores of the five steps, neutral and heavy."""
    means = {f"{b:+.2f} m/s2": fly(str(path), "tudelft_2023", "steps", b, 0, 1, dt_s).mean() for b in (0.0, -0.12)}
    return {where: {name: mean[name] for name in REPORTED} for where, mean in means.items()}


def random_flights(path: Path, config: AltitudeEvolutionConfig) -> dict[str, dict[str, float]]:
    """Scores in random worlds, of the networks and of their teacher."""
    domain = axis_domain_of(config.axis, HELD_OUT, 1, 4 * LANES, config.dt_s)
    pilots = {
        "networks": spiking_pair(load_model(path)[1]),
        "teacher": pid_gains([CONTROLS[config.axis].teacher], config.dt_s),
    }
    scores = {who: axis_tally(pilot, 1, domain, config.dt_s) for who, pilot in pilots.items()}
    return {who: {name: float(getattr(score, name).mean()) for name in REPORTED} for who, score in scores.items()}
