"""The suite catches a robot that is not as it should be: each mutant must fail the case that is there for it."""

import math
from types import SimpleNamespace

import pytest

from snn_cli.faults.run import PURE_CHECKS, attempt
from snn_control import altitude_loop, command_gate, pid
from snn_control.altitude_loop import AltitudeLoop
from snn_control.coordination import fleet, shadow, spiking_health
from snn_control.owners import Owner
from snn_core import model_files, reading_check, tensor_files
from snn_core.signals import Verdict


def accept(*_):
    return Verdict.OK


def anything(self, height_m, now_s=0.0):
    self.target_m, self.target_s = height_m, now_s
    return True


def eager(sources, current, top, config):
    fit = (owner for owner in (Owner.SNN, Owner.PID) if sources[owner].command is not None)
    return next(fit, Owner.NEUTRAL)


MUTANTS = {
    "gate without an age limit": (command_gate, "_age", lambda source, *_: source, 1),
    "gate that forgets nothing when the clock is set": (command_gate, "_watch_clock", lambda s, *_: (s, ""), 17),
    "gate without a look at stamps": (command_gate, "judge_stamp", accept, 80),
    "gate without a check for finiteness": (command_gate, "math", SimpleNamespace(isfinite=bool, inf=math.inf), 80),
    "gate that takes everybody back at once": (command_gate, "_choose", eager, 1),
    "gate that does not listen to leases": (command_gate.CommandGate, "lease", lambda *_: False, 2),
    "readings without a look at stamps": (reading_check, "judge_stamp", accept, 14),
    "readings whose stamps may come twice": (reading_check, "judge_stamp", accept, 16),
    "readings without a look at values": (reading_check, "_judge_value", accept, 8),
    "readings that may jump": (reading_check, "_reachable", lambda *_: True, 3),
    "readings without a hint at the unit": (reading_check, "UNITS", (), 22),
    "a loop that lets go at the first late reading": (AltitudeLoop, "hold", lambda *_: None, 48),
    "a loop that flies to any target": (AltitudeLoop, "take_target", anything, 70),
    "a loop that ignores silence": (AltitudeLoop, "dead", False, 71),
    "a loop without a word about the limit": (altitude_loop, "SATURATED", 2.0, 74),
    "a PID that winds up": (pid, "_integrate", lambda i, e, rest, config, dt: i + config.ki * e * dt * 20.0, 72),
    "a coordinator without a shadow": (shadow.Shadow, "alarm", False, 73),
    "a coordinator blind to sick networks": (
        spiking_health.SpikingHealth, "verdict", spiking_health.SpikingVerdict.HEALTHY, 71,
    ),
    "a fleet that believes everything": (fleet.Fleet, "_judge", lambda *_: "", 69),
    "models without a look at values": (model_files, "_check_values", lambda *_: None, 58),
    "models of any version": (tensor_files, "_check_version", lambda *_: None, 56),
    "models that are read before they are weighed": (model_files, "read_payload", lambda path, *_: b"", 59),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_fails_its_case(name, monkeypatch):
    where, attribute, replacement, number = MUTANTS[name]
    monkeypatch.setattr(where, attribute, replacement)
    result, seen = attempt(PURE_CHECKS[number], "")
    assert result == "failed", f"case {number} does not notice: {seen}"
