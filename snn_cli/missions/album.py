"""What film and page show of a mission, kept while it is flown; however long it is, no more than fits."""

import math
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim_worlds.builder import Solids
from sim_worlds.robot import Robot, Senses
from snn_cli.missions.avoid_mission import AvoidFlight
from snn_cli.missions.flow_camera import FlowCamera
from snn_cli.missions.route_mission import RouteFlight, Taught
from snn_cli.missions.scoring import Referee
from snn_cli.missions.watch import START_NS, Commands, Flight, MissionClock

MOST_ROWS, MOST_FRAMES = 20_000, 64
FRAME_EVERY_S = 0.2  # at first
NOTHING = math.nan
Pixels = NDArray[np.uint8]
T = TypeVar("T")


class Row(NamedTuple):
    """A period in numbers; NaN where a mission has no such thing."""

    time_s: float  # of the mission
    flight: float
    x_m: float
    y_m: float
    z_m: float
    range_m: float
    target_m: float
    altitude: float  # commands
    heading: float
    speed: float
    beside_m: float = NOTHING  # of the taught path, truly
    left_m: float = NOTHING  # of it, as the robot believes
    place: float = NOTHING  # recognised last
    true_place: float = NOTHING
    told_s: float = NOTHING  # time to contact
    true_s: float = NOTHING
    dodges: float = NOTHING  # 1 where the robot gets out of the way, 0 where it holds still


class Frame(NamedTuple):
    """A moment in pictures."""

    time_s: float
    seen: Pixels  # (row, column)
    taught: Pixels | None  # (row, column), what it is compared with
    flow: Pixels | None  # (row, column, 3)


class Decision(NamedTuple):
    """Something that the robot decided."""

    time_s: float
    text: str


class Thinned(Generic[T]):
    """At most `most` of the items offered, evenly spread: when it is full, every other one goes. `most` is even."""

    def __init__(self, most: int) -> None:
        self.most, self.stride, self.offered = most, 1, 0
        self.items: list[T] = []

    def offer(self, make: Callable[[], T]) -> None:
        """Offer an item, which is only made if it is kept."""
        if self.offered % self.stride == 0 and len(self.items) == self.most:
            self.items, self.stride = self.items[::2], 2 * self.stride
        if self.offered % self.stride == 0:
            self.items.append(make())
        self.offered += 1


class Album:
    """A `Watch`. Rows are of all flights, pictures of the first one."""

    def __init__(self) -> None:
        self.clock = MissionClock()
        self.rows: Thinned[Row] = Thinned(MOST_ROWS)
        self.frames: Thinned[Frame] = Thinned(MOST_FRAMES)
        self.taught: Taught | None = None
        self.solids: Solids | None = None
        self.flow: FlowCamera | None = None
        self.referees: list[tuple[float, Referee]] = []  # begin of a flight (s), and who notes its decisions

    def __call__(self, robot: Robot, senses: Senses, commands: Commands, flight: Flight) -> None:
        """Keep a period, or leave it out."""
        if self.clock.tick(robot, senses):
            self._begin(robot, flight)
        self.rows.offer(lambda: self._row(robot, senses, commands, flight))
        if self.clock.flights == 1 and self.flow is not None:
            flow = self.flow
            flow.take(senses.events)
            if (robot.ticks - 1) % max(round(FRAME_EVERY_S / robot.config.dt_s), 1) == 0:
                self.frames.offer(lambda: self._frame(senses, flight, flow))

    @property
    def decisions(self) -> list[Decision]:
        """What was decided, in the order of time, without the many changes of how much is sensed."""
        return [
            Decision(begin_s + event["t_s"], event["event"])
            for begin_s, referee in self.referees
            for event in referee.events
            if event.get("kind") != "sensing"
        ]

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """The rows by name, (row,) each; between two flights one of NaN, which parts their lines in a plot."""
        values = np.array(self.rows.items, np.float64).reshape(-1, len(Row._fields))
        another = np.flatnonzero(np.diff(values[:, Row._fields.index("flight")])) + 1
        parted = np.insert(values, another, np.nan, axis=0)
        return dict(zip(Row._fields, parted.T, strict=True))

    def _begin(self, robot: Robot, flight: Flight) -> None:
        self.referees.append(((self.clock.begin_ns - START_NS) * 1e-9, flight.referee))
        if self.clock.flights == 1:
            self.flow = FlowCamera(robot.config)
            self.solids = Solids(*(field.copy() for field in robot.scene.solids))
            self.taught = flight.taught if isinstance(flight, RouteFlight) else None

    def _now_s(self) -> float:
        return (self.clock.now_ns - START_NS) * 1e-9

    def _row(self, robot: Robot, senses: Senses, commands: Commands, flight: Flight) -> Row:
        place = robot.truth().position_m
        (x, y, z), (altitude, heading, speed) = place.tolist(), commands.tolist()
        row = Row(
            self._now_s(), self.clock.flights, x, y, z, senses.range_m, flight.target_m, altitude, heading, speed
        )  # fmt: skip
        if isinstance(flight, RouteFlight):
            return _along(row, flight, place)
        if isinstance(flight, AvoidFlight):
            told_s, true_s = flight.seen.time_to_contact_s, flight.true_time_to_contact_s()
            return row._replace(told_s=told_s, true_s=true_s, dodges=float(flight.dodge))
        return row

    def _frame(self, senses: Senses, flight: Flight, flow: FlowCamera) -> Frame:
        taught = None
        if isinstance(flight, RouteFlight):
            here = round(flight.follower.along_m / flight.mission.spacing_m)
            taught = flight.taught.images[min(max(here, 0), len(flight.taught.images) - 1)]
        return Frame(self._now_s(), senses.image, taught, flow.see())


def _along(row: Row, flight: RouteFlight, place: NDArray[np.float64]) -> Row:
    """The row of a flight along a taught route."""
    taught = flight.taught
    return row._replace(
        beside_m=float(np.hypot(*(taught.true_path[:, 1:3] - place[:2]).T).min()),
        left_m=flight.follower.left_m,
        place=NOTHING if flight.place is None else float(flight.place),
        true_place=float(np.hypot(*(taught.true_places - place[:2]).T).argmin()),
    )
