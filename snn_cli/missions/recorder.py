"""Hands a mission on as ROS messages while it is flown: to a bag, to a live view; nothing is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Robot, Senses
from snn_cli.missions import mission_messages as messages
from snn_cli.missions.avoid_mission import AvoidFlight
from snn_cli.missions.flow_camera import FlowCamera
from snn_cli.missions.mission_messages import TYPES, Message
from snn_cli.missions.route_mission import RouteFlight
from snn_cli.missions.watch import Commands, Flight, MissionClock
from snn_core.frames import EVENT_FRAME

Record = Callable[[str, str, int, bytes], None]
"""Gets topic, type name, simulated time in nanoseconds, and the serialised message."""

FLOW_EVERY_S = 1.0
SCENE_EVERY_S = 5.0  # for who comes late


class Recorder:
    """A `Watch`: the flights of a mission one after the other, in one time that never runs backwards."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.clock = MissionClock()
        self.flight: Flight | None = None
        self.flow: FlowCamera | None = None
        self.told: set[int] = set()
        self.place = -1

    def __call__(self, robot: Robot, senses: Senses, commands: Commands, flight: Flight) -> None:
        """Hand on a period."""
        if self.flow is None or robot is not self.clock.robot:
            self.tell()
            self.told, self.place, self.flow = set(), -1, FlowCamera(robot.config)
        self.flow.take(senses.events)
        self.flight = flight
        self.clock.tick(robot, senses)
        pixels = self.flow.see() if _due(robot, FLOW_EVERY_S) else None
        for message in self._period(robot, senses, commands, flight, pixels):
            self._send(message)
        self.tell()

    def _period(
        self, robot: Robot, senses: Senses, commands: Commands, flight: Flight, flow: NDArray[np.uint8] | None
    ) -> Iterator[Message]:
        now_ns = self.clock.now_ns
        yield from messages.moved(robot, now_ns)
        yield from messages.sensed(robot, senses, now_ns)
        yield from messages.commanded(commands, flight.target_m, now_ns)
        if flow is not None:
            yield messages.picture("/motion/flow", flow, EVENT_FRAME, now_ns)
        if _due(robot, SCENE_EVERY_S):
            yield messages.still_scene(robot, now_ns)
            if isinstance(flight, RouteFlight):
                yield messages.route(flight.taught.true_path[:, 1:4], now_ns)
        if (moving := messages.moving_scene(robot, now_ns)) is not None:
            yield moving
        if isinstance(flight, RouteFlight):
            yield from self._recognised(flight, now_ns)
        if isinstance(flight, AvoidFlight):
            yield messages.number("/time_to_contact/told", flight.seen.time_to_contact_s)
            yield messages.number("/time_to_contact/true", flight.true_time_to_contact_s())

    def _recognised(self, flight: RouteFlight, now_ns: int) -> Iterator[Message]:
        if flight.place is not None and flight.place != self.place:
            self.place = flight.place
            yield messages.place(flight.taught.true_places[flight.place], now_ns)

    def tell(self) -> None:
        """Hand on what the referee noted since."""
        for event in self.flight.referee.events if self.flight is not None else ():
            if id(event) not in self.told:
                self.told.add(id(event))
                self._send(messages.decided(event["event"], self.clock.begin_ns + round(event["t_s"] * 1e9)))

    def _send(self, message: Message) -> None:
        self.record(message.topic, TYPES[message.topic], self.clock.now_ns, message.payload)


def _due(robot: Robot, every_s: float) -> bool:
    """Whether something that is shown again and again is to be shown in this period; it is in the first."""
    return (robot.ticks - 1) % max(round(every_s / robot.config.dt_s), 1) == 0


@contextmanager
def recording(record: Record) -> Iterator[Recorder]:
    """A recorder of one mission; what the referee noted last is told when it is over."""
    recorder = Recorder(record)
    yield recorder
    recorder.tell()
