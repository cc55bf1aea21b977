"""`snn events`: recordings of event cameras: what they hold, other formats, pictures, motion, classes, simulation."""

import argparse

from snn_cli import events_classify, events_convert, events_info, events_motion, events_simulate, events_view

ACTIONS = (events_info, events_convert, events_view, events_motion, events_classify, events_simulate)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    events = commands.add_parser("events", help="read recordings of event cameras, and see motion in them")
    actions = events.add_subparsers(required=True, metavar="info|convert|view|motion|classify|simulate")
    for action in ACTIONS:
        action.add_parser(actions)
