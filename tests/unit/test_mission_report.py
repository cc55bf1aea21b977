"""What there is to look at of a mission: the page, the film and the bag of every kind, from short flights."""

import base64
import io
import itertools
import re

import numpy as np
import pytest
import yaml
from PIL import Image
from rosbags.highlevel import AnyReader

from snn_cli import main
from snn_cli.missions.album import Thinned
from snn_cli.missions.mission_messages import TYPES
from snn_cli.missions.watch import START_NS
from snn_cli.ros_messages import definition, message, store
from snn_core.event_messages import STEP

SMALL = {"width": 32, "height": 24, "event_width": 48, "event_height": 36}
ALWAYS = {
    "/image", "/camera_info", "/range", "/imu", "/events/points", "/odom", "/tf", "/command", "/drive", "/target",
    "/scene",
}  # fmt: skip
SHORT = {
    "hold": {"scene": "hall", "duration_s": 6.0, "robot": {**SMALL, "wind_mps": [-0.2, 0.0]}},
    "profile": {"scene": "corridor", "condition": "busy", "heights_m": [1.6, 1.8], "hold_s": 1.5, "robot": SMALL},
    "avoid": {
        "scene": "hall", "approaches": 1, "speeds_mps": [2.0, 2.0], "pilot": {"height_m": 2.6},
        "robot": {"event_pitch_rad": 0, "events": {"threshold": 0.1}, "width": 32, "height": 24},
    },
    "route": {"scene": "corridor", "to_m": 1.6, "follower": {"parallax_m": 3}},
}  # fmt: skip
ALSO = {
    "hold": set(), "profile": {"/scene/moving", "/mission/log"},
    "avoid": {"/scene/moving", "/mission/log", "/time_to_contact/told", "/time_to_contact/true", "/motion/flow"},
    "route": {"/route", "/motion/flow"},
}  # fmt: skip
FIGURES = {"hold": 3, "profile": 3, "avoid": 3, "route": 4}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The folder of a kind's report, flown when it is first asked for."""
    made = {}

    def report(kind):
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            path = folder / "short.yaml"
            path.write_text(yaml.safe_dump({"name": "short", "about": "A short one.", "kind": kind, **SHORT[kind]}))
            assert main.main(["mission", "report", str(path), "--out", str(folder / "out")]) == 0
            made[kind] = folder / "out"
        return made[kind]

    return report


def recorded(folder):
    """Topic -> [(time in ns, message)] of a bag."""
    found = {}
    with AnyReader([folder / "bag"], default_typestore=store()) as reader:
        for connection, time_ns, raw in reader.messages():
            assert connection.msgtype == TYPES[connection.topic]
            found.setdefault(connection.topic, []).append((time_ns, reader.deserialize(raw, connection.msgtype)))
    return found


@pytest.mark.parametrize("kind", SHORT)
def test_page_film_and_bag(reports, kind):
    folder = reports(kind)
    page = (folder / "report.html").read_text()
    figures = [base64.b64decode(code) for code in re.findall(r"base64,([^\"]+)", page)]
    assert len(figures) == FIGURES[kind]
    for figure in figures:
        assert np.std(np.asarray(Image.open(io.BytesIO(figure)).convert("L"))) > 5.0
    with Image.open(folder / "film.gif") as film:
        assert 10 < film.n_frames <= 64
        film.seek(film.n_frames - 1)
        red, green, _ = np.moveaxis(np.asarray(film.convert("RGB")).astype(int), 2, 0)
    assert np.count_nonzero(red - green > 80) > 5, "what was flown is drawn"
    bag = recorded(folder)
    assert set(bag) >= ALWAYS | ALSO[kind]
    for messages in bag.values():
        times = [time_ns for time_ns, _ in messages]
        assert times == sorted(times)


def test_every_period_is_in_the_bag_under_its_time(reports):
    bag = recorded(reports("hold"))
    times = [time_ns for time_ns, _ in bag["/odom"]]
    assert times == [START_NS + 100_000_000 * (k + 1) for k in range(60)]
    for topic in ALWAYS - {"/scene", "/range"}:
        assert [time_ns for time_ns, _ in bag[topic]] == times, topic
    stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for _, m in bag["/imu"]]
    assert stamps == times


def test_the_bag_tells_what_was_flown(reports):
    bag = recorded(reports("hold"))
    place = np.array([[m.pose.pose.position.x, m.pose.pose.position.y] for _, m in bag["/odom"]])
    blown = np.linalg.norm(place[-1] - place[0])
    assert 0.02 < blown < 1.0, "the wind moves it, the motors hold against it"
    assert any(m.wrench.force.z != 0.0 for _, m in bag["/command"])
    _, cloud = max(bag["/events/points"], key=lambda item: item[1].width)
    assert (len(cloud.data), cloud.point_step) == (cloud.width * STEP, STEP)
    assert cloud.width > 50
    hull = bag["/scene"][0][1].markers[0]
    assert (hull.header.frame_id, hull.scale.x, hull.scale.z) == ("base_link", pytest.approx(1.1), pytest.approx(0.6))


def test_two_flights_follow_each_other_in_one_bag(reports):
    bag = recorded(reports("avoid"))
    true = [m.data for _, m in bag["/time_to_contact/true"]]
    assert sum(after > before + 1.0 for before, after in itertools.pairwise(true)) == 1, "it comes twice"
    page = (reports("avoid") / "report.html").read_text()
    assert [m.msg for _, m in bag["/mission/log"]] == re.findall(r"<td>([^<]*to contact: away)</td>", page)
    for time_ns, log in bag["/mission/log"]:
        assert 0 <= time_ns - (log.stamp.sec * 10**9 + log.stamp.nanosec) <= 100_000_000, "told when it was decided"
    moving = [m.markers[0].pose.position for _, m in bag["/scene/moving"]]
    assert np.hypot(moving[0].x - moving[30].x, moving[0].y - moving[30].y) > 1.0


def test_a_mission_that_is_run_may_be_recorded(tmp_path, reports):
    mission = reports("hold").parent / "short.yaml"
    assert main.main(["mission", "run", str(mission), "--seeds", "2", "--bag", str(tmp_path / "bags")]) == 0
    for number in (1, 2):
        with AnyReader([tmp_path / "bags" / f"short_{number}"], default_typestore=store()) as reader:
            assert {connection.topic for connection in reader.connections} >= ALWAYS


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 100, 1000])
def test_few_of_many_are_kept_evenly_and_only_those_are_made(count):
    kept, made = Thinned(8), []
    for k in range(count):
        kept.offer(lambda k=k: made.append(k) or k)
    assert len(kept.items) == min(count, 8) or 4 < len(kept.items) <= 8
    assert kept.items == list(range(0, count, kept.stride))
    assert len(made) <= 8 + 4 * max(int(np.log2(kept.stride)), 0)


def test_messages_are_filled_with_nothing_and_refuse_unknown_fields():
    imu = message("sensor_msgs/msg/Imu")
    assert (imu.header.frame_id, imu.angular_velocity.z, imu.orientation_covariance.tolist()) == ("", 0.0, [0.0] * 9)
    with pytest.raises(TypeError, match="orientation_covariance"):
        message("sensor_msgs/msg/Imu", angle=1.0)
    assert definition("nav_msgs/msg/Path").startswith("std_msgs/Header header")
