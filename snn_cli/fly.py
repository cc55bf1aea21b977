"""`snn fly`: fly a controller through a trial in a simulated world and score the flight."""

import argparse

from sim_worlds.blimp import WORLDS
from sim_worlds.trials import TRIALS
from snn_cli.arguments import count, number, seed
from snn_cli.flights import DT_S, FlightReport, fly
from snn_cli.output import emit, table

COLUMNS = (
    "rmse_m", "steady_state_error_m", "overshoot_up_m", "overshoot_down_m", "t90_s", "settling_s", "iae_m_s",
    "total_variation", "reversals_per_min", "saturation", "oscillation_m",
)  # fmt: skip


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("fly", help="fly a controller in a simulated world and score it")
    parser.add_argument("--model", default="default", metavar="default|PATH|pid|pd", help="controller to fly")
    parser.add_argument("--world", default="tudelft_2023", choices=WORLDS, help="fitted blimp (default: %(default)s)")
    parser.add_argument("--trial", default="steps", choices=sorted(TRIALS), help="what to fly (default: %(default)s)")
    parser.add_argument("--buoyancy", type=number, default=0.0, metavar="MPS2", help="negative = heavy (m/s^2)")
    parser.add_argument("--seed", type=seed, default=0, help="first seed of weather and sensor noise")
    parser.add_argument("--seeds", type=count, default=1, metavar="N", help="fly N seeds and report their mean")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def result_of(report: FlightReport, world: str, trial: str, buoyancy: float, seed: int) -> dict[str, object]:
    """The JSON result of a flight."""
    return {
        "controller": report.controller, "world": world, "trial": trial, "buoyancy_mps2": buoyancy, "seed": seed,
        "seeds": len(report.scores), "dt_s": DT_S, **report.mean(), "spikes_per_s": report.spikes_per_s,
        "synops_per_s": report.synops_per_s, "per_seed": [score._asdict() for score in report.scores],
    }  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Fly and report."""
    report = fly(args.model, args.world, args.trial, args.buoyancy, args.seed, args.seeds)
    result = result_of(report, args.world, args.trial, args.buoyancy, args.seed)
    rows = [[name, result[name]] for name in (*COLUMNS, "spikes_per_s", "synops_per_s")]
    emit(result, table((f"{report.controller} · {args.trial} · {args.buoyancy:+.2f} m/s2", "mean"), rows), args.json)
