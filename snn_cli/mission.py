"""`snn mission`: fly missions in simulated worlds and score them."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sim_worlds.scene_config import load_condition
from snn_cli.arguments import count, seed
from snn_cli.bag import BagWriter
from snn_cli.mission_launch import add_launch
from snn_cli.missions.avoid_mission import avoid
from snn_cli.missions.hover_missions import hold, profile
from snn_cli.missions.mission_config import AnyMission, load_mission, mission_names
from snn_cli.missions.recorder import recording
from snn_cli.missions.route_mission import Mutants, route
from snn_cli.missions.watch import Watch, together
from snn_cli.output import emit, table
from snn_core.errors import ConfigError

COLUMNS = ("success", "cross_track_error_m", "near_misses", "place_recall", "sensing_duty", "energy_estimate_j")
BROKEN = ("frozen_places", "silent_motion")
FLY: dict[str, Callable[..., dict[str, Any]]] = {"route": route, "hold": hold, "profile": profile, "avoid": avoid}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    group = commands.add_parser("mission", help="fly missions in simulated worlds")
    ways = group.add_subparsers(required=True, metavar="list|run|report|launch")
    listing = ways.add_parser("list", help="what missions there are")
    listing.set_defaults(run=run_list)
    add_report(ways)
    add_launch(ways)
    parser = ways.add_parser("run", help="fly a mission, or all of them")
    parser.add_argument("mission", nargs="?", help="name of a mission, or a .yaml file")
    parser.add_argument("--all", action="store_true", help="every shipped mission")
    parser.add_argument("--seed", type=seed, default=1, help="first seed of weather, sensors and what moves (1)")
    parser.add_argument("--seeds", type=count, default=1, metavar="N", help="fly N seeds (1)")
    parser.add_argument(
        "--break", dest="broken", choices=BROKEN, help="break a sense on purpose, to see that it matters"
    )
    parser.add_argument(
        "--fixed-rates", action="store_true", help="sense at fixed rates, not as the coordinator asks, to compare"
    )
    parser.add_argument("--bag", type=Path, metavar="FOLDER", help="record a bag; of several missions one each in it")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def add_report(ways: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare `snn mission report`."""
    parser = ways.add_parser("report", help="fly a mission; write a film, a page and a bag of it")
    add_flight(parser)
    parser.add_argument("--out", type=Path, default=Path("out/mission"), metavar="FOLDER", help="where it all goes")
    parser.set_defaults(run=run_report)


def add_flight(parser: argparse.ArgumentParser) -> None:
    """Arguments of one mission that is looked at."""
    parser.add_argument("mission", help="name of a mission, or a .yaml file")
    parser.add_argument("--condition", metavar="NAME", help="fly it in this condition (the mission's first)")
    parser.add_argument("--seed", type=seed, default=1, help="seed of weather, sensors and what moves (1)")


def chosen_mission(args: argparse.Namespace) -> AnyMission:
    """The mission of `add_flight`, in one condition."""
    mission = load_mission(args.mission)
    conditions = mission.repeat_in if mission.kind == "route" else []
    condition = args.condition or [*conditions, mission.condition][0]
    load_condition(condition)
    changes: dict[str, Any] = {"condition": condition, **({"repeat_in": []} if mission.kind == "route" else {})}
    return mission.model_copy(update=changes)


def run_report(args: argparse.Namespace) -> None:
    """Fly and write what there is to look at."""
    from snn_cli.missions.album import Album
    from snn_cli.missions.mission_film import write_film  # matplotlib takes a second
    from snn_cli.missions.mission_page import write_page

    mission = chosen_mission(args)
    album = Album()
    with BagWriter(args.out / "bag") as bag, recording(bag.record) as recorder:
        result = fly(mission, args.seed, None, together(recorder, album))
    result = result.get("flights", [result])[0]
    write_film(args.out / "film.gif", album, mission)
    write_page(args.out / "report.html", album, mission, result)
    rows = [[key, _shown(result[key])] for key in (*COLUMNS, "duration_s")]
    print(table((f"{mission.name} in {mission.condition}", "value"), rows))
    print(f"report: {args.out / 'report.html'}\nfilm:   {args.out / 'film.gif'}\nbag:    {args.out / 'bag'}")


def run_list(args: argparse.Namespace) -> None:
    """Print the missions."""
    print(table(("mission", "scene", "what"), [[m.name, m.scene, m.about] for m in map(load_mission, mission_names())]))


def fly(mission: AnyMission, number: int, broken: str | None = None, watch: Watch | None = None) -> dict[str, Any]:
    """Fly one mission with one seed."""
    if mission.kind == "route":
        return route(mission, number, Mutants(broken == "frozen_places", broken == "silent_motion"), watch)
    if mission.kind == "hold":
        return hold(mission, number, watch, silent_motion=broken == "silent_motion")
    return FLY[mission.kind](mission, number, watch)


def _fly_and_record(mission: AnyMission, number: int, broken: str | None, bag: Path | None) -> dict[str, Any]:
    if bag is None:
        return fly(mission, number, broken)
    with BagWriter(bag) as writer, recording(writer.record) as recorder:
        return fly(mission, number, broken, recorder)


def at_fixed_rates(mission: AnyMission) -> AnyMission:
    """The same mission, sensing at nominal rates all the time."""
    return mission.model_copy(update={"pilot": mission.pilot.model_copy(update={"adapt": False})})


def sensed(result: dict[str, Any]) -> str:
    """How much was sensed, beside the fixed rates, as a line."""
    each = ", ".join(f"{name} {duty:.2f}" for name, duty in result["sensing"].items())
    duty = f"sensing {result['sensing_duty']:.2f} of what fixed rates sense, weighted by power"
    return f"{result['mission']}, seed {result['seed']}: {duty} ({each})"


def run(args: argparse.Namespace) -> None:
    """Fly and report."""
    if args.all == (args.mission is not None):
        raise ConfigError("expected the name of a mission or --all; 'snn mission list' names them")
    names = mission_names() if args.all else [args.mission]
    missions = [at_fixed_rates(mission) if args.fixed_rates else mission for mission in map(load_mission, names)]
    jobs = [(mission, args.seed + k) for mission in missions for k in range(args.seeds)]
    results = []
    for mission, number in tqdm(jobs, desc="flying", unit="mission", disable=None):
        bag = args.bag / f"{mission.name}_{number}" if args.bag is not None and len(jobs) > 1 else args.bag
        results.append(_fly_and_record(mission, number, args.broken, bag))
    rows = [[f"{r['mission']}, seed {r['seed']}", *[_shown(r[key]) for key in COLUMNS]] for r in results]
    text = "\n".join([table(("mission", *COLUMNS), rows), "", *map(sensed, results)])
    emit(results[0] if len(results) == 1 else results, text, args.json)
    if args.json is None and not all(r["success"] for r in results):
        print("not every mission succeeded", file=sys.stderr)


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return float("nan") if value is None else value
