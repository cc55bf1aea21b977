"""One declaration per parameter, told in the documentation as it is checked."""

from typing import Literal

from pydantic import Field

from snn_core.config import Config
from snn_core.declarations import declarations, parameter_table


class SampleConfig(Config):
    gain: float = Field(2.0, gt=0, le=10, description="gain (1/s)")
    count: int = Field(3, ge=1, description="how many")
    mode: Literal["", "fast"] = Field("", description="mode")
    on: bool = Field(True, description="switch")


def test_declarations():
    gain, count, mode, on = declarations(SampleConfig)
    assert (gain.kind, gain.default, gain.low, gain.high, gain.bounds) == (float, 2.0, 0, 10, "(0, 10]")
    assert (count.kind, count.low, count.high, count.bounds) == (int, 1, None, "[1, ∞)")
    assert (mode.kind, mode.choices, mode.bounds) == (str, ("", "fast"), "'', fast")
    assert (on.kind, on.bounds) == (bool, "")


def test_table():
    assert parameter_table(SampleConfig).splitlines()[2:] == [
        "| `gain` | 2.0 | (0, 10] | gain (1/s) |",
        "| `count` | 3 | [1, ∞) | how many |",
        "| `mode` | (empty) | '', fast | mode |",
        "| `on` | true |  | switch |",
    ]
