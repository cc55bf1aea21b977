"""`snn demo`: the spiking controller and its teacher fly a simulated blimp through the real ROS 2 graph."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from snn_cli.arguments import seed
from snn_cli.flights import DT_S
from snn_cli.output import emit, table
from snn_control.spiking_pid import model_path
from snn_core.errors import SnnError
from snn_core.metrics import flight_score
from snn_core.model_files import read_header

if TYPE_CHECKING:
    from snn_cli.plots import Track

WORLD, TRIAL = "tudelft_2023", "steps"
BUOYANCY_MPS2 = {"neutral": 0.0, "heavy (-0.12 m/s2)": -0.12}
CONTROLLERS = ("snn", "pid")
COLUMNS = ("rmse_m", "steady_state_error_m", "overshoot_up_m", "overshoot_down_m", "t90_s", "settling_s",
           "oscillation_m", "total_variation")  # fmt: skip


class Flown(NamedTuple):
    """One flight of the demo."""

    controller: str
    condition: str
    record: Any  # snn_cli.nodes.simulation.FlightRecord
    spikes: NDArray[np.bool_] | None  # (time, neuron)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("demo", help="fly the shipped model and the PID through ROS 2, and write a report")
    parser.add_argument("--model", default="default", metavar="default|PATH", help="model to fly")
    parser.add_argument(
        "--coordinator", action="store_true", help="fly under the coordinator: adaptive sensing, events"
    )
    parser.add_argument("--seed", type=seed, default=0, help="seed of weather and sensor noise")
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="FOLDER", help="where report and bags go")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def fly_through_ros(
    controller: str, condition: str, model: str, seed: int, bag: Path, coordinator: bool = False
) -> Flown:
    """One flight over DDS in lock step, recorded to a bag."""
    try:
        from snn_cli.nodes.simulation import SimulationGraph
    except ImportError as error:
        raise SnnError(
            f"ROS 2 is not here ({error}); source your ROS 2 or install requirements/ros.txt. "
            "`snn fly` flies without ROS"
        ) from None
    from snn_cli.bag import BagWriter

    spikes: list[NDArray[np.bool_]] = []
    with BagWriter(bag) as writer, SimulationGraph(
        world=WORLD, trial=TRIAL, buoyancy=BUOYANCY_MPS2[condition], seed=seed, controller=controller, model=model,
        coordinator=coordinator, record=writer.record,
        on_step=lambda step: spikes.append(graph.spikes()) if controller == "snn" else None,
    ) as graph:  # fmt: skip
        record = graph.fly()
    raster = np.array(spikes[: len(record.time_s)]) if spikes else None
    return Flown(controller, condition, record, raster)


def bag_of(out: Path, condition: str, controller: str) -> Path:
    """Where the bag of one flight goes."""
    return out / f"{condition.split()[0]}_{controller}"


def scores(flown: Flown) -> dict[str, Any]:
    """The row of one flight."""
    score = flight_score(flown.record.setpoint_m, flown.record.height_m, flown.record.command, DT_S)
    return {"controller": flown.controller, "condition": flown.condition, **score._asdict()}


def track_of(flown: Flown) -> "Track":
    """A flight as the plots want it."""
    from snn_cli.plots import Track

    record = flown.record
    return Track(flown.controller, record.time_s, record.setpoint_m, record.height_m, record.command, flown.spikes)


def write(flights: list[Flown], rows: list[list[Any]], args: argparse.Namespace) -> Path:
    """Write the report page."""
    from snn_cli.plots import flight_figure
    from snn_cli.report import write_report

    figures = []
    for condition in BUOYANCY_MPS2:
        tracks = [track_of(flown) for flown in flights if flown.condition == condition]
        figures.append(flight_figure(f"{condition}: five steps of 70 s", tracks))
    header = read_header(model_path(args.model))
    facts = {
        "model": f"{model_path(args.model).name}, evolved by `{header.command}` (seed {header.seed})",
        "training data": f"SHA-256 {header.data_digest}",
        "world": f"{WORLD}, weather seed {args.seed}",
        "bags": "rosbag2 with MCAP storage beside this page; open them in Foxglove",
    }
    path: Path = args.out / "report.html"
    write_report(path, ("flight", *COLUMNS), rows, figures, facts)
    return path


def run(args: argparse.Namespace) -> None:
    """Fly four times, print the table, write report and bags."""
    begin = time.perf_counter()
    flights = []
    cases = [(condition, controller) for condition in BUOYANCY_MPS2 for controller in CONTROLLERS]
    for condition, controller in tqdm(cases, desc="flying", unit="flight", disable=None):
        bag = bag_of(args.out, condition, controller)
        flights.append(fly_through_ros(controller, condition, args.model, args.seed, bag, args.coordinator))
    results = [scores(flown) for flown in flights]
    rows = [[f"{r['controller'].upper()}, {r['condition']}", *[r[c] for c in COLUMNS]] for r in results]
    report = write(flights, rows, args)
    simulated, seconds = sum(len(f.record.time_s) for f in flights) * DT_S, time.perf_counter() - begin
    lines = [table(("flight", *COLUMNS), rows), "", f"{simulated:.0f} s of flight through ROS 2 in {seconds:.0f} s"]
    lines += [f"report: {report}", *(f"bag:    {bag_of(args.out, *case)}" for case in cases)]
    emit(results, "\n".join(lines), args.json)
