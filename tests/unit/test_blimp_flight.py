"""The simulated vehicle around the physics: its motor driver, its time, and its likeness to the batch rollout."""

import math

import numpy as np
import pytest

from sim_worlds.blimp import blimp_params
from sim_worlds.blimp_flight import START_S, BlimpFlight, FlightConfig
from sim_worlds.driver import MotorDriver
from sim_worlds.rollout import rollout
from sim_worlds.trials import find_trial
from sim_worlds.weather import draw_weather
from snn_core.signals import Command, Verdict


def test_the_driver_holds_a_command_until_it_is_too_old():
    driver = MotorDriver(timeout_s=0.2)
    assert driver.remaining_s(5.0) == 0.0
    assert driver.offer(Command(12.0, 5.0), 5.1) is Verdict.OK
    assert driver.value() == 10.0
    assert driver.remaining_s(5.15) == pytest.approx(0.05)
    assert driver.remaining_s(5.3) == 0.0


@pytest.mark.parametrize(
    ("command", "verdict"),
    [
        (Command(3.0, 5.0), Verdict.OK),  # the same stamp again: a slew limiter on its way
        (Command(3.0, 4.9), Verdict.OUT_OF_ORDER),
        (Command(3.0, 4.7), Verdict.STALE),
        (Command(3.0, 6.0), Verdict.FUTURE),
        (Command(3.0, 0.0), Verdict.NO_STAMP),
        (Command(math.nan, 5.0), Verdict.NON_FINITE),
        (Command(math.inf, 5.0), Verdict.NON_FINITE),
    ],
)
def test_the_driver_refuses(command, verdict):
    driver = MotorDriver(timeout_s=0.2)
    driver.offer(Command(1.0, 5.0), 5.0)
    assert driver.offer(command, 5.05) is verdict
    assert driver.value() == (3.0 if verdict is Verdict.OK else 1.0)


def test_a_flight_is_the_rollout_of_one_world():
    config = FlightConfig(trial="step", buoyancy_mps2=-0.12, seed=7)
    flight = BlimpFlight(config)
    heights = []
    for _ in range(200):
        seen, now = flight.sense(), flight.now_s
        flight.offer(Command(9.0 * (flight.target_m - seen), now))
        heights.append(flight.advance().height_m)
    expected = rollout(
        lambda setpoint, height: np.clip(9.0 * (setpoint - height), -10, 10),
        blimp_params("tudelft_2023", buoyancy_mps2=-0.12),
        find_trial("step").setpoint_series(0.1)[:200],
        0.1,
        draw_weather(200, 1, np.random.default_rng(7)),
    )
    assert heights == expected.height_m[:, 0].tolist()


def test_motors_stop_0_2_s_after_the_last_command():
    config = FlightConfig(start_height_m=5.0)
    flight = BlimpFlight(config)
    flight.offer(Command(10.0, flight.now_s))
    flown = [flight.advance().command for _ in range(4)]
    assert flown == [10.0, 10.0, 0.0, 0.0]
    for _ in range(20):
        flight.advance()
    assert float(flight.state.thrust_mps2[0]) == pytest.approx(0.0, abs=1e-6)


def test_motors_stop_within_a_period():
    """A command that runs out half-way drives for half the period."""
    half, whole = BlimpFlight(FlightConfig(driver_timeout_s=0.05)), BlimpFlight(FlightConfig())
    for flight in (half, whole):
        flight.offer(Command(10.0, flight.now_s))
        flight.advance()
    assert half.state.commands[0, :10].tolist() == [0.0] * 5 + [10.0] * 5
    assert whole.state.commands[0, :10].tolist() == [10.0] * 10


def test_a_reset_starts_the_same_flight_over_while_time_goes_on():
    flight = BlimpFlight(FlightConfig(trial="step"))

    def fly():
        rows = []
        for _ in range(50):
            flight.offer(Command(5.0, flight.now_s))
            rows.append((flight.sense(), flight.advance().height_m))
        return rows

    first = fly()
    flight.reset()
    assert fly() == first
    assert flight.now_s == pytest.approx(START_S + 10.0)


def test_commands_answer_an_instant_only_when_computed_at_it():
    flight = BlimpFlight(FlightConfig())
    assert flight.offer(Command(1.0, flight.now_s))
    flight.advance()
    assert not flight.offer(Command(1.0, flight.now_s - 0.1))
    assert flight.offer(Command(1.0, flight.now_s))


def test_readings_beyond_the_sensor_are_infinite():
    assert BlimpFlight(FlightConfig(start_height_m=13.0)).sense() == math.inf
    assert math.isnan(BlimpFlight(FlightConfig(lidar_dropout=1.0)).sense())
