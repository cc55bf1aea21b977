"""What each stream of the robot promises: how often, how old at most, within which bounds, at which cost."""

from enum import Enum, IntEnum
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from snn_core.config import Config
from snn_core.errors import ConfigError
from snn_core.resources import config_dir

Knob = Literal["rate", "region", "time_steps", "parts"]
SHIPPED = "streams.yaml"


class Phase(str, Enum):
    """What the mission is doing, as far as the senses are concerned."""

    IDLE = "idle"  # nothing to fly to
    TRANSIT = "transit"  # on the way to a target
    HOLD = "hold"  # at the target


class Criticality(IntEnum):
    """What the loss of a stream means."""

    UNUSED = 0  # nobody looks
    USEFUL = 1  # worth a warning
    REQUIRED = 2  # nobody may command without it


class Model(Config):
    """A small predictive model of a value: it moves with a speed that changes slowly (Kalman filter)."""

    accel_std: float = Field(0.5, gt=0, le=1e6, description="how fast its speed changes (unit/s^2)")
    noise_std: float = Field(0.005, gt=0, le=1e6, description="standard deviation of a sample (unit)")


class Cost(Config):
    """What one sample costs."""

    power_mw: float = Field(0.0, ge=0, le=1e6, description="power while at the nominal rate (mW)")
    cpu_ms: float = Field(0.0, ge=0, le=1e5, description="processor time of one sample (ms)")
    sample_bytes: int = Field(0, ge=0, le=10**9, description="size of one sample (bytes)")


class StreamContract(Config):
    """One stream: an input, a result of perception or a command."""

    topic: str = Field(min_length=1, description="topic, relative to the robot's namespace")
    type: str = Field(min_length=1, description="ROS type, for example sensor_msgs/Range")
    rate_min_hz: float = Field(gt=0, le=1e4, description="lowest rate that may be asked of it (Hz)")
    rate_nominal_hz: float = Field(gt=0, le=1e4, description="rate when nobody asks otherwise (Hz)")
    rate_max_hz: float = Field(gt=0, le=1e4, description="highest rate that may be asked of it (Hz)")
    max_age_s: float = Field(gt=0, le=100, description="oldest sample that is used (s)")
    low: float = Field(-1e9, ge=-1e9, le=1e9, description="lowest believable value (unit)")
    high: float = Field(1e9, ge=-1e9, le=1e9, description="highest believable value (unit)")
    role: Literal["", "height", "place", "motion", "course"] = Field(
        "", description="whose demand sets its rate, empty = nobody's"
    )
    sporadic: bool = Field(False, description="samples come when there is something to say: silence is no fault")
    criticality: dict[Phase, Literal["unused", "useful", "required"]] = Field(
        default_factory=dict, description="what its loss means in each phase; useful where not stated"
    )
    cost: Cost = Field(Cost(), description="what it costs")
    knobs: tuple[Knob, ...] = Field((), description="what can be turned")
    settling_s: float = Field(0.0, ge=0, le=60, description="time after a turn until it can be judged again (s)")
    stuck_after_s: float = Field(0.0, ge=0, le=3600, description="the same value for this long while moving, 0 = any")
    model: Model | None = Field(None, description="predictive model that its innovations are judged by")
    partner: str = Field("", description="stream of its rate of change that it must agree with, empty = none")
    partner_tolerance: float = Field(0.1, gt=0, le=1e6, description="disagreement that is no sign of a fault (unit)")

    @model_validator(mode="after")
    def _ordered(self) -> "StreamContract":
        if not self.rate_min_hz <= self.rate_nominal_hz <= self.rate_max_hz:
            raise ValueError(
                f"expected rate_min_hz <= rate_nominal_hz <= rate_max_hz, found {self.rate_min_hz:g}, "
                f"{self.rate_nominal_hz:g}, {self.rate_max_hz:g}"
            )
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}")
        return self

    def criticality_in(self, phase: Phase) -> Criticality:
        """What its loss means now."""
        return Criticality[self.criticality.get(phase, "useful").upper()]


Contracts = dict[str, StreamContract]


def load_contracts(path: Path | None = None) -> Contracts:
    """The contracts of a file, name -> contract; the shipped ones where no path is given.

    Raises:
        ConfigError: the file cannot be read, or a contract in it is wrong.
    """
    path = path or config_dir() / SHIPPED
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(values, dict) or not isinstance(values.get("streams"), dict) or not values["streams"]:
        raise ConfigError(f"{path}: expected 'streams:' with one entry per stream")
    return make_contracts(values["streams"], str(path))


def make_contracts(values: dict[str, dict[str, Any]], source: str) -> Contracts:
    """Contracts from plain values; a partner must be one of them.

    Raises:
        ConfigError: a contract is wrong.
    """
    for name, fields in values.items():
        if not isinstance(fields, dict):
            raise ConfigError(f"{source}: {name}: expected 'key: value' lines, found {fields!r}")
    contracts = {name: StreamContract.check(fields, f"{source}: {name}") for name, fields in values.items()}
    for name, contract in contracts.items():
        if contract.partner and contract.partner not in contracts:
            raise ConfigError(f"{source}: {name}: partner '{contract.partner}' is no stream: {', '.join(contracts)}")
    return contracts
