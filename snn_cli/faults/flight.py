"""A blimp that is flown by the product's own parts, in simulated time, while faults are injected; and what it did."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from sim_worlds.blimp_flight import BlimpFlight, FlightConfig
from sim_worlds.faults.clocks import clock_fault
from sim_worlds.faults.commands import command_fault
from sim_worlds.faults.readings import Fault, Sizes, healthy, reading_fault
from snn_control.altitude_loop import LoopConfig
from snn_control.command_gate import SLEW_CREDIT_S, CommandGate, GateConfig
from snn_control.flight_deck import CONTROLLERS, answers, twin_loops
from snn_control.owners import Owner, Transition
from snn_core.sensing import SamplePacer, SensingOrder
from snn_core.signals import AltitudeReading, Command, Health, Level

TICK_S = 0.02  # the gate's period
SENSE_EVERY = 5  # ticks: 10 Hz
REPORT_EVERY = 50  # ticks: as often as /diagnostics
START_S = 1000.0  # of the robot's clock: it may be set back
SECOND = 1e-9


class Injection(NamedTuple):
    """One fault: where it strikes (reading, snn, pid, target, clock or thrust), its name, and from when to when."""

    place: str
    name: str
    start_s: float = 10.0
    end_s: float = 20.0
    sizes: Sizes = Sizes()

    def active(self, time_s: float) -> bool:
        """Whether the fault holds at a time since the start of the flight."""
        return self.start_s - SECOND <= time_s < self.end_s - SECOND


class Tick(NamedTuple):
    """What held at one instant of a flight, and what was commanded."""

    time_s: float
    height_m: float
    target_m: float
    command: float
    age_s: float  # of the command, by the gate's clock
    owner: Owner


class Report(NamedTuple):
    """What one part said on /diagnostics."""

    time_s: float
    part: str
    health: Health


class Robot:
    """World, both controllers and the gate, wired as the nodes wire them.

    `targets` are (time, height) pairs. `watch`, if given, is called at every tick with the robot, before the gate
    emits: what a coordinator does. `keep` bounds how many ticks and reports are remembered.
    """

    def __init__(
        self,
        injections: Sequence[Injection] = (),
        seed: int = 1,
        targets: Sequence[tuple[float, float]] = ((0.0, 1.0), (12.0, 1.4)),
        gate: GateConfig | None = None,
        loop: LoopConfig | None = None,
        watch: Callable[["Robot"], None] | None = None,
        tick_s: float = TICK_S,
        keep: int | None = None,
    ) -> None:
        self.injections, self.targets, self.watch, self.tick_s = list(injections), list(targets), watch, tick_s
        self.sense_every, self.report_every = round(0.1 / tick_s), round(1.0 / tick_s)
        self.hold_every = max(1, round(0.05 / tick_s))
        self.generator = np.random.default_rng([seed, 7])
        self.flight = BlimpFlight(FlightConfig(dt_s=tick_s, seed=seed, start_height_m=targets[0][1], trial=""))
        self.start_s = START_S
        self.loops = twin_loops(loop or LoopConfig())
        self.gate = CommandGate(gate or GateConfig())
        self.ticks: deque[Tick] = deque(maxlen=keep)
        self.reports: deque[Report] = deque(maxlen=keep)
        self.unsafe: list[str] = []
        self.transitions: deque[Transition] = deque(maxlen=keep)
        self.offered = self.delivered = 0
        self.count = 0
        self.offset_s = 0.0
        self.readings: list[AltitudeReading] = []  # that arrived in this tick
        self.commands: dict[Owner, list[Command]] = {}  # that were sent in this tick
        self.pacer = SamplePacer(0.1)
        self.range_order: SensingOrder | None = None  # what a coordinator asks of the sensor
        self._faults: dict[int, Any] = {}
        self._output, self._moved_s = 0.0, -math.inf

    @property
    def time_s(self) -> float:
        """True time since the start."""
        return self.count * self.tick_s

    @property
    def now_s(self) -> float:
        """What the robot's clock shows."""
        return self.start_s + self.time_s + self.offset_s

    def inject(self, injections: Sequence[Injection]) -> None:
        """Other faults from now on."""
        self.injections = list(injections)
        self._faults.clear()

    def fly(self, until_s: float) -> "Robot":
        """Fly until this time after the start."""
        while self.time_s < until_s - SECOND:
            self.step()
        return self

    def step(self) -> None:
        """One tick."""
        self._set_clock()
        self._aim()
        self.readings = self._sense()
        self.delivered += len(self.readings)
        self.commands = {owner: self._control(owner, self.readings) for owner in CONTROLLERS}
        for owner, commands in self.commands.items():
            for command in commands:
                self.gate.offer(owner, command, self.now_s)
                self.offered += 1
        if self.watch is not None:
            self.watch(self)
        self._emit()
        if self.count % self.report_every == 0:
            self._report()
        self.count += 1

    def _active(self, place: str) -> list[tuple[int, Injection]]:
        return [(k, item) for k, item in enumerate(self.injections) if item.place == place and item.active(self.time_s)]

    def _fault(self, key: int, make: Callable[[], Any]) -> Any:
        if key not in self._faults:
            self._faults[key] = make()
        return self._faults[key]

    def _set_clock(self) -> None:
        """A clock that went wrong stays off by what it has gathered."""
        for key, item in self._active("clock"):
            began_s, before_s = self._fault(key, lambda: (self.time_s, self.offset_s))
            true_s = self.start_s + self.time_s + before_s
            self.offset_s = before_s + clock_fault(item.name)(true_s, self.time_s - began_s) - true_s

    def _aim(self) -> None:
        if self.count % self.sense_every:
            return
        height = [height for time, height in self.targets if time <= self.time_s + SECOND][-1]
        for _, item in self._active("target"):
            height = {"nan": math.nan, "inf": math.inf, "huge": 1e308, "negative": -3.0}.get(item.name, height)
            if item.name == "off":
                return
        for loop in self.loops.values():
            loop.take_target(height, self.now_s)

    def _sense(self) -> list[AltitudeReading]:
        reading = None
        if self.count % self.sense_every == 0:
            seen = self.flight.sense()
            limit = self.flight.config.lidar_max_m
            asleep = not self.pacer.due(self.start_s + self.time_s, self.range_order)
            reading = None if asleep or math.isnan(seen) else AltitudeReading(round(seen, 6), self.now_s, 0.0, limit)
        faults: list[Fault] = [
            self._fault(key, partial(reading_fault, item.name, self.generator, item.sizes))
            for key, item in self._active("reading")
        ]
        arriving = healthy(reading, self.now_s)
        for fault in faults:
            waiting: list[AltitudeReading | None] = [*arriving] or [None]
            arriving = [one for item in waiting for one in fault(item, self.now_s)]
        return arriving

    def _control(self, owner: Owner, readings: Sequence[AltitudeReading]) -> list[Command]:
        tick, hold = self.count % self.sense_every == 0, self.count % self.hold_every == 0
        sent = answers(self.loops[owner], readings, self.now_s, tick, hold)
        for key, item in self._active(CONTROLLERS[owner]):
            fault = self._fault(key, partial(command_fault, item.name, self.generator))
            sent = [one for command in sent for one in fault(command)]
        return sent

    def _emit(self) -> None:
        now_s = self.now_s
        command, transition = self.gate.emit(now_s, self.time_s)
        if transition is not None:
            self.transitions.append(transition)
        owner, age_s = self.gate.state.owner, now_s - command.stamp_s
        self._judge(command, owner, now_s)
        thrust = [item for _, item in self._active("thrust")]
        self.flight.offer(Command(0.0 if thrust else command.value, self.flight.now_s - age_s))
        step = self.flight.advance()
        target = self.loops[Owner.PID].target_m
        self.ticks.append(
            Tick(self.time_s, step.height_m, target if target is not None else math.nan, command.value, age_s, owner)
        )

    def _judge(self, command: Command, owner: Owner, now_s: float) -> None:
        """Anything about an emitted command that a motor must never see."""
        config, age_s = self.gate.config, now_s - command.stamp_s
        self._moved_s = self._moved_s if self._moved_s <= now_s else -math.inf  # by a clock that was set back since
        room = config.slew_per_s * max(0.0, min(now_s - self._moved_s, SLEW_CREDIT_S))
        wrong = {
            "not finite": not math.isfinite(command.value),
            "beyond the limit": abs(command.value) > config.command_limit + SECOND,
            "too old": age_s > config.timeout_s(owner) + 1e-6,
            "from the future": age_s < -config.future_tolerance_s - 1e-6,
            "too fast": owner is not Owner.NEUTRAL and abs(command.value - self._output) > room + 1e-6,
        }
        self.unsafe += [f"{self.time_s:.2f} s: {what} ({command.value:g})" for what, holds in wrong.items() if holds]
        if command.value != self._output:
            self._output, self._moved_s = command.value, now_s

    def _report(self) -> None:
        parts = {"altitude_controller": self.loops[Owner.SNN], "pid_controller": self.loops[Owner.PID]}
        for part, loop in parts.items():
            self.reports.append(Report(self.time_s, part, loop.health(self.now_s)))
        self.reports.append(Report(self.time_s, "command_gate", self.gate.health(self.now_s)))

    # What it did, for checks.

    def owners(self, start_s: float, end_s: float) -> list[Owner]:
        """Who commanded from one time to another, each change once."""
        row = [tick.owner for tick in self.ticks if start_s - SECOND <= tick.time_s < end_s]
        return [owner for k, owner in enumerate(row) if k == 0 or owner is not row[k - 1]]

    def when(self, holds: Callable[[Tick], bool], start_s: float) -> float:
        """Seconds from `start_s` to the first tick that holds; inf where none does."""
        found = (tick.time_s for tick in self.ticks if tick.time_s >= start_s - SECOND and holds(tick))
        return next(found, math.inf) - start_s

    def error_m(self, start_s: float, end_s: float) -> float:
        """Largest distance from the target."""
        return max(abs(tick.height_m - tick.target_m) for tick in self.ticks if start_s <= tick.time_s < end_s)

    def jump(self, start_s: float, end_s: float) -> float:
        """Largest change of the command between two ticks of a controller, command units."""
        row = [tick for tick in self.ticks if start_s <= tick.time_s < end_s]
        return max((abs(b.command - a.command) for a, b in pairwise(row) if b.owner is not Owner.NEUTRAL), default=0.0)

    def said(self, level: Level, text: str, start_s: float = 0.0, end_s: float = math.inf) -> str:
        """The first report of at least this level that contains the text; empty where there is none."""
        for report in self.reports:
            if start_s <= report.time_s <= end_s and report.health.level >= level and text in report.health.message:
                return f"{report.health.level.name} {report.part}: {report.health.message}"
        return ""
