"""`snn evolve layers`: the four hidden layers of both networks, evolved with several seeds, as a resumable table."""

import argparse
import csv
import io
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from snn_cli.altitude_spec import altitude_spec
from snn_cli.arguments import count, seed
from snn_cli.evolve import follow, lessons_of, read_heights
from snn_cli.mimic import losses
from snn_cli.output import emit, table
from snn_control.altitude_config import AltitudeEvolutionConfig
from snn_control.altitude_evolution import AltitudeEvolution
from snn_control.altitude_problem import Lessons, PairGenome, mimic_losses
from snn_control.engines import LocalEngine
from snn_control.evolution import Run
from snn_control.integral_task import integral_lessons
from snn_control.mimicry import pd_lesson
from snn_control.pid import PidConfig
from snn_core.errors import DataError
from snn_core.files import write_atomically
from snn_core.metrics import mimic_loss
from snn_core.network_config import HiddenLayer

NETWORKS = ("pd", "integral")
HELD_OUT_LESSONS, HELD_OUT_SEED = 8, 900_000_000  # integral lessons that nobody trains on
REFERENCES = 5
RESULTS = "results.csv"


class Cell(NamedTuple):
    """One run of the sweep."""

    network: str
    hidden: str
    seed: int

    @property
    def name(self) -> str:
        """Its folder."""
        return f"{self.network}-{self.hidden}-{self.seed}"


class Result(NamedTuple):
    """A finished run: mimic loss (MAE + 1 - Pearson, command units) on what it was not trained on."""

    network: str
    hidden: str
    seed: int
    loss: float


class HeldOut(NamedTuple):
    """What the sweep is judged by."""

    lessons: Lessons
    trivial: dict[str, float]  # loss of what learns nothing: P only for the PD network, zero for the I network


def add_parser(evolve: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand of `snn evolve`."""
    parser = evolve.add_parser("layers", help="compare the four hidden layers of both networks over several seeds")
    parser.add_argument("--flights", required=True, metavar="FOLDER|CSV|sim", help="recordings, as for altitude")
    parser.add_argument("--seed", type=seed, default=1, help="first seed (default: %(default)s)")
    parser.add_argument("--seeds", type=count, default=3, metavar="N", help="seeds of each (default: %(default)s)")
    parser.add_argument("--descent-iterations", type=count, default=3000, metavar="X", help="of a PD network (3000)")
    parser.add_argument("--integral-generations", type=count, default=400, metavar="X", help="of an I network (400)")
    parser.add_argument("--out", type=Path, default=Path("runs/layers"), metavar="FOLDER", help="(%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def cells(first: int, seeds: int) -> Iterator[Cell]:
    """All runs, seed by seed, so that an unfinished table compares all layers."""
    for number in range(first, first + seeds):
        for network in NETWORKS:
            for hidden in get_args(HiddenLayer):
                yield Cell(network, hidden, number)


def run(args: argparse.Namespace) -> None:
    """Evolve what is missing in the table, cell by cell; interrupted, the same command goes on."""
    base = AltitudeEvolutionConfig(
        seed=args.seed, descent_iterations=args.descent_iterations, integral_generations=args.integral_generations
    )
    heights, held_out, held_out_name, digest = read_heights(args.flights, base)
    judge = held_out_lessons(held_out, base.dt_s)
    results = []
    train = lru_cache(1)(lambda number: lessons_of(heights, base.model_copy(update={"seed": number})))
    for cell in cells(args.seed, args.seeds):
        config = base.model_copy(
            update={"seed": cell.seed, f"{cell.network}_hidden": cell.hidden, "data_digest": digest}
        )
        progress = evolve_cell(args.out / cell.name, cell, config, train)
        results.append(Result(*cell, held_out_loss(cell, config, progress, judge)))
        write_results(args.out / RESULTS, results)
    rows = [summary(network, hidden, results) for network in NETWORKS for hidden in get_args(HiddenLayer)]
    rows += [[network, "(learns nothing)", judge.trivial[network]] for network in NETWORKS]
    text = table(("network", "hidden layer", "loss", "std", "best", "worst", "seeds"), [pad(row) for row in rows])
    result = {"held_out": held_out_name, "trivial": judge.trivial, "runs": [r._asdict() for r in results]}
    emit(result, text, args.json)


def held_out_lessons(height_m: np.ndarray, dt_s: float) -> HeldOut:
    """Lessons of the held-out flight, and integral lessons of other seeds."""
    pd = [pd_lesson(height_m, dt_s, s) for s in range(REFERENCES)]
    integral = integral_lessons(dt_s, [HELD_OUT_SEED + s for s in range(HELD_OUT_LESSONS)])
    teacher = PidConfig()
    p_only = [mimic_loss(np.clip(teacher.kp * x.error, -teacher.limit, teacher.limit), x.target) for x in pd]
    zero = [mimic_loss(np.zeros_like(x.target), x.target) for x in integral]
    return HeldOut(Lessons(pd, integral), {"pd": float(np.mean(p_only)), "integral": float(np.mean(zero))})


def evolve_cell(folder: Path, cell: Cell, config: AltitudeEvolutionConfig, train: Callable[[int], Lessons]) -> Run:
    """Go through one network's stage, or on with it."""
    progress = Run(folder, config)
    begun = (folder / "config.yaml").exists()
    if begun and AltitudeEvolutionConfig.load(folder / "config.yaml") != config:
        raise DataError(f"{folder}: begun with other settings or recordings; give the same, or a new --out")
    progress.resume() if begun else progress.begin()
    if cell.network not in progress.finished:
        lessons = train(cell.seed)
        with LocalEngine(altitude_spec(config, lessons)) as engine:
            follow(AltitudeEvolution(config, lessons, engine, (cell.network,)), progress)
    return progress


def held_out_loss(cell: Cell, config: AltitudeEvolutionConfig, progress: Run, judge: HeldOut) -> float:
    """Loss of a finished run's network."""
    genome = getattr(PairGenome(config), cell.network)
    params = genome.decode(progress.finished[cell.network][None])
    if cell.network == "pd":
        return losses(params, judge.lessons.pd, PidConfig())["model"]
    return float(mimic_losses(params, judge.lessons.integral)[0])


def write_results(path: Path, results: list[Result]) -> None:
    """The table so far, one line per run."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Result._fields)
    writer.writerows((*result[:3], f"{result.loss:.6g}") for result in results)
    write_atomically(path, text.getvalue().encode())


def summary(network: str, hidden: str, results: list[Result]) -> list[object]:
    """Mean and spread of one hidden layer over its seeds."""
    loss = np.array([r.loss for r in results if (r.network, r.hidden) == (network, hidden)])
    spread = float(loss.std(ddof=1)) if len(loss) > 1 else float("nan")
    return [network, hidden, float(loss.mean()), spread, float(loss.min()), float(loss.max()), len(loss)]


def pad(row: list[object]) -> list[object]:
    """A row with dashes up to the last column."""
    return row + [float("nan")] * (6 - len(row)) + [""] * (len(row) < 7)
