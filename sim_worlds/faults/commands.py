"""Faults of a controller, seen from outside: what it sends instead of its command."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from snn_core.errors import ConfigError
from snn_core.signals import Command

CommandFault = Callable[[Command], list[Command]]
"""What the controller computed -> what it sends."""


def healthy_command(command: Command) -> list[Command]:
    """The command as it was computed."""
    return [command]


def _value(value: float) -> Callable[[np.random.Generator], CommandFault]:
    return lambda generator: lambda command: [replace(command, value=value)]


def _stuck(generator: np.random.Generator) -> CommandFault:
    first: list[float] = []

    def fault(command: Command) -> list[Command]:
        first.append(command.value)
        return [replace(command, value=first[0])]

    return fault


COMMAND_FAULTS: dict[str, Callable[[np.random.Generator], CommandFault]] = {
    "off": lambda generator: lambda command: [],
    "stuck": _stuck,
    "garbage": lambda generator: lambda command: [replace(command, value=float(generator.uniform(-1e3, 1e3)))],
    "nan": _value(math.nan),
    "inf": _value(math.inf),
    "huge": _value(1e308),
    "opposite": lambda generator: lambda command: [replace(command, value=-command.value)],
    "saturated": lambda generator: lambda command: [replace(command, value=math.copysign(10.0, command.value))],
    "limit": _value(10.0),
    "stale": lambda generator: lambda command: [replace(command, stamp_s=command.stamp_s - 1.0)],
    "future": lambda generator: lambda command: [replace(command, stamp_s=command.stamp_s + 3600.0)],
    "zero_stamp": lambda generator: lambda command: [replace(command, stamp_s=0.0)],
    "duplicate": lambda generator: lambda command: [command, command],
}


def command_fault(name: str, generator: np.random.Generator) -> CommandFault:
    """A fresh fault of that name; ConfigError where there is none."""
    if name not in COMMAND_FAULTS:
        raise ConfigError(f"unknown fault '{name}': expected one of {', '.join(COMMAND_FAULTS)}")
    return COMMAND_FAULTS[name](generator)
