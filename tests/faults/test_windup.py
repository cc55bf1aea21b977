"""Networks whose integral ran away while they were not listened to come back; without letting go of it they do not."""

import numpy as np

from snn_cli.faults.flight import Injection, Robot
from snn_cli.faults.watch import Watch
from snn_control.coordination.coordinator import Coordinator
from snn_control.owners import Owner

SATURATED = Injection("snn", "saturated", 20.0, 40.0)
WOUND_S, END_S = 35.0, 110.0


def owners_after_the_fault():
    """Who flies in the end, after the PID took over and the integral was driven far beyond what the target needs."""
    robot = Robot([SATURATED], seed=1, watch=Watch(1), tick_s=0.05)
    robot.fly(WOUND_S)
    assert robot.ticks[-1].owner is Owner.PID
    network = robot.loops[Owner.SNN].controller.network
    network.states["integral"].current[0] -= 20.0 * np.sign(network.parts["integral"].w_out[0])
    robot.fly(END_S)
    return robot.owners(END_S - 30.0, END_S), robot.error_m(END_S - 30.0, END_S)


def test_a_wound_up_integral_lets_go():
    owners, error_m = owners_after_the_fault()
    assert owners == [Owner.SNN]
    assert error_m < 0.1


def test_one_that_does_not_let_go_is_left_out(monkeypatch):
    monkeypatch.setattr(Coordinator, "_wound_up", False)
    owners, _ = owners_after_the_fault()
    assert owners != [Owner.SNN]
