"""One measured figure, and how it is timed."""

import platform
import time
from collections.abc import Callable
from typing import NamedTuple


class Row(NamedTuple):
    """One measured figure beside its peer's."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float
    ratio: float  # above 1 means better than the peer
    machine: str


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Best wall time of a few runs, after one that compiles."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def machine() -> str:
    """What the figures were measured on."""
    return f"{platform.machine()} {platform.system()} python {platform.python_version()}"


def throughput(name: str, value: float, unit: str, peer: str, peer_value: float) -> Row:
    """A figure of which more is better."""
    return Row(name, value, unit, peer, peer_value, value / peer_value, machine())


def duration(name: str, value: float, unit: str, peer: str, peer_value: float) -> Row:
    """A figure of which less is better."""
    return Row(name, value, unit, peer, peer_value, peer_value / value, machine())
