"""Velocity over ground: a simulated flight measured and flown by it, and every input that is missing or wrong."""

import math

import numpy as np
import pytest

from sim_worlds.robot import Robot
from sim_worlds.robot_config import RobotConfig
from sim_worlds.scene import open_scene
from snn_cli.missions.autopilot import Autopilot, PilotConfig
from snn_core.event_messages import FIELDS, STEP, cloud_bytes
from snn_core.sensing import SensingOrder
from snn_core.signals import AltitudeReading, Level, Verdict
from snn_perception.events.batch import make_batch
from snn_perception.events.decoders import EventPacket
from snn_perception.events.packets import Packet
from snn_perception.events.point_clouds import PointBuffer
from snn_perception.lens import focal_length_px
from snn_perception.motion.motion_model import load_motion_model
from snn_perception.motion.motion_trials import moving
from snn_perception.motion.velocity_config import VelocityLoopConfig, slowed
from snn_perception.motion.velocity_loop import Rates, VelocityLoop

MODEL = load_motion_model("default")
ROBOT = RobotConfig(width=16, height=12)
SIZE = (ROBOT.event_width, ROBOT.event_height)
FOCAL_PX = 0.5 * ROBOT.event_width / math.tan(0.5 * ROBOT.event_fov_rad)
EPOCH_S = 100.0
SPEED_MPS, FLIGHT_S, STEADY_S = 0.8, 9.0, 6.0


def cloud(batch, stamp_us):
    content = PointBuffer(FIELDS, STEP, len(batch), cloud_bytes(batch, stamp_us), stamp_us)
    return lambda: Packet(content, stamp_us * 1000)


def fly(lens_px=FOCAL_PX, gyro=True, seed=51):
    """True and told velocities (time, 2) of the steady part of a flight, and standard deviations told.

    Speed is held by what the loop tells, so a wrong scale shows in where the robot goes.
    """
    scene = open_scene("hall", "summer", seed)
    start = scene.route.at(1.0)
    robot = Robot(scene, ROBOT, seed, (start.x_m, start.y_m, 1.6, start.yaw_rad))
    pilot, loop = Autopilot(ROBOT, PilotConfig()), VelocityLoop(MODEL, VelocityLoopConfig())
    loop.take_lens(lens_px, SIZE)
    loop.configure(VelocityLoopConfig(width=SIZE[0], height=SIZE[1]))
    rows, commands = [], np.zeros(3)
    while robot.time_s < FLIGHT_S:
        senses = robot.advance(commands)
        now_s = EPOCH_S + senses.time_s
        begun_us = round((now_s - ROBOT.dt_s) * 1e6)
        loop.take_range(AltitudeReading(senses.range_m, now_s, 0.0, 12.0), now_s)
        if gyro:
            loop.take_rates(Rates(now_s, senses.gyro_radps), now_s)
        told = None
        if len(senses.events.x):
            x, y, t_us, on = senses.events
            told = loop.take_events(
                cloud(make_batch(x, y, t_us + round(EPOCH_S * 1e6), on, SIZE), begun_us), 0.0, now_s
            )
        pilot.velocity = told.velocity if told is not None else None
        pilot.heading_rad += float(senses.gyro_radps[2]) * ROBOT.dt_s
        commands = pilot.command(senses, 1.6, -pilot.heading_rad, SPEED_MPS)
        truth = robot.truth()
        heading = np.array([math.cos(truth.yaw_rad), math.sin(truth.yaw_rad)])
        ahead = truth.velocity_mps[:2] @ heading
        left = truth.velocity_mps[:2] @ [-heading[1], heading[0]]
        if told is not None and senses.time_s > STEADY_S:
            assert abs(told.stamp_s - now_s) < 0.02
            rows.append((ahead, left, *told.velocity, *np.sqrt(np.diag(told.covariance))))
    return np.array(rows)


@pytest.fixture(scope="module")
def flown():
    return fly()


def test_a_flight_at_0_8_mps_is_measured_within_5_percent(flown):
    true, told, deviation = flown[:, :2], flown[:, 2:4], flown[:, 4:6]
    error = told - true
    rms = np.sqrt((error**2).mean(axis=0))
    means = f"told {told[:, 0].mean():.3f} m/s, true {true[:, 0].mean():.3f}"
    print(f"{means}; rms error {rms[0]:.3f} ahead, {rms[1]:.3f} left")
    assert len(flown) > 25
    assert true[:, 0].mean() == pytest.approx(SPEED_MPS, rel=0.1)
    assert told[:, 0].mean() == pytest.approx(true[:, 0].mean(), rel=0.05)
    assert rms.max() < 0.06
    assert (np.abs(error) < 3.0 * deviation).mean() > 0.95


