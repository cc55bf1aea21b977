"""Looking on while a mission is flown: what is called after each period, and what it may look at."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Robot, Senses
from snn_cli.missions.scoring import Referee

START_NS = 1_000_000_000  # a time of zero reads as "no time yet"
PAUSE_NS = 1_000_000_000  # between two flights


class Flight(Protocol):
    """A flight, of whatever kind, as those who watch know it."""

    @property
    def referee(self) -> Referee:
        """Who judges it, and notes what the robot decides."""

    @property
    def target_m(self) -> float:
        """The height that is wanted now."""


class MissionClock:
    """One time for the flights of a mission, which each begin at zero; it never runs backwards."""

    def __init__(self) -> None:
        self.robot: Robot | None = None
        self.flights = 0
        self.begin_ns = self.now_ns = START_NS

    def tick(self, robot: Robot, senses: Senses) -> bool:
        """Go on to the senses of a robot; whether they are another flight's."""
        another = robot is not self.robot
        if another:
            self.robot, self.begin_ns = robot, self.now_ns + PAUSE_NS * (self.flights > 0)
            self.flights += 1
        self.now_ns = self.begin_ns + round(senses.time_s * 1e9)
        return another


Commands = NDArray[np.float64]  # (3,) altitude, heading, speed
Watch = Callable[[Robot, Senses, Commands, Any], None]
"""Gets the robot, what it sensed, what it commands next, and its `Flight`, once in each period."""


def together(*watches: Watch) -> Watch:
    """Several watchers as one."""

    def watch(robot: Robot, senses: Senses, commands: Commands, flight: Flight) -> None:
        for each in watches:
            each(robot, senses, commands, flight)

    return watch
