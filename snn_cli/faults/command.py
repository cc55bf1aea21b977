"""`snn faults`: inject faults into a flying robot, and check that it stays safe, says so, and recovers."""

import argparse

from snn_cli.faults import fuzz, listing, pairs, run, soak

ACTIONS = (listing, run, pairs, fuzz, soak)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    faults = commands.add_parser("faults", help="inject faults into a flying robot and check what it does")
    actions = faults.add_subparsers(required=True, metavar="list|run|pairs|fuzz|soak")
    for action in ACTIONS:
        action.add_parser(actions)
