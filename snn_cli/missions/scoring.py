"""What a mission is judged by; the referee alone knows where the robot truly is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Truth
from snn_control.coordination.contracts import Contracts
from snn_control.coordination.journal import Event

Array = NDArray[np.float64]
MOTOR_W = 3.0  # of each of three motors at full duty: an 8520 coreless at 3.7 V; estimated
COMPUTER_W = 1.2  # a small board, always on; estimated
DUTY_OF_COMMAND = 3.0 / 45.0  # of the fitted drivetrain, beyond its dead zone
LEAST_DUTY, DEAD_COMMAND = 9.0 / 45.0, 0.3


class SensorUse(NamedTuple):
    """How much of what the sensors would say at their nominal rates was taken, 0 to 1."""

    duties: dict[str, float]  # of each stream
    power_w: float  # of all sensors; estimated
    duty: float  # of all, weighted by power


def sensor_use(contracts: Contracts, duties: dict[str, float]) -> SensorUse:
    """The use of sensors whose streams had these duties."""
    nominal_w = {name: 1e-3 * contracts[name].cost.power_mw for name in duties}
    power_w = sum(nominal_w[name] * duty for name, duty in duties.items())
    return SensorUse(duties, power_w, power_w / sum(nominal_w.values()))


@dataclass
class Referee:
    """Collects the truth of a flight, one row per period."""

    near_m: float
    dt_s: float
    rows: list[tuple[float, ...]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    energy_j: float = 0.0

    def see(self, truth: Truth, commands: Array, decided: Sequence[Event] = ()) -> None:
        """One period, and what the coordinator decided in it."""
        self.events += [told(event) for event in decided]
        self.rows.append((truth.time_s, *truth.position_m, truth.yaw_rad, truth.clearance_m))
        self.energy_j += self.dt_s * power_w(commands)

    def tell(self, time_s: float, event: str) -> None:
        """Something that the mission decided."""
        self.events.append({"t_s": round(time_s, 2), "kind": "mission", "event": event})

    @property
    def path(self) -> Array:
        """(time, 6): time, x, y, z, yaw, clearance."""
        return np.array(self.rows).reshape(-1, 6)

    @property
    def contact(self) -> bool:
        """Whether it touched anything."""
        return bool((self.path[:, 5] <= 0.0).any())

    @property
    def near_misses(self) -> int:
        """How often it came nearer to something than it should."""
        near = self.path[:, 5] < self.near_m
        return int(near[:1].sum() + np.count_nonzero(near[1:] & ~near[:-1]))

    def result(self, mission: str, seed: int, success: bool, use: SensorUse) -> dict[str, Any]:
        """The keys that every mission has."""
        duration_s = len(self.rows) * self.dt_s
        return {
            "mission": mission, "seed": seed, "success": bool(success), "contact": self.contact,
            "near_misses": self.near_misses, "least_clearance_m": float(self.path[:, 5].min(initial=np.inf)),
            "cross_track_error_m": None, "place_recall": None, "sensing_duty": use.duty, "sensing": use.duties,
            "energy_estimate_j": self.energy_j + use.power_w * duration_s, "duration_s": duration_s,
            "events": self.events,
        }  # fmt: skip


def told(event: Event) -> dict[str, Any]:
    """A change that the coordinator made, as it is reported."""
    return {
        "t_s": round(event.stamp_s, 2), "kind": event.kind.value, "subject": event.subject, "cause": event.cause,
        "level": event.level.name, "event": str(event),
    }  # fmt: skip


def power_w(commands: Array) -> float:
    """Electrical power of three motors and a computer; duty as in the fitted drivetrain. An estimate."""
    size = np.abs(commands)
    duty = np.where(size < DEAD_COMMAND, 0.0, LEAST_DUTY + DUTY_OF_COMMAND * size)
    return float((MOTOR_W * duty**2).sum() + COMPUTER_W)


def beside_path(points_m: Array, path_m: Array) -> Array:
    """Distance of each point (point, 2) from a polyline (vertex, 2), metres."""
    start, step = path_m[:-1], np.diff(path_m, axis=0)
    size2 = np.maximum((step**2).sum(axis=1), 1e-12)
    found = np.empty(len(points_m))
    for k, point in enumerate(points_m):
        share = np.clip(((point - start) * step).sum(axis=1) / size2, 0.0, 1.0)
        found[k] = np.sqrt((((start + share[:, None] * step) - point) ** 2).sum(axis=1).min())
    return found
