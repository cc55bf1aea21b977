"""`snn fly`: fly a controller through a trial in a simulated world and score the flight, or sweep the world."""

import argparse
import sys
from functools import partial
from pathlib import Path

from sim_worlds.airship import AXES
from sim_worlds.axes import TASKS
from sim_worlds.blimp import WORLDS
from sim_worlds.rollout import Controller
from sim_worlds.trials import TRIALS, find_trial
from snn_cli.arguments import count, number, seed
from snn_cli.axis_report import fly_axis
from snn_cli.controllers import TEACHERS, controller_named
from snn_cli.flights import DT_S, FlightReport, fly
from snn_cli.output import emit, table
from snn_cli.sweep import Campaign, Pilot, sweep
from snn_cli.sweep_report import sweep_report

COLUMNS = (
    "rmse_m", "steady_state_error_m", "overshoot_up_m", "overshoot_down_m", "t90_s", "settling_s", "iae_m_s",
    "total_variation", "reversals_per_min", "saturation", "oscillation_m",
)  # fmt: skip
STEPS = "steps"
SWEEP_SEEDS = 3
SWEEP_ONLY = ("against", "plot")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("fly", help="fly a controller in a simulated world and score it")
    parser.add_argument(
        "--model", default="default", metavar="default|PATH|pid|pd", help="controller to fly; FILE.yaml = a PID"
    )
    parser.add_argument("--world", choices=WORLDS, help="fitted blimp (default: tudelft_2023)")
    parser.add_argument("--trial", choices=sorted(TRIALS), help="what to fly (default: steps)")
    parser.add_argument("--axis", choices=AXES, help="fly this axis of the airship with six degrees of freedom")
    parser.add_argument("--buoyancy", type=number, default=0.0, metavar="MPS2", help="negative = heavy (m/s^2)")
    parser.add_argument("--seed", type=seed, default=0, help="first seed of weather and sensor noise")
    parser.add_argument("--seeds", type=count, metavar="N", help="fly N seeds and report their mean (1; sweep: 3)")
    parser.add_argument("--sweep", action="store_true", help="robustness: vary the world, find the margins")
    parser.add_argument("--against", action="append", metavar="PATH|pid|pd", help="sweep: one more controller (pid)")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="sweep: write the figure")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=partial(run, parser))


def result_of(report: FlightReport, world: str, trial: str, buoyancy: float, seed: int) -> dict[str, object]:
    """The JSON result of a flight."""
    return {
        "controller": report.controller, "world": world, "trial": trial, "buoyancy_mps2": buoyancy, "seed": seed,
        "seeds": len(report.scores), "dt_s": DT_S, **report.mean(), "spikes_per_s": report.spikes_per_s,
        "synops_per_s": report.synops_per_s, "per_seed": [score._asdict() for score in report.scores],
    }  # fmt: skip


def run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Fly and report, one flight or a sweep."""
    if args.axis and (args.sweep or args.world or args.trial):
        parser.error("--axis has a world and a trial of its own: leave --world, --trial and --sweep out")
    args.world, args.trial = args.world or "tudelft_2023", args.trial or STEPS
    if args.sweep:
        fly_sweep(args)
        return
    misplaced = [f"--{name}" for name in SWEEP_ONLY if getattr(args, name) is not None]
    if misplaced:
        parser.error(f"{misplaced[0]} needs --sweep")
    fly_once(args)


def fly_once(args: argparse.Namespace) -> None:
    """Fly one controller and print its scores."""
    seeds = args.seeds or 1
    if args.axis:
        world, trial, unit = "airship", args.axis, TASKS[args.axis].unit
        report = fly_axis(args.model, args.axis, args.buoyancy, args.seed, seeds)
    else:
        world, trial, unit = args.world, args.trial, "m"
        report = fly(args.model, world, trial, args.buoyancy, args.seed, seeds)
    result = {**result_of(report, world, trial, args.buoyancy, args.seed), "unit": unit}
    rows = [[name, result[name]] for name in (*COLUMNS, "spikes_per_s", "synops_per_s")]
    note = "" if unit == "m" else f" · {unit} for m"
    emit(result, table((f"{report.controller} · {trial} · {args.buoyancy:+.2f} m/s2{note}", "mean"), rows), args.json)


def label(model: str) -> str:
    """What a sweep calls the controller of `--model` or `--against`."""
    if model in TEACHERS:
        return model
    return "snn" if model == "default" else model.removesuffix(".safetensors")


def pilot_named(model: str) -> Pilot:
    """A maker of controllers, found and compiled before anything flies."""

    def pilot(batch: int) -> Controller:
        return controller_named(model, DT_S, batch)[1]

    pilot(1)
    return pilot


def fly_sweep(args: argparse.Namespace) -> None:
    """Sweep the world under several controllers; print their robustness and draw it."""
    pilots = {label(model): pilot_named(model) for model in (args.model, *(args.against or ["pid"]))}
    seeds = tuple(range(args.seed, args.seed + (args.seeds or SWEEP_SEEDS)))
    setpoint = find_trial(args.trial).setpoint_series(DT_S)
    campaign = Campaign(args.world, setpoint, DT_S, seeds, {"buoyancy": args.buoyancy})
    result = sweep(pilots, campaign)
    facts = {
        "world": args.world,
        "trial": args.trial,
        "buoyancy_mps2": args.buoyancy,
        "seeds": list(seeds),
        "dt_s": DT_S,
    }
    emit({**facts, **result}, sweep_report(result, campaign), args.json)
    if args.plot:
        from snn_cli.sweep_plot import save_sweep_figure  # matplotlib takes a second that other flights need not wait

        title = f"{args.world} · {args.trial} · {args.buoyancy:+.2f} m/s² · {len(seeds)} seeds"
        save_sweep_figure(args.plot, result, title)
        print(f"written: {args.plot}", file=sys.stderr)
