"""Predicted heights stand for a sleeping sensor, few in a row, and never for a lost one."""

import pytest

from snn_control.altitude_loop import AltitudeLoop, LoopConfig
from snn_control.height_bridge import HeightBridge
from snn_core.signals import AltitudeReading, Level

T0, DT_S = 100.0, 0.1


class Recorder:
    """A controller that keeps what it was shown."""

    limit = 10.0
    spikes = None

    def __init__(self):
        self.steps = []

    def step(self, target_m, height_m, elapsed_s):
        self.steps.append((target_m, height_m, round(elapsed_s, 6)))
        return 1.0

    def counters(self):
        return {}

    def reset(self):
        pass


def climbing(loop, rate_hz, steps, speed_mps=0.5, lost_from=1000):
    """Ticks of 0.1 s with a sensor that obeys; returns which ticks were answered."""
    loop.bridge.ask(rate_hz)
    every, answered = round(1.0 / (rate_hz or 10.0) / DT_S), []
    for k in range(steps):
        now = round(T0 + k * DT_S, 6)
        command = None
        if k % every == 0 and k < lost_from:
            command = loop.take_reading(AltitudeReading(1.0 + speed_mps * k * DT_S, now), now)
        tick = loop.take_tick(now)
        assert command is None or tick is None
        answered.append(command is not None or tick is not None)
    return answered


def flying(**settings):
    loop = AltitudeLoop(LoopConfig(**settings), Recorder())
    loop.take_target(5.0)
    return loop


def test_every_period_is_answered_while_the_sensor_sleeps_by_order():
    loop = flying()
    assert all(climbing(loop, 2.5, 40))
    heights = [height for _, height, _ in loop.controller.steps]
    assert heights[30:] == pytest.approx([1.0 + 0.05 * k for k in range(30, 40)], abs=0.01)
    assert {elapsed for _, _, elapsed in loop.controller.steps} == {0.1}
    assert loop.health(T0 + 3.9).values["predicted_steps"] == 30


def test_a_reading_that_is_due_and_does_not_come_is_not_replaced():
    answered = climbing(flying(), 2.5, 40, lost_from=20)
    assert answered[:20] == [True] * 20
    assert answered[20:] == [False] * 20


def test_no_more_steps_go_by_prediction_than_allowed():
    answered = climbing(flying(max_predicted_steps=2), 2.5, 12)
    assert answered == [True, True, True, False] * 3
    assert sum(climbing(flying(max_predicted_steps=0), 2.5, 12)) == 3


def test_without_an_order_nothing_is_predicted():
    loop = flying()
    assert climbing(loop, None, 20, lost_from=10) == [True] * 10 + [False] * 10
    assert loop.bridge.total == 0


def test_an_order_to_wake_leaves_no_gap():
    loop = flying()
    climbing(loop, 2.5, 41)  # the newest reading at 4.0 s
    loop.bridge.ask(10.0)
    for time_s in (4.1, 4.2, 4.3):
        assert loop.take_tick(T0 + time_s) is not None  # the sensor hears of it at its next sample
    loop.take_reading(AltitudeReading(3.0, T0 + 4.4), T0 + 4.4)
    assert loop.take_tick(T0 + 4.5) is None


def test_a_sleeping_sensor_is_no_complaint():
    loop = flying()
    climbing(loop, 2.5, 41)
    assert loop.health(T0 + 4.45).level is Level.OK
    assert "no range for 0.60 s (limit 0.5 s)" in loop.health(T0 + 4.6).message


def test_a_clock_that_was_set_predicts_nothing():
    bridge = HeightBridge()
    bridge.ask(2.5)
    bridge.learn(1.0, T0)
    assert bridge.height(T0 + 0.1, DT_S, 3) is not None
    assert bridge.height(T0 - 5.0, DT_S, 3) is None
    assert bridge.height(T0 + 60.0, DT_S, 3) is None
