"""The `snn` command. Exit status: 0 done, 1 it failed (one line on standard error), 2 wrong usage."""

import argparse
import sys

from snn_cli import (
    bench,
    demo,
    events,
    evolve,
    explain,
    fly,
    layers,
    mimic,
    mission,
    places,
    runs,
    train,
    tune,
    view,
    world,
)  # fmt: skip
from snn_cli.faults import command as faults
from snn_core.errors import SnnError
from snn_core.version import VERSION

COMMANDS = (demo, fly, mimic, runs, places, events, train, explain, world, mission, view, faults, bench)
EVOLVE = (evolve, tune, layers)  # subcommands of `snn evolve`


def parser() -> argparse.ArgumentParser:
    """The command line of all subcommands."""
    root = argparse.ArgumentParser(prog="snn", description="Spiking neural networks that fly, see and decide.")
    root.add_argument("--version", action="version", version=f"snn_robotics {VERSION}")
    commands = root.add_subparsers(required=True, metavar="command")
    for command in COMMANDS:
        command.add_parser(commands)
    group = commands.add_parser("evolve", help="evolve a spiking controller, tune it, compare hidden layers")
    ways = group.add_subparsers(required=True, metavar="altitude|heading|speed|tune|layers")
    for command in EVOLVE:
        command.add_parser(ways)
    return root


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    root = parser()
    args = root.parse_args(arguments)
    try:
        args.run(args)
    except SnnError as error:
        print(f"snn: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        print("snn: interrupted", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
