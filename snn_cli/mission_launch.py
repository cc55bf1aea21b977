"""`snn mission launch`: a route mission flown by the nodes of a robot, over DDS, in lock step, inside this process."""

import argparse
from typing import Any

from snn_cli.arguments import seed
from snn_cli.output import emit, table
from snn_core.errors import SnnError

COLUMNS = (
    "success", "cross_track_error_m", "largest_cross_track_m", "end_error_m", "place_recall", "near_misses",
    "duration_s",
)  # fmt: skip


def add_launch(ways: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare `snn mission launch`."""
    parser = ways.add_parser("launch", help="fly a route mission through ROS 2: every node of the robot and its world")
    parser.add_argument("mission", help="name of a route mission, or a .yaml file")
    parser.add_argument("--condition", default="", metavar="NAME", help="repeat it in this condition (the mission's)")
    parser.add_argument(
        "--to-m", type=float, default=0.0, metavar="M", help="end here on the scene's route (the mission's)"
    )
    parser.add_argument("--seed", type=seed, default=1, help="seed of weather, sensors and what has been moved (1)")
    parser.add_argument("--networks", action="store_true", help="spiking networks for heading and speed too, not PIDs")
    parser.add_argument("--coordinator", action="store_true", help="fly under the coordinator, with event_motion")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def launch(values: dict[str, Any]) -> dict[str, Any]:
    """Fly with these parameters of `mission_bringup`; the result of the director, with the speed of simulated time.

    Raises:
        SnnError: ROS 2 is not here, the mission is wrong, or it could not be flown.
    """
    try:
        from snn_cli.nodes.mission_bringup import MissionBringupConfig
        from snn_cli.nodes.mission_flight import MissionFlight
    except ImportError as error:
        raise SnnError(
            f"ROS 2 is not here ({error}); source your ROS 2 or install requirements/ros.txt. "
            "`snn mission run` flies without ROS"
        ) from None
    config = MissionBringupConfig.check({**values, "real_time_factor": 0.0}, "mission")
    with MissionFlight(config) as flight:
        return flight.fly()


def run(args: argparse.Namespace) -> None:
    """Fly and report."""
    values = {
        "mission": args.mission, "repeat_in": args.condition, "to_m": args.to_m, "seed": args.seed,
        "networks": args.networks, "coordinator": args.coordinator, "motion": args.coordinator,
    }  # fmt: skip
    result = launch(values)
    rows = [[f["condition"], *[_shown(f[key]) for key in COLUMNS]] for f in result["flights"]]
    text = table((f"{result['mission']}, seed {result['seed']}", *COLUMNS), rows)
    speed = f"{result['flown_s']:.0f} s of flight through ROS 2 at {result['real_time_factor']:.2f} times real time"
    emit(result, f"{text}\n\n{speed}", args.json)


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return float("nan") if value is None else value
