"""`snn places`: learn the places of a traverse, recognise them in another, and say how well that goes."""

import argparse

from snn_cli import places_calibrate, places_edit, places_evaluate, places_match, places_train

ACTIONS = (places_train, places_match, places_evaluate, places_calibrate, places_edit)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    places = commands.add_parser("places", help="recognise places in images")
    actions = places.add_subparsers(required=True, metavar="train|match|evaluate|calibrate|merge|remove")
    for action in ACTIONS:
        action.add_parser(actions)
