"""`snn evolve altitude`: from flight recordings to a pair of spiking networks that flies."""

import argparse
import hashlib
import signal
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from snn_cli.arguments import seed
from snn_cli.flights import flight_cost, fly, simulated_heights
from snn_cli.mimic import losses
from snn_cli.output import emit, table
from snn_control.altitude_evolution import AltitudeEvolution, AltitudeEvolutionConfig, Lessons, Progress
from snn_control.evolution import Run
from snn_control.integral_task import integral_lesson
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
    """Declare the subcommand."""
    evolve = commands.add_parser("evolve", help="evolve a spiking controller")
    parser = evolve.add_subparsers(required=True, metavar="altitude").add_parser(
        "altitude", help="evolve the PD and I networks that hold a blimp's altitude"
    )
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
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


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


def run(args: argparse.Namespace) -> None:
    """Evolve, save the model, report."""
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
    dt_s = config.dt_s
    pd = [pd_lesson(h, dt_s, 1000 * config.seed + r) for r in range(REFERENCES) for h in heights]
    integral = [integral_lesson(dt_s, 1000 * config.seed + s) for s in range(INTEGRAL_LESSONS)]
    evolution = AltitudeEvolution(config, Lessons(pd, integral), partial(flight_cost, dt_s=dt_s))
    if not args.resume:
        progress.begin()
    follow(evolution, progress)
    networks = evolution.networks(progress)
    reference = [pd_lesson(held_out, dt_s, s) for s in range(HELD_OUT_REFERENCES)]
    score = losses(networks["pd"], reference, PidConfig())
    header = ModelHeader(
        kind="spiking_pid", dt_s=dt_s, seed=config.seed, data_digest=digest,
        networks={"pd": evolution.pd.config, "integral": evolution.integral.config},
        score={f"mimic_{name}": round(value, 4) for name, value in score.items()},
        command=command_of(args, config),
    )  # fmt: skip
    path = folder / "best.safetensors"
    save_model(path, header, networks)
    report(path, held_out_name, score, dt_s, args.json)


class Bars:
    """One progress bar per stage, on a terminal only."""

    def __init__(self, steps: dict[str, int]) -> None:
        self.bars = {name: tqdm(total=n, desc=name, disable=None, unit="step") for name, n in steps.items()}

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *error: object) -> None:
        for bar in self.bars.values():
            bar.close()

    def show(self, now: Progress) -> None:
        """Move the stage's bar to where it is."""
        bar = self.bars[now.stage]
        bar.set_postfix_str(f"loss {now.loss:.3f}", refresh=False)
        bar.update(now.step - bar.n)


def follow(evolution: AltitudeEvolution, progress: Run) -> None:
    """Run all stages under a progress bar; Ctrl-C saves and stops after the step under way."""

    def stop(signum: int, frame: object) -> None:
        progress.stop = True

    previous = signal.signal(signal.SIGINT, stop)
    # BLAS threads fight the kernels' own: with two busy cores they made an update of 200 genes 100 times slower
    try:
        with threadpool_limits(1, user_api="blas"), Bars(evolution.stage_steps) as bars:
            for now in evolution.run(progress):
                bars.show(now)
    finally:
        signal.signal(signal.SIGINT, previous)


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
