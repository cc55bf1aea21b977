"""Action to sensing: how often, where and with how many time steps each stream is sensed.

Rates are whole fractions of the nominal one, so that a sensor leaves out samples rather than shifting them. More is
asked for at once; less only after a dwell, one fraction at a time, and never below the floor that the bandwidth of the
controller sets. Every so often everything is sensed in full, whatever seems to be needed: reduced sensing must not be
justified by what was seen under reduced sensing.
"""

import math
from collections.abc import Mapping, Set
from typing import NamedTuple

from pydantic import Field

from snn_control.coordination.contracts import Contracts, StreamContract
from snn_control.coordination.journal import Event, Journal, Kind
from snn_control.coordination.oscillation import Oscillation, OscillationConfig
from snn_control.coordination.situation import DEMANDS, Course, Situation, SituationConfig
from snn_core.sensing import WHOLE, Region, SensingOrder
from snn_core.signals import Level

Ask = tuple[int, Region, int, str]
"""Divisor of the nominal rate, region, time steps (0 = as configured), networks that may speak."""

CENTRE: Region = (0.25, 0.25, 0.75, 0.75)
LARGEST_DIVISOR = 100
CALM, CALM_STAYS = 0.4, 0.6  # demand that begins and ends a smaller region and fewer time steps
IDLE_DEMAND = 0.15  # up to here the floor is enough; more than the hysteresis, so that the floor can be reached


class SensingConfig(SituationConfig, OscillationConfig):
    """How sensing follows demand."""

    adapt: bool = Field(True, description="let sensing follow demand; false = nominal rates, whole images")
    dwell_down_s: float = Field(2.0, ge=0, le=600, description="low demand that must last before less is asked for (s)")
    hysteresis: float = Field(0.1, ge=0, le=1, description="demand below a threshold that is needed to ask for less")
    refresh_s: float = Field(15.0, gt=0, le=3600, description="time between two spells of full sensing (s)")
    refresh_for_s: float = Field(1.0, gt=0, le=600, description="length of a spell of full sensing (s)")
    surprise_s: float = Field(5.0, ge=0, le=600, description="full sensing after a surprise (s)")
    control_bandwidth_hz: float = Field(0.25, gt=0, le=1000, description="bandwidth of the altitude loop (Hz)")
    samples_per_period: float = Field(10.0, ge=2, le=1000, description="samples per period of the bandwidth, at least")
    max_predicted_steps: int = Field(3, ge=0, le=100, description="control steps in a row on predicted heights")
    step_s: float = Field(0.1, gt=0, le=10, description="control period (s)")
    frugal_time_steps: int = Field(8, ge=1, le=1000, description="time steps of a recognition under low demand")


class Pressure(NamedTuple):
    """What else has a say in sensing."""

    untrusted: Set[str] = frozenset()  # streams that must prove themselves at their full rate
    surprised: bool = False  # a sample differed from what was predicted
    shed: Set[tuple[str, str]] = frozenset()  # (role, knob) that the compute budget has taken away
    low_battery: bool = False


def floor_hz(contract: StreamContract, role: str, config: SensingConfig) -> float:
    """The lowest rate that may be asked for; the height is bound to the controller, not only to its contract."""
    if role != "height":
        return contract.rate_min_hz
    bandwidth = config.samples_per_period * config.control_bandwidth_hz
    predicted = 1.0 / (config.step_s * (config.max_predicted_steps + 1))
    return min(contract.rate_nominal_hz, max(contract.rate_min_hz, bandwidth, predicted))


class Dial:
    """The rate of one stream, as a divisor of its nominal rate."""

    def __init__(self, name: str, contract: StreamContract, config: SensingConfig) -> None:
        self.name, self.contract, self.role = name, contract, contract.role
        self.floor_hz = floor_hz(contract, contract.role, config)
        slowest = contract.rate_nominal_hz / self.floor_hz
        self.largest = max(1, min(LARGEST_DIVISOR, math.floor(slowest + 1e-9))) if "rate" in contract.knobs else 1
        self.demand_of = DEMANDS[contract.role]
        self.divisor, self.low_since_s = 1, math.nan
        self.calm = False
        self.ask: Ask = (1, WHOLE, 0, "")
        self.turns = contract.role != ""
        self.has_parts = "parts" in contract.knobs
        self.oscillation = Oscillation(config)
        self.order = SensingOrder(contract.rate_nominal_hz)

    def divisor_for(self, demand: float) -> int:
        """The largest divisor whose rate still meets a demand."""
        nominal = self.contract.rate_nominal_hz
        share = max(0.0, (demand - IDLE_DEMAND) / (1.0 - IDLE_DEMAND))
        wanted_hz = self.floor_hz + (nominal - self.floor_hz) * share
        return max(1, min(self.largest, math.floor(nominal / wanted_hz + 1e-9)))

    def turn(self, demand: float, now_s: float, config: SensingConfig) -> None:
        """Follow demand: up at once, down after a dwell and by one."""
        if self.largest == 1:
            return
        up = self.divisor_for(demand)
        if up < self.divisor:
            self._set(up, now_s)
        elif self.divisor_for(min(1.0, demand + config.hysteresis)) <= self.divisor:
            self.low_since_s = math.nan
        elif not now_s - self.low_since_s >= 0.0:  # just now, or the clock was set back
            self.low_since_s = now_s
        elif now_s - self.low_since_s >= config.dwell_down_s:
            self._set(self.divisor + 1, now_s)

    def _set(self, divisor: int, now_s: float) -> None:
        self.oscillation.turned(divisor < self.divisor, now_s)
        self.divisor, self.low_since_s = divisor, math.nan


