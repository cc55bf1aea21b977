"""What each injector makes of a stream; the values are worked out by hand."""

import math

import numpy as np
import pytest

from sim_worlds.faults.clocks import CLOCK_FAULTS, clock_fault
from sim_worlds.faults.commands import COMMAND_FAULTS, command_fault
from sim_worlds.faults.files import FILE_FAULTS, corrupted, with_header, with_value
from sim_worlds.faults.networks import hyperactive, silenced
from sim_worlds.faults.readings import READING_FAULTS, Sizes, reading_fault
from snn_control.spiking_pid import SpikingPid, model_path
from snn_core.errors import ConfigError
from snn_core.signals import AltitudeReading, Command


def stream(name, count=10, sizes=None, seed=0):
    """Heights 0, 1, 2, ... at times 100, 100.1, ..., through a fault; (time of arrival, reading)."""
    fault = reading_fault(name, np.random.default_rng(seed), sizes)
    arrived = []
    for k in range(count):
        now = 100.0 + 0.1 * k
        arrived += [(now, reading) for reading in fault(AltitudeReading(float(k), now), now)]
        assert fault(None, now + 0.05) == [] or name in ("delayed",)
    return arrived


def heights(name, **settings):
    return [reading.height_m for _, reading in stream(name, **settings)]


def test_vocabulary_of_the_sensor():
    assert heights("off") == []
    assert heights("stuck") == [0.0] * 10
    assert heights("slow", sizes=Sizes(slow_factor=3)) == [0.0, 3.0, 6.0, 9.0]
    assert heights("duplicate", count=3) == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    assert heights("out_of_order", count=5) == [1.0, 0.0, 3.0, 2.0]
    assert heights("centimetres", count=3) == [0.0, 100.0, 200.0]
    assert heights("wrong", count=3, sizes=Sizes(drift_mps=1.0, bias_m=0.15)) == pytest.approx([0.0, 1.1, 2.15])


def test_a_delay_keeps_stamps_and_moves_arrivals():
    late = stream("delayed", sizes=Sizes(delay_s=0.3))
    assert [reading.height_m for _, reading in late] == [float(k) for k in range(7)]
    assert [now - reading.stamp_s for now, reading in late] == pytest.approx([0.3] * 7)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_share_that_is_lost_is_the_one_asked_for(share):
    burst = max(2, round(share / (1.0 - share)))
    kept = len(stream("intermittent", 40_000, Sizes(loss=share, burst=burst)))
    assert 1.0 - kept / 40_000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("nan", "height_m", math.nan), ("inf", "height_m", math.inf), ("minus_inf", "height_m", -math.inf),
        ("huge", "height_m", 1e308), ("denormal", "height_m", 5e-324), ("negative", "height_m", -0.5),
        ("zero_stamp", "stamp_s", 0.0), ("future_hour", "stamp_s", 3700.0), ("old_stamp", "stamp_s", 70.0),
    ],
)  # fmt: skip
def test_bad_fields(name, field, value):
    _, reading = stream(name, 1)[0]
    assert getattr(reading, field) == pytest.approx(value, nan_ok=True, rel=1e-12)


@pytest.mark.parametrize("name", READING_FAULTS)
def test_the_same_seed_is_the_same_fault(name):
    assert str(stream(name, 50, seed=4)) == str(stream(name, 50, seed=4))


def test_commands():
    command = Command(2.0, 50.0)

    def sent(name):
        return command_fault(name, np.random.default_rng(0))(command)

    assert sent("off") == []
    assert sent("opposite") == [Command(-2.0, 50.0)]
    assert sent("stale") == [Command(2.0, 49.0)]
    assert sent("duplicate") == [command, command]
    assert sent("saturated") == [Command(10.0, 50.0)]
    assert math.isnan(sent("nan")[0].value)


@pytest.mark.parametrize(("name", "shown"), [("forward", 160.0), ("backward", 40.0), ("paused", 95.0), ("slow", 95.5)])
def test_clocks(name, shown):
    assert clock_fault(name)(100.0, 5.0) == pytest.approx(shown)


def test_files():
    data = model_path("default").read_bytes()
    assert all(corrupted(name, data) != data for name in FILE_FAULTS)
    assert with_header(data, lambda header: None)[-100:] == data[-100:]
    changed = with_value(data, ".w_in", 7.0)
    assert len(changed) == len(data)
    assert sum(a != b for a, b in zip(changed, data, strict=True)) <= 4


def test_networks_fall_silent_or_fire_all_the_time():
    shares = {}
    for change in (silenced, hyperactive):
        network = SpikingPid.load(model_path("default"), 0.1)
        network.parts = {part: change(params) for part, params in network.parts.items()}
        for _ in range(20):
            network.step(1.0, 0.5)
        shares[change.__name__] = network.output_spikes_last_step / (network.neurons / 2)
    assert shares["silenced"] == 0.0
    assert shares["hyperactive"] > 0.95


@pytest.mark.parametrize("make", [reading_fault, command_fault])
def test_an_unknown_fault_is_named(make):
    with pytest.raises(ConfigError, match="unknown fault 'gremlin': expected one of off"):
        make("gremlin", np.random.default_rng(0))
    with pytest.raises(ConfigError, match="unknown clock fault"):
        clock_fault("gremlin")
    assert len(READING_FAULTS) >= 20
    assert len(COMMAND_FAULTS) >= 12
    assert len(CLOCK_FAULTS) >= 4
