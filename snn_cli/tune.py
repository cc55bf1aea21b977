"""`snn evolve tune`: fine-tune a model in closed loop, and a PID and a PD with the same budget beside it."""

import argparse
import csv
import hashlib
import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from sim_worlds.fused_rollout import Tally
from snn_cli.arguments import count, seed
from snn_cli.engine_options import add_engine_options, check_engine_options, engine_of
from snn_cli.evolve import follow
from snn_cli.fine_tune_spec import TEST, VALIDATION, contenders_of, domain_of, fine_tune_spec, tally
from snn_cli.front_plot import front_figure
from snn_cli.output import emit, table
from snn_control.contenders import Contender, PairContender, PidContender
from snn_control.evolution import Run
from snn_control.fine_tuning import OBJECTIVES, FineTuneConfig, FineTuning, most_accurate, objectives
from snn_control.spiking_pid import MIMIC_MODEL, model_path
from snn_core.errors import DataError, ModelError
from snn_core.files import write_atomically
from snn_core.model_files import ModelHeader, load_model, save_model
from snn_core.network import NetworkParams

Array = NDArray[np.float64]
JUDGES = 256  # worlds of validation, and of the test
COLUMNS = (
    "rmse_m", "steady_state_error_m", "overshoot_m", "oscillation_m", "t90_s", "variation_per_step", "spikes_per_step",
)  # fmt: skip
OWN = {"seed", "axis", "dt_s", "model_digest"}  # fields with an option of their own, or none
SETTINGS = tuple(name for name in FineTuneConfig.model_fields if name not in OWN)


class Start(NamedTuple):
    """The model that a run begins with."""

    path: Path
    digest: str  # SHA-256 of the file
    header: ModelHeader
    networks: dict[str, NetworkParams]
    contenders: dict[str, Contender]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand of `snn evolve`."""
    parser = commands.add_parser(
        "tune", help="fine-tune a model in randomised closed loop, beside an equally tuned PID"
    )
    parser.add_argument("--model", default="default", metavar="default|PATH", help="start (default: the shipped mimic)")
    parser.add_argument("--seed", type=seed, default=1, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="run folder (default: runs/tune-SEED)")
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted run in --out")
    parser.add_argument("--export", type=count, metavar="N", help="only save point N of the front of the run in --out")
    for name in SETTINGS:
        field = FineTuneConfig.model_fields[name]
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="X", help=f"{field.description} ({field.default})")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    add_engine_options(parser)
    parser.set_defaults(run=run, check=lambda args: check_engine_options(args, parser))


def read_start(path: Path) -> Start:
    """A model with both networks, and its competitors."""
    header, networks = load_model(path)
    if set(networks) != {"pd", "integral"}:
        raise ModelError(f"{path}: expected networks pd and integral, found {', '.join(networks)}; evolve a pair first")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Start(path, digest, header, networks, contenders_of(header.dt_s, header.networks, networks, header.axis))


def read_config(args: argparse.Namespace, folder: Path, start: Start) -> FineTuneConfig:
    """Settings of the resumed run, or of the options."""
    if args.resume or args.export:
        return FineTuneConfig.load(folder / "config.yaml")
    values = {"seed": args.seed, "axis": start.header.axis, "dt_s": start.header.dt_s, "model_digest": start.digest}
    given = {name: getattr(args, name) for name in SETTINGS if getattr(args, name) is not None}
    return FineTuneConfig.check({**values, **given}, "options")


def run(args: argparse.Namespace) -> None:
    """Tune, choose on validation worlds, report on others."""
    args.check(args)
    folder = args.out or Path("runs") / f"tune-{args.seed}"
    start = read_start(model_path(args.model, MIMIC_MODEL))
    config = read_config(args, folder, start)
    if start.digest != config.model_digest:
        raise DataError(f"{start.path}: not the model that {folder} was started on; give the same --model")
    progress = Run(folder, config)
    progress.resume() if args.resume or args.export else progress.begin()
    with engine_of(args, fine_tune_spec(config, start.header.networks, start.networks)) as engine:
        tuning = FineTuning(config, start.contenders, engine.evaluate)
        if args.export:
            export(args.export, folder, tuning, progress, start, config)
            return
        follow(tuning, progress)
    conclude(folder, tuning, progress, start, config, args.json)


def save_pair(path: Path, genes: Array, start: Start, config: FineTuneConfig, score: dict[str, float]) -> None:
    """One pair of a front as a model file."""
    pair = start.contenders["snn"]
    assert isinstance(pair, PairContender)  # noqa: S101 - for the type checker
    changed = config.model_dump(exclude_defaults=True, exclude=OWN)
    settings = "".join(f" --{name.replace('_', '-')} {value}" for name, value in changed.items())
    command = f"snn evolve tune --model {start.path.name}{settings} --seed {config.seed}"
    header = start.header.model_copy(update={"score": score, "seed": config.seed, "command": command})
    save_model(path, header, pair.networks(genes[None]))


def export(number: int, folder: Path, tuning: FineTuning, progress: Run, start: Start, config: FineTuneConfig) -> None:
    """Save point `number` (from 1) of the networks' front."""
    if "snn front" not in progress.finished:
        raise DataError(f"{folder}: the front is not finished; go on with --resume --out {folder}")
    front = tuning.front(progress, "snn")
    if number > len(front):
        raise DataError(f"{folder}: expected a point from 1 to {len(front)}, got {number}; front.csv lists them")
    path = folder / f"point-{number}.safetensors"
    save_pair(path, front[number - 1], start, config, {})
    print(f"model: {path}\nfly it: snn fly --model {path}")


