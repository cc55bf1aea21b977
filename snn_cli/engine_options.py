"""Options that say where costs are computed. They change no result, so no run's settings hold them."""

import argparse

from snn_cli.arguments import count
from snn_control.engines import Engine, LocalEngine, ProcessEngine
from snn_control.problems import ProblemSpec
from snn_core.errors import SnnError

ENGINES = ("local", "processes", "ray")


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Declare --engine, --workers and --ray-address."""
    group = parser.add_argument_group("engine", "where costs are computed; the results do not depend on it")
    group.add_argument("--engine", choices=ENGINES, default="local", help="threads, processes or Ray (default: local)")
    group.add_argument("--workers", type=count, metavar="N", help="threads or workers (default: one per core)")
    group.add_argument("--ray-address", metavar="HOST:PORT", help="running Ray cluster (default: a local one)")


def check_engine_options(args: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Refuse options that contradict each other: wrong usage."""
    if args.ray_address and args.engine != "ray":
        parser.error("--ray-address needs --engine ray")
    if args.ray_address and args.workers:
        parser.error("--workers is for a local cluster; the one at --ray-address has its own")


def engine_of(args: argparse.Namespace, spec: ProblemSpec) -> Engine:
    """The engine that the options ask for; a context manager."""
    if args.engine == "local":
        return LocalEngine(spec, args.workers)
    if args.engine == "processes":
        return ProcessEngine(spec, args.workers)
    try:
        from snn_control.ray_engine import RayEngine
    except ImportError as error:
        raise SnnError(
            f"--engine ray: Ray is not here ({error}); install requirements/ray.txt or snn_robotics[ray]"
        ) from None
    return RayEngine(spec, args.workers, args.ray_address)
