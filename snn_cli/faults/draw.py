"""Faults drawn at random, for pairs and for long flights."""

import numpy as np

from sim_worlds.faults.clocks import CLOCK_FAULTS
from sim_worlds.faults.commands import COMMAND_FAULTS
from sim_worlds.faults.readings import READING_FAULTS
from snn_cli.faults.flight import Injection

TARGET_FAULTS = ("nan", "inf", "huge", "negative", "off")
KINDS = tuple(
    [("reading", name) for name in READING_FAULTS]
    + [("snn", name) for name in COMMAND_FAULTS]
    + [("pid", name) for name in COMMAND_FAULTS]
    + [("target", name) for name in TARGET_FAULTS]
    + [("clock", name) for name in CLOCK_FAULTS]
    + [("thrust", "off")]
)


def draw_injection(generator: np.random.Generator, earliest_s: float, latest_s: float) -> Injection:
    """Any fault, somewhere in between, for at least half a second."""
    place, name = KINDS[int(generator.integers(len(KINDS)))]
    start_s = float(generator.uniform(earliest_s, latest_s - 0.5))
    return Injection(place, name, start_s, float(generator.uniform(start_s + 0.5, latest_s)))