class SensingPolicy:
    """Turns the situation into orders; every change is an event."""

    def __init__(self, contracts: Contracts, config: SensingConfig, journal: Journal) -> None:
        self.config, self.journal = config, journal
        self.dials = [Dial(name, contract, config) for name, contract in contracts.items() if contract.knobs]
        self.orders: dict[str, SensingOrder] = {dial.name: dial.order for dial in self.dials}
        self.full_until_s = self.refreshed_s = self.surprised_s = -math.inf
        self.frozen: set[str] = set()
        self.parts = ""  # which networks of a pair may speak

    def reset(self, now_s: float) -> None:
        """After a leap of the clock: everything in full for a while."""
        for dial in self.dials:
            dial.divisor, dial.low_since_s = 1, math.nan
            dial.oscillation.reset()
        self.refreshed_s, self.full_until_s, self.surprised_s = now_s, now_s + self.config.refresh_for_s, -math.inf

    def step(self, now: Situation, pressure: Pressure, now_s: float) -> Mapping[str, SensingOrder]:
        """The orders for all streams with a knob."""
        full = self._full(pressure, now_s)
        for dial in self.dials:
            ask, cause = self._ask(dial, now, pressure, full, now_s)
            if ask != dial.ask:
                order = SensingOrder(dial.contract.rate_nominal_hz / ask[0], *ask[1:])
                self._note(dial, order, cause, now, now_s)
                dial.ask, dial.order = ask, order
                self.orders[dial.name] = order
        return self.orders

    def _full(self, pressure: Pressure, now_s: float) -> str:
        """Why everything is sensed in full now, empty: it is not."""
        config = self.config
        if not config.adapt:
            return "adaptation is off"
        if pressure.surprised:
            self.surprised_s = now_s
        if now_s - self.refreshed_s >= config.refresh_s:
            self.refreshed_s, self.full_until_s = now_s, now_s + config.refresh_for_s
        if now_s - self.surprised_s < config.surprise_s:
            return "surprise"
        return "periodic full sensing" if now_s < self.full_until_s else ""

    def _ask(self, dial: Dial, now: Situation, pressure: Pressure, full: str, now_s: float) -> tuple[Ask, str]:
        """What to ask of a stream, and why."""
        config = self.config
        if not dial.turns:
            return (1, WHOLE, 0, self.parts if dial.has_parts else ""), "health of the networks"
        demand = dial.demand_of(now, config)
        frozen = dial.oscillation.frozen(now_s)
        if frozen != (dial.name in self.frozen):
            self._note_frozen(dial, frozen, now_s)
        unknown = dial.name in pressure.untrusted and not dial.contract.sporadic
        cause = full or ("not trusted" if unknown else "adaptation oscillates" if frozen else "")
        if cause:
            return self._limit(dial, 1, WHOLE, 0, pressure), cause
        if pressure.low_battery and dial.role != "height":
            demand *= 0.5
        dial.turn(demand, now_s, config)
        dial.calm = dial.divisor > 1 and demand < (CALM_STAYS if dial.calm else CALM)
        region = CENTRE if dial.calm and "region" in dial.contract.knobs else WHOLE
        time_steps = config.frugal_time_steps if dial.calm and "time_steps" in dial.contract.knobs else 0
        return self._limit(dial, dial.divisor, region, time_steps, pressure), "demand"

    def _limit(self, dial: Dial, divisor: int, region: Region, time_steps: int, pressure: Pressure) -> Ask:
        """What the compute budget leaves of it; the height is never shed."""
        if pressure.shed:
            if (dial.role, "rate") in pressure.shed:
                divisor = dial.largest
            if (dial.role, "region") in pressure.shed:
                region = CENTRE
            if (dial.role, "time_steps") in pressure.shed:
                time_steps = self.config.frugal_time_steps
        return divisor, region, time_steps, self.parts if dial.has_parts else ""

    def _note(self, dial: Dial, order: SensingOrder, cause: str, now: Situation, now_s: float) -> None:
        evidence = f"phase {now.phase.value}, error {now.error_m:+.3f} m, climb {now.climb_mps:+.3f} m/s"
        if dial.role == "place":
            evidence = f"phase {now.phase.value}, place confidence {now.place_confidence:.2f}"
        if now.course != Course():
            off_m, doubt_m, bend_rad, _, mismatch = now.course
            evidence += f", {off_m:.2f} +- {doubt_m:.2f} m off the route, bend of {bend_rad:.2f} rad ahead"
            evidence += f", mismatch {mismatch:.2f}"
        self.journal.add(Event(now_s, Kind.SENSING, dial.name, _text(dial.order), _text(order), cause, evidence))

    def _note_frozen(self, dial: Dial, frozen: bool, now_s: float) -> None:
        (self.frozen.add if frozen else self.frozen.discard)(dial.name)
        old, new = ("adapting", "frozen") if frozen else ("frozen", "adapting")
        cause = "adaptation oscillates" if frozen else "has been calm"
        evidence = f"{dial.oscillation.limit} reversals within {self.config.oscillation_s:g} s"
        level = Level.WARN if frozen else Level.OK
        self.journal.add(Event(now_s, Kind.ADAPTATION, dial.name, old, new, cause, evidence, level))


def _text(order: SensingOrder) -> str:
    parts = [f"{order.rate_hz:.3g} Hz"]
    if order.region != WHOLE:
        parts.append(f"region {'/'.join(f'{edge:g}' for edge in order.region)}")
    if order.time_steps:
        parts.append(f"{order.time_steps} steps")
    if order.parts:
        parts.append(f"only {order.parts}")
    return ", ".join(parts)