def test_the_lens_of_another_camera_flies_another_speed():
    """The mutant: 1.67 times the focal length, as of the robot's other camera."""
    wrong = fly(lens_px=FOCAL_PX / 0.6)
    assert wrong[:, 0].mean() > 1.2 * SPEED_MPS


T0 = 50.0


@pytest.fixture(scope="module")
def trial():
    """A texture that moves by 100 px/s to the right, 64 x 64 px."""
    return moving(np.random.default_rng(4), 0.0, 100.0, 14.0).batch


class Sensors:
    """A loop with its inputs handed over by hand: 0.1 s of events, a height and turning rates at each call."""

    def __init__(self, batch, **config):
        settings = {"width": 64, "height": 64, "focal_px": 100.0, "min_confidence": 0.0, **config}
        self.loop = VelocityLoop(MODEL, VelocityLoopConfig(**settings))
        self.batch, self.now = batch, T0
        self.begin_us = int(batch.t_us[0])

    def packet(self, k=0):
        """Events of the k-th part of the recording, under the stamp that the clock shows."""
        length_us = (int(self.batch.t_us[-1]) - self.begin_us) // 4
        inside = (self.batch.t_us - self.begin_us) // length_us == k % 4
        part = self.batch.take(inside)
        stamp_us = self.begin_us + (k % 4) * length_us
        content = PointBuffer(FIELDS, STEP, len(part), cloud_bytes(part, stamp_us), round(self.now * 1e6))
        return lambda: Packet(content, round(self.now * 1e9))

    def tell(self, k=0, height=1.0, rates=(0.0, 0.0, 0.0), waited_s=0.0):
        if height is not None:
            self.loop.take_range(AltitudeReading(height, self.now, 0.0, 12.0), self.now)
        if rates is not None:
            self.loop.take_rates(Rates(self.now, np.array(rates)), self.now)
        packet = self.packet(k)
        self.now += (int(self.batch.t_us[-1]) - self.begin_us) * 1e-6 / 4
        return self.loop.take_events(packet, waited_s, self.now)

    def flight(self, **values):
        return [told for k in range(4) if (told := self.tell(k, **values)) is not None]


def test_image_to_the_right_is_motion_to_the_left(trial):
    """A camera that looks down has the robot's right on its right: the ground goes there when the robot goes left."""
    sensors = Sensors(trial, rate_hz=100.0)
    told = sensors.flight()
    assert len(told) >= 2
    assert told[-1].velocity.left_mps > 0.15
    assert abs(told[-1].velocity.forward_mps) < 0.1
    assert sensors.loop.health(sensors.now).level is Level.OK


def test_without_a_height_it_is_silent_and_says_so(trial):
    sensors = Sensors(trial, rate_hz=100.0)
    assert sensors.flight(height=None) == []
    health = sensors.loop.health(sensors.now)
    assert (health.level, "no range yet" in health.message) == (Level.ERROR, True)
    assert sensors.loop.counts["no_height"] > 0


def test_a_height_of_long_ago_counts_as_none(trial):
    sensors = Sensors(trial, rate_hz=100.0)
    sensors.loop.take_range(AltitudeReading(1.0, T0, 0.0, 12.0), T0)
    sensors.now += 0.7
    assert sensors.flight(height=None) == []


def test_without_turning_rates_it_goes_on_and_knows_less(trial):
    sure, unsure = Sensors(trial, rate_hz=100.0), Sensors(trial, rate_hz=100.0)
    known, told = sure.flight()[-1], unsure.flight(rates=None)[-1]
    extra = told.covariance - known.covariance
    assert np.diag(extra) == pytest.approx(0.1**2, rel=1e-6)
    health = unsure.loop.health(unsure.now)
    assert (health.level, "not corrected for pitch and roll: no imu yet" in health.message) == (Level.WARN, True)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e30])
def test_turning_rates_that_are_no_numbers_are_refused(trial, bad):
    sensors = Sensors(trial, rate_hz=100.0)
    assert all(np.isfinite(told.velocity).all() for told in sensors.flight(rates=(0.0, bad, 0.0)))
    assert sensors.loop.counts["imu_ok"] == 0
    assert not sensors.loop.rates


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, 1e30])
def test_heights_that_are_none_are_refused(trial, bad):
    sensors = Sensors(trial, rate_hz=100.0)
    assert sensors.flight(height=bad) == []
    assert "ranges refused" in sensors.loop.health(sensors.now).message


