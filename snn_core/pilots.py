"""What a compiled flight asks of a controller: sixteen copies of one individual, one in each world.

A pilot is a tuple of parameters of a population, its type a NamedTuple. `pilot` teaches the compiled flight a new type,
so that the loop over time is compiled for each and decides nothing while it runs.
"""

from collections.abc import Callable
from typing import Any

from numba import types
from numba.extending import overload


def pilot_memory(pilot: Any, i: int) -> Any:
    """Memory of sixteen copies of individual i at rest."""
    raise TypeError(f"{type(pilot).__name__} is no pilot")


def pilot_step(pilot: Any, i: int, memory: Any, target: Any, seen: Any) -> Any:
    """Commands and spikes of sixteen copies of individual i, memory in place.

    target, seen: sixteen float64, metres; seen is NaN where no sample arrived. Returns two vectors of sixteen float64.
    """
    raise TypeError(f"{type(pilot).__name__} is no pilot")


def pilot(kind: type, memory: Callable[..., Any], step: Callable[..., Any]) -> None:
    """Declare how pilots of a NamedTuple type begin and step; both are compiled functions."""

    def is_kind(candidate: types.Type) -> bool:
        return isinstance(candidate, types.BaseNamedTuple) and candidate.instance_class is kind

    @overload(pilot_memory)
    def _(pilot, i):
        return (lambda pilot, i: memory(pilot, i)) if is_kind(pilot) else None

    @overload(pilot_step)
    def _(pilot, i, memory, target, seen):
        if not is_kind(pilot):
            return None
        return lambda pilot, i, memory, target, seen: step(pilot, i, memory, target, seen)
