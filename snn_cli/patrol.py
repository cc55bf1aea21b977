"""Patrols of a simulated blimp under the coordinator, without ROS: the loops, the gate and the sensors of the graph.

One period is: the sensors that are awake sample, the coordinator decides, both controllers step, the owner's command
flies. Faults are functions that change what a sensor says.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim_worlds.blimp_flight import BlimpFlight, FlightConfig
from snn_control.coordination.contracts import Contracts, load_contracts
from snn_control.coordination.coordinator import CLIMB, HEIGHT, MOTION, PID, PLACE, SNN, CoordinationConfig
from snn_control.coordination.journal import Event
from snn_control.coordination.lifecycle import NodeState
from snn_control.coordination.snapshot import Decision, NodeReport, Sample
from snn_control.flight_deck import FlightDeck
from snn_control.owners import Owner
from snn_control.spiking_pid import SpikingPid
from snn_core.config import Config
from snn_core.signals import AltitudeReading, Level

__all__ = ["CLIMB", "DT_S", "HEIGHT", "MOTION", "PID", "PLACE", "SNN", "Fault", "Flown", "Patrol", "PatrolConfig"]

Array = NDArray[np.float64]
DT_S = 0.1
MOTION_TICKS_S = 0.02
Fault = Callable[[float, float], list[tuple[float, float]]]
"""(stamp_s, value) as the sensor would say it -> what it says instead, any number of samples."""


class PatrolConfig(Config):
    """A patrol: random heights, each held for a while, in a weather of its own."""

    duration_s: float = Field(600.0, gt=0, le=100_000, description="length (s)")
    hold_low_s: float = Field(25.0, gt=0, le=3600, description="shortest stay at a height (s)")
    hold_high_s: float = Field(90.0, gt=0, le=3600, description="longest stay at a height (s)")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="seed of heights, weather and noise")
    buoyancy_mps2: float = Field(0.0, ge=-1, le=1, description="buoyancy, negative = heavy (m/s^2)")
    climb_noise_mps: float = Field(0.03, ge=0, le=10, description="noise of the independent climb sensor (m/s)")
    climb_bias_mps: float = Field(0.003, ge=-1, le=1, description="bias of the independent climb sensor (m/s)")


class Flown(NamedTuple):
    """A patrol as it was flown, (time,) each."""

    time_s: Array
    target_m: Array
    height_m: Array
    trust: Array  # of the range
    owner: list[str]
    frames: dict[str, int]  # samples taken of each stream
    reduced: dict[str, int]  # those of them with a smaller region or fewer time steps
    events: list[Event]
    predicted_steps: int

    @property
    def rmse_m(self) -> float:
        """Tracking error."""
        return float(np.sqrt(np.mean((self.target_m - self.height_m) ** 2)))


def wandering_targets(config: PatrolConfig, generator: np.random.Generator) -> Array:
    """Heights between 0.5 and 2.5 m, each held for a random time, (time,) metres."""
    steps, height_m = round(config.duration_s / DT_S), 0.5
    targets: list[float] = []
    while len(targets) < steps:
        hold = round(float(generator.uniform(config.hold_low_s, config.hold_high_s)) / DT_S)
        targets += [height_m] * hold
        step_m = float(generator.uniform(0.3, 1.0)) * (1.0 if generator.random() < 0.5 else -1.0)
        height_m = round(height_m + step_m if 0.5 <= height_m + step_m <= 2.5 else height_m - step_m, 3)
    return np.array(targets[:steps])


class Patrol:
    """Everything of one flight, stepped by `fly`."""

    def __init__(
        self,
        config: PatrolConfig,
        coordination: CoordinationConfig | None = None,
        contracts: Contracts | None = None,
        fault: Fault | None = None,
        networks: SpikingPid | None = None,
    ) -> None:
        self.config, self.fault = config, fault
        generator = np.random.default_rng([config.seed, 7])
        flight = FlightConfig(seed=config.seed, buoyancy_mps2=config.buoyancy_mps2, dt_s=DT_S)
        self.flight = BlimpFlight(flight)
        self.flight.targets_m = wandering_targets(config, generator)
        self.flight.reset()
        self.noise = np.random.default_rng([config.seed, 8])
        periods_s = {HEIGHT: DT_S, PLACE: DT_S, MOTION: MOTION_TICKS_S}
        contracts, coordination = contracts or load_contracts(), coordination or CoordinationConfig()
        self.deck = FlightDeck(contracts, coordination, periods_s, networks=networks)
        self.coordinator = self.deck.coordinator

    def fly(self, until_s: float | None = None) -> Flown:
        """Fly to the end, or for this long."""
        steps = round((until_s or self.config.duration_s) / DT_S)
        record = np.empty((4, steps))
        owners: list[str] = []
        events: list[Event] = []
        for k in range(steps):
            decision = self.step()
            record[:, k] = k * DT_S, self.flight.target_m, self.flight.height_m, decision.trusts[HEIGHT].value
            owners.append(decision.owner or "")
            events += decision.events
            self.flight.advance()
        predicted, sensing = self.deck.loops[Owner.SNN].bridge.total, self.deck.sensing
        time_s, target_m, height_m, trust = record
        return Flown(time_s, target_m, height_m, trust, owners, sensing.taken, sensing.reduced, events, predicted)

    def step(self) -> Decision:
        """One instant: sense, decide, step both controllers, and command."""
        now_s, target_m, deck = self.flight.now_s, self.flight.target_m, self.deck
        readings = self._readings(now_s)
        samples = [Sample(HEIGHT, reading.stamp_s, reading.height_m) for reading in readings]
        decision = deck.decide(now_s, samples + self._perceive(now_s), target_m, self._reports(now_s))
        self.flight.offer(deck.steer(now_s, readings, target_m))
        return decision

    def _readings(self, now_s: float) -> list[AltitudeReading]:
        height_m = self.flight.sense()
        if not self.deck.sensing.due(HEIGHT, now_s):
            return []
        said = self.fault(now_s, height_m) if self.fault is not None else [(now_s, height_m)]
        return [AltitudeReading(value, stamp_s) for stamp_s, value in said]

    def _perceive(self, now_s: float) -> list[Sample]:
        """The other senses: climb, and what place recognition and event motion would find."""
        climb_mps = self.flight.climb_mps
        error_mps = self.config.climb_bias_mps + self.config.climb_noise_mps * float(self.noise.standard_normal())
        samples = [Sample(CLIMB, now_s, climb_mps + error_mps)]
        due = self.deck.sensing.due
        if due(PLACE, now_s):
            samples.append(Sample(PLACE, now_s, 0.0))
        for tick in range(round(DT_S / MOTION_TICKS_S)):
            tick_s = now_s - DT_S + (tick + 1) * MOTION_TICKS_S
            if due(MOTION, tick_s):
                divergence = climb_mps / max(0.3, self.flight.height_m)
                samples.append(Sample(MOTION, tick_s, divergence + 0.02 * float(self.noise.standard_normal())))
        return samples

    def _reports(self, now_s: float) -> list[NodeReport]:
        """What the node of place recognition would report."""
        if not self.deck.reporting(now_s):
            return []
        return [NodeReport("place_recognizer", Level.OK, NodeState.ACTIVE, {"probability": 0.95})]