def columns_of(scores: Tally, steps: int) -> dict[str, float]:
    """Means over the worlds of one individual's scores."""
    values = {name: float(np.mean(getattr(scores, name))) for name in Tally._fields if name != "total_variation"}
    return {**values, "variation_per_step": float(np.mean(scores.total_variation)) / steps}


def conclude(
    folder: Path, tuning: FineTuning, progress: Run, start: Start, config: FineTuneConfig, target: str | None
) -> None:
    """Choose one point of each front on validation worlds, fly them in test worlds, save and print everything."""
    validation = domain_of(VALIDATION, 0, JUDGES, config.dt_s, config.axis)
    fronts = {name: tuning.front(progress, name) for name in start.contenders}
    costs = {}
    for name, genes in fronts.items():
        scores = tally(start.contenders[name].pilot(genes), len(genes), validation, config.dt_s)
        costs[name] = objectives(scores, len(validation.weather))
    pid = most_accurate(costs["pid"])
    chosen = {"snn": most_accurate(costs["snn"], pid.objectives[1]), "pid": pid, "pd": most_accurate(costs["pd"])}
    best = {name: fronts[name][point.row] for name, point in chosen.items()}
    rows = compare(start, best, fronts["pid"], config)
    score = {name: round(rows["snn, tuned"][name], 4) for name in COLUMNS}
    save_pair(folder / "best.safetensors", best["snn"], start, config, score)
    _write(folder, start, costs, best)
    ratios = {name: rows["snn, tuned"][name] / rows["pid, tuned"][name] for name in COLUMNS[:-1]}
    text = table(
        (f"on worlds not trained on, {config.axis}", *COLUMNS),
        [[name, *(row[c] for c in COLUMNS)] for name, row in rows.items()],
    )
    ratio_text = table(("networks / PID", *ratios), [["", *ratios.values()]])
    result = {
        "axis": config.axis,
        "model": str(folder / "best.safetensors"),
        "test": rows,
        "snn_to_pid": ratios,
        "worlds": JUDGES,
    }
    emit(result, f"{text}\n\n{ratio_text}", target)
    if target != "-":
        print(f"front: {folder / 'front.csv'}, {folder / 'front.png'}\nmodel: {folder / 'best.safetensors'}")


def compare(start: Start, chosen: dict[str, Array], pids: Array, config: FineTuneConfig) -> dict[str, dict[str, float]]:
    """Scores in the test worlds: where each contender began, where it came to, and what hindsight would give a PID."""
    test = domain_of(TEST, 0, JUDGES, config.dt_s, config.axis)
    steps, rows = len(test.weather), {}
    for name, contender in start.contenders.items():
        for label, genes in (("start", contender.start), ("tuned", chosen[name])):
            scores = tally(contender.pilot(genes[None]), 1, test, config.dt_s)
            rows[f"{name}, {label}"] = columns_of(scores, steps)
    many = tally(start.contenders["pid"].pilot(pids), len(pids), test, config.dt_s)
    best = (many.rmse_m + many.steady_state_error_m).argmin(axis=0)
    hindsight = Tally(*(field[best, np.arange(JUDGES)] for field in many))
    rows["pid, best of its front for each world"] = columns_of(hindsight, steps)
    return rows


def _write(folder: Path, start: Start, costs: dict[str, Array], genes: dict[str, Array]) -> None:
    """front.csv, front.png and the tuned PID's settings."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["contender", "point", *OBJECTIVES])
    for name, rows in costs.items():
        writer.writerows([name, point, *(f"{x:.6g}" for x in row)] for point, row in enumerate(rows, start=1))
    write_atomically(folder / "front.csv", text.getvalue().encode())
    buffer = io.BytesIO()
    front_figure(costs).savefig(buffer, format="png", dpi=110)
    write_atomically(folder / "front.png", buffer.getvalue())
    pid = start.contenders["pid"]
    assert isinstance(pid, PidContender)  # noqa: S101 - for the type checker
    settings: dict[str, Any] = pid.config(genes["pid"]).model_dump(mode="json")
    write_atomically(folder / "pid.yaml", yaml.safe_dump(settings, sort_keys=False).encode())