def test_pitching_is_not_taken_for_flying(trial):
    """q h ahead and -p h to the left are added: 0.3 rad/s at a height of 1 m, smoothed."""
    still, pitching = (Sensors(trial, rate_hz=100.0, flow_smoothing_s=0.0) for _ in range(2))
    level, pitched = still.flight()[-1], pitching.flight(rates=(-0.2, 0.3, 0.0))[-1]
    assert pitched.velocity.forward_mps - level.velocity.forward_mps == pytest.approx(0.3, abs=1e-6)
    assert pitched.velocity.left_mps - level.velocity.left_mps == pytest.approx(0.2, abs=1e-6)


def test_without_a_focal_length_or_with_that_of_another_sensor_it_is_silent(trial):
    sensors = Sensors(trial, rate_hz=100.0, focal_px=0.0)
    assert sensors.flight() == []
    assert "expected camera_info of the event camera" in sensors.loop.health(sensors.now).message
    sensors.loop.take_lens(117.0, (160, 120))
    assert "160 x 120 px, expected that of the events, 64 x 64" in sensors.loop.health(sensors.now).message
    sensors.loop.take_lens(None, (64, 64))
    assert sensors.loop.focal_px((64, 64)) is None
    sensors.loop.take_lens(100.0, (64, 64))
    assert sensors.loop.focal_px((64, 64)) == 100.0


def test_packets_that_waited_too_long_are_dropped_unseen(trial):
    sensors = Sensors(trial, rate_hz=100.0)
    assert sensors.tell(waited_s=1.5) is None
    assert sensors.loop.counts["dropped_packets"] == 1
    assert "1 packets dropped" in sensors.loop.health(sensors.now).message


@pytest.mark.parametrize(("late_s", "name"), [(5.0, "stale"), (-5.0, "future")])
def test_events_of_another_time_are_refused(trial, late_s, name):
    sensors = Sensors(trial, rate_hz=100.0)
    for k in range(4):
        packet = sensors.packet(k)
        sensors.now += 0.05
        sensors.loop.take_range(AltitudeReading(1.0, sensors.now + late_s, 0.0, 12.0), sensors.now + late_s)
        assert sensors.loop.take_events(packet, 0.0, sensors.now + late_s) is None
    assert sensors.loop.counts[f"events_{name}"] > 0
    assert name in sensors.loop.health(sensors.now + late_s).message


def test_a_clock_that_jumps_back_starts_anew(trial):
    sensors = Sensors(trial, rate_hz=100.0)
    sensors.flight()
    sensors.now -= 30.0
    told = sensors.flight()
    assert sensors.loop.counts["gaps"] == 1
    assert "jumped back" in sensors.loop.health(sensors.now).message
    assert told


def test_a_camera_with_a_clock_of_its_own_is_stamped_by_its_packets():
    words = np.array([0x8001, 0x6000, 0x0001, 0x2001], "<u2")
    batch = make_batch([1], [1], [123], [1], (64, 64))
    packet = Packet(EventPacket(words.tobytes(), "evt3", 64, 64), 7_000_000_000)
    assert packet.offset_us(batch) + 123 == 7_000_000
    cloudy = Packet(PointBuffer(FIELDS, STEP, 0, b"", 0), 7_000_000_000)
    assert cloudy.offset_us(batch) == 0


def test_an_order_asks_for_less_and_never_for_more():
    config = VelocityLoopConfig(rate_hz=10.0)
    assert slowed(config, None) is config
    assert [slowed(config, SensingOrder(rate)).rate_hz for rate in (2.5, 50.0)] == [2.5, 10.0]


def test_bad_packets_are_counted_and_named(trial):
    sensors = Sensors(trial, rate_hz=100.0)
    broken = PointBuffer((("x", 0, 4),), STEP, 1, b"123456789", 0)
    assert sensors.loop.take_events(lambda: Packet(broken, 0), 0.0, T0) is None
    assert sensors.loop.counts["bad_packet"] == 1
    assert "expected the fields x, y, t and p" in sensors.loop.health(T0).message
    assert sensors.loop.take_range(AltitudeReading(1.0, T0 - 9.0, 0.0, 12.0), T0) is Verdict.STALE


@pytest.mark.parametrize("claimed", [(math.nan, 70.0), (70.0, math.inf), (0.0, 0.0), (-70.0, 70.0), (5e-324, 70.0)])
def test_a_lens_that_cannot_be_is_refused(claimed):
    assert focal_length_px(*claimed) is None
    assert focal_length_px(70.0, 72.0) == 71.0
