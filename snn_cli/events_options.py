"""Options and reading that the events commands share."""

import argparse
import re

from snn_cli.arguments import number, whole
from snn_perception.events.batch import EventBatch
from snn_perception.events.filters import FilterConfig, filter_events
from snn_perception.events.sources import KINDS, read_events


def add_source(parser: argparse.ArgumentParser) -> None:
    """The recording, and how it is read."""
    parser.add_argument("file", metavar="FILE", help=KINDS)
    parser.add_argument("--size", type=size, default=None, metavar="WxH", help="sensor size, where the file is silent")
    group = parser.add_argument_group("filters (0 = off)")
    group.add_argument("--hot-factor", type=number, default=0.0, help="mask pixels so many times busier than busy ones")
    group.add_argument("--refractory-us", type=whole, default=0, help="silence of a pixel after an event")
    group.add_argument("--background-us", type=whole, default=0, help="an event without so young a neighbour is noise")
    group.add_argument("--flicker-share", type=number, default=0.0, help="mask pixels that mostly flicker with lamps")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")


def read_source(args: argparse.Namespace) -> EventBatch:
    """The recording that the options name, filtered."""
    values = {name: getattr(args, name) for name in FilterConfig.model_fields}
    return filter_events(read_events(args.file, args.size), FilterConfig.check(values, "options"))


def size(text: str) -> tuple[int, int]:
    """A sensor size as `640x480`."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT, as 640x480, got '{text}'")
    return int(found[1]), int(found[2])
