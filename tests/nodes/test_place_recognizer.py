"""Place recognition as a node: teach and repeat over DDS, and every image that is not one."""

import array
import io
import signal
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from PIL import Image as Picture
from rcl_interfaces.srv import SetParametersAtomically
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float32MultiArray
from std_srvs.srv import Trigger

from launch_reader import read_launch
from ros_bench import diagnostics, executable
from snn_core.errors import ConfigError
from snn_core.nodes.wire import stamp
from snn_core.sensing import SensingOrder
from snn_perception.nodes.place_recognizer import PlaceRecognizerNode
from snn_perception.places.place_map import PlaceMap
from unit.scenes import again, route
from unit.views import FOCAL, seen

ROOT = Path(__file__).resolve().parents[2]
T0 = 100.0
PLACES = 12
pytestmark = pytest.mark.ros


def image_at(time_s, pixels, encoding="mono8", **changes):
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
    message.step = pixels.strides[0]
    message.header.stamp = stamp(time_s)
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(pixels).tobytes())
    message.data = data
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def odometry_at(x):
    message = Odometry()
    message.pose.pose.position.x = x
    message.pose.pose.orientation.w = 1.0
    return message


class Drive:
    """A node, a clock, and images that are handed over one by one."""

    def __init__(self, bench, **parameters):
        self.bench, self.now = bench, T0
        self.reports = diagnostics(bench)
        self.places = bench.listen("place", PoseWithCovarianceStamped)
        self.node = bench.make(PlaceRecognizerNode, **{"sequence": 1, **parameters})
        bench.set_clock(self.now, self.node)

    def judged(self):
        return sum(self.node.loop.counts.values())

    def show(self, message_of, topic="image", step_s=0.1, stamp_s=None):
        """Advance the clock and publish `message_of(stamp)`; returns when the node has judged it."""
        self.now = round(self.now + step_s, 3)
        self.bench.set_clock(self.now, self.node)
        before = self.judged()
        self.bench.publish(topic, message_of(self.now if stamp_s is None else stamp_s))
        self.bench.until(lambda: self.judged() > before, "the image to be judged")

    def see(self, pixels, **changes):
        self.show(lambda time_s: image_at(time_s, pixels, **changes))

    def call(self, name):
        return self.bench.call(Trigger, f"place/{name}", Trigger.Request())

    def count(self, name):
        return self.node.loop.counts[name]

    def at(self):
        """The newest x of odometry that the node knows, or none."""
        pose = self.node.poses.newest
        return None if pose is None else pose[0]

    def teach(self, images, spacing_m=2.0):
        for k, pixels in enumerate(images):
            x = spacing_m * k
            self.bench.publish("odom", odometry_at(x))
            self.bench.until(lambda x=x: self.at() == x, "the odometry")
            self.see(pixels)
            answer = self.call("teach")
            assert answer.success, answer.message


def test_teach_and_repeat(bench, tmp_path):
    """A route is taught over DDS, saved, loaded by another node and driven again in other light."""
    path = tmp_path / "route.safetensors"
    scenes = route(PLACES)
    teacher = Drive(bench, save_path=str(path))
    for pixels in route(5, seed=9):  # the way to the route: eyes adapt before they are taught
        teacher.see(pixels)
    teacher.teach(scenes)
    assert teacher.call("save").message == f"{PLACES} places written to {path}"
    bench.executor.remove_node(teacher.node)
    teacher.node.destroy_node()

    driver = Drive(bench, map=str(path), sequence=5)
    driver.places.clear()
    scores = bench.listen("place/scores", Float32MultiArray)
    for pixels in again(scenes):
        driver.see(pixels)
    bench.until(lambda: len(scores) >= PLACES, "the scores of every image")
    found = {round((m.header.stamp.sec + m.header.stamp.nanosec * 1e-9 - T0) * 10) - 1: m for _, m in driver.places}
    right = [k for k, m in found.items() if m.pose.pose.position.x == 2.0 * k and m.header.frame_id == "map"]
    print(f"{len(right)} of {PLACES} places told rightly, {len(found) - len(right)} wrongly")
    assert len(right) >= 0.75 * PLACES
    assert len(right) >= 0.9 * len(found)
    assert scores[0][1].layout.dim[0].label == "place"
    assert len(scores[0][1].data) == PLACES

    driver.places.clear()
    for pixels in again(route(10, seed=77)):  # where it has never been, in the same light
        driver.see(pixels)
    bench.spin()
    print(f"{len(driver.places)} of 10 foreign places told")
    assert len(driver.places) <= 3  # the sequence remembers the route for a few images
    driver.call("reset")
    assert driver.node.loop.found.place is None
    assert driver.call("forget").message == f"{PLACES} places forgotten; files stay as they are"
    assert driver.node.loop.recogniser.map.places == 0


SCENE = route(1)[0]
BAD = {
    "no_stamp": lambda t: image_at(0.0, SCENE),
    "stale": lambda t: image_at(t - 1.0, SCENE),
    "future": lambda t: image_at(t + 3600.0, SCENE),
    "bad_image": lambda t: image_at(t, SCENE, encoding="yuv422"),
    "black": lambda t: image_at(t, np.zeros_like(SCENE)),
    "saturated": lambda t: image_at(t, np.full_like(SCENE, 255)),
    "no_contrast": lambda t: image_at(t, np.full_like(SCENE, 100)),
}


@pytest.fixture
def drive(bench):
    drive = Drive(bench)
    drive.teach(route(3))
    return drive


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_is_counted_and_answers_nothing(drive, name):
    places = len(drive.places)
    drive.show(BAD[name])
    assert drive.count(name) == 1
    drive.bench.spin()
    assert len(drive.places) == places
    assert drive.node.guard.errors == 0
    drive.see(SCENE)
    assert drive.count("ok") == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": array.array("B", bytes(100))}, "truncated"),
        ({"step": 10}, "a step of at least 64 bytes"),
        ({"height": 0, "width": 0}, "found 0 x 0"),
        ({"height": 20000, "width": 20000, "step": 20000}, "found 20000 x 20000"),
        ({"height": 2**32 - 1}, "sides of 8 to 8192"),
        ({"encoding": "x" * 100_000}, "an encoding of"),
    ],
)
def test_a_message_that_lies_about_its_pixels(drive, changes, words):
    drive.see(SCENE, **changes)
    assert drive.count("bad_image") == 1
    assert words in drive.node.loop.complaint
    _, message, values = drive.bench.diagnosis("place_recognizer", drive.reports, lambda s: words[:20] in s.message)
    assert values["bad_image"] == "1"
    assert len(message) <= 500


def test_duplicates_and_disorder(drive):
    drive.show(lambda t: image_at(t, SCENE), stamp_s=drive.now)
    drive.show(lambda t: image_at(t, SCENE), stamp_s=drive.now - 0.3)
    assert (drive.count("duplicate"), drive.count("out_of_order")) == (1, 1)


def test_encoding_and_size_may_change_mid_stream(drive):
    big = SCENE.repeat(4, 0).repeat(4, 1)
    for pixels, encoding in ((np.stack([SCENE] * 3, -1), "bgr8"), (big, "mono8"), (big, "mono8")):
        drive.see(pixels, encoding=encoding)
        assert drive.node.loop.found.place == 0
    assert drive.count("format_changed") == 2
    _, message, _ = drive.bench.diagnosis("place_recognizer", drive.reports, lambda s: "format changed" in s.message)
    assert "64x32 bgr8 to 256x128 mono8" in message


def test_compressed_images_are_the_same_images(drive):
    buffer = io.BytesIO()
    Picture.fromarray(SCENE).save(buffer, format="png")
    for payload in (buffer.getvalue(), b"not a picture", buffer.getvalue()[:-60]):

        def message_of(time_s, payload=payload):
            message = CompressedImage(format="png", data=array.array("B", payload))
            message.header.stamp = stamp(time_s)
            return message

        drive.show(message_of, "image/compressed")
    assert drive.count("bad_image") == 2
    assert drive.count("ok") == 4
    assert drive.node.loop.found.place is not None


def test_a_frozen_camera_is_noticed(bench):
    drive = Drive(bench, max_frozen=3)
    for _ in range(5):
        drive.see(SCENE)
    assert (drive.count("ok"), drive.count("frozen")) == (3, 2)
    assert not drive.call("teach").success


def test_a_camera_that_falls_silent_is_an_error(drive):
    drive.bench.set_clock(drive.now + 3.0, drive.node)
    level, message, _ = drive.bench.diagnosis("place_recognizer", drive.reports, lambda s: "no image for" in s.message)
    assert level == 2
    assert "no image for 3.0 s (limit 2 s)" in message


def test_a_clock_that_is_set_back_or_forward_does_no_harm(drive):
    for jump_s in (-50.0, 60.0):
        drive.now += jump_s
        drive.see(SCENE)
        assert drive.node.loop.found.place == 0
    assert drive.count("ok") == 5


def test_images_faster_than_the_rate_are_left_out(drive):
    for _ in range(4):
        drive.show(lambda t: image_at(t, SCENE), step_s=0.02)
    assert drive.count("early") == 4


def test_unstamped_images_where_they_are_allowed(bench):
    drive = Drive(bench, accept_unstamped=True)
    drive.show(lambda t: image_at(0.0, SCENE))
    assert drive.count("ok") == 1


def test_teaching_needs_a_fresh_image_and_room(bench):
    drive = Drive(bench, max_places=1)
    assert "found none" in drive.call("teach").message
    drive.see(SCENE)
    assert drive.call("teach").success
    assert "max_places = 1" in drive.call("teach").message
    answer = drive.call("save")
    assert (answer.success, "set save_path" in answer.message) == (False, True)


def test_a_place_is_not_taught_at_a_stale_pose(drive):
    drive.bench.set_clock(drive.now + 5.0, drive.node)
    drive.now += 5.0
    drive.see(SCENE)
    answer = drive.call("teach")
    assert not answer.success
    assert "expected odom of at most 2 s ago, found 5." in answer.message


def test_odometry_that_is_not_finite_is_left_out(drive):
    pose = drive.node.poses.newest.copy()
    drive.bench.publish("odom", odometry_at(float("nan")))
    drive.bench.spin()
    assert np.array_equal(drive.node.poses.newest, pose)


def yaw_of(message):
    q = message.pose.pose.orientation
    return 2.0 * np.arctan2(q.z, q.w)


def lens():
    message = CameraInfo(width=320, height=240)  # of the whole sensor; the images are binned
    message.k[0] = message.k[4] = 320 * FOCAL
    return message


def test_turned_to_the_left_of_what_was_taught_it_is_told_to_turn_back(bench, tmp_path):
    """Taught with two places, saved, loaded by another node: the turn is told about the place near the odometry."""
    path = str(tmp_path / "views.safetensors")
    teacher = Drive(bench, save_path=path)
    teacher.teach([seen(along_m=3.0), seen(along_m=5.0)])
    assert teacher.call("save").success
    bench.executor.remove_node(teacher.node)
    teacher.node.destroy_node()

    driver = Drive(bench, map=path)
    turns = bench.listen("place/turn", PoseWithCovarianceStamped)
    driver.see(seen("evening", 0.1, along_m=5.0))
    assert "no focal length" in driver.node.loop.views.state
    bench.publish("camera_info", lens())
    bench.publish("odom", odometry_at(2.2))
    bench.until(lambda: driver.node.loop.views.focal and driver.at() is not None, "the lens and the odometry")
    driver.see(seen("evening", 0.1, along_m=5.0))
    bench.until(lambda: turns, "a turn")
    message = turns[0][1]
    assert yaw_of(message) == pytest.approx(-0.1, abs=0.02)
    assert (message.pose.pose.position.x, message.header.frame_id) == (2.0, "map")
    assert message.header.stamp == stamp(driver.now)
    assert 0.0 < message.pose.covariance[35] < 0.05**2
    driver.see(seen("evening", 0.1, along_m=5.0)[:, ::-1])  # the mutant: a mirrored image
    driver.show(lambda t: image_at(t, seen("evening", 0.1, along_m=5.0)[:, ::-1]))
    bench.spin()
    assert all(abs(yaw_of(mirrored) + 0.1) > 0.05 for _, mirrored in turns[1:])
    assert driver.node.guard.errors == 0


def test_a_sensing_order_slows_turns_down_and_silence_ends_it(drive):
    status = DiagnosticStatus(name="place")
    status.values = [KeyValue(key=key, value=value) for key, value in SensingOrder(1.0).to_values().items()]
    drive.bench.publish("coordinator/sensing", DiagnosticArray(status=[status]))
    drive.bench.until(lambda: drive.node.loop.config.turn_rate_hz == 1.0, "the order to be followed")
    assert drive.node.loop.views.config.turn_rate_hz == 1.0
    drive.bench.until(lambda: drive.node.loop.views.config.turn_rate_hz == 5.0, "the lease to run out")


def test_a_lens_that_is_none_is_left_out(drive):
    for width, focal in ((0, 100.0), (160, float("nan")), (160, -1.0)):
        message = CameraInfo(width=width)
        message.k[0] = focal
        drive.bench.publish("camera_info", message)
    drive.bench.spin()
    assert drive.node.loop.views.focal is None
    assert drive.node.guard.errors == 0


def test_a_full_disk_is_an_answer_not_a_crash(bench, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    drive = Drive(bench, save_path=str(tmp_path / "file" / "map.safetensors"))
    answer = drive.call("save")
    assert (answer.success, "cannot be written" in answer.message) == (False, True)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"map": "/no/such.safetensors"}, "/no/such.safetensors: cannot be read"),
        ({"sequnce": 3}, "did you mean 'sequence'"),
        ({"rate_hz": 0.0}, "rate_hz"),
        ({"roi_left": 0.5, "roi_right": 0.4}, "roi_right: .*more than roi_left = 0.5"),
        ({"slowest": 2.0}, "fastest: .*no less than slowest"),
    ],
)
def test_a_bad_start_names_the_parameter(bench, parameters, words):
    with pytest.raises(ConfigError, match=words):
        bench.make(PlaceRecognizerNode, **parameters)


def test_settings_change_while_it_runs(drive):
    from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue

    def put(name, value):
        content = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)
        request = SetParametersAtomically.Request(parameters=[Parameter(name=name, value=content)])
        return drive.bench.call(SetParametersAtomically, "place_recognizer/set_parameters_atomically", request).result

    assert put("roi_right", 0.5).successful
    drive.see(SCENE)
    assert drive.node.loop.newest.image.shape == (32, 32)
    refusal = put("roi_left", 0.7)
    assert not refusal.successful
    assert "roi_left" in refusal.reason
    assert drive.node.loop.config.roi_left == 0.0


def test_the_launch_file_starts_and_stops_it(bench, tmp_path):
    path = tmp_path / "map.safetensors"
    places = PlaceMap()
    places.add(route(3))
    places.save(path)
    (action,) = read_launch(ROOT / "launch" / "place_recognizer.launch.xml", {"map": str(path)})
    process = bench.start(action.command())
    reports = diagnostics(bench)
    _, _, values = bench.diagnosis("place_recognizer", reports)
    assert values["places"] == "3"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20.0)
    assert process.returncode == 0, output
    assert "Traceback" not in output


def test_a_damaged_map_is_one_line_and_exit_code_1(bench, tmp_path):
    path = tmp_path / "map.safetensors"
    path.write_bytes(b"\x80\x04 pickle")
    process = bench.start([executable("place_recognizer"), "--ros-args", "--log-level", "fatal", "-p", f"map:={path}"])
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "found a pickle" in output.splitlines()[-1]
    assert "Traceback" not in output


def test_images_at_30_hz(bench):
    """Real time, as a camera sends them: everything is answered, and the latency is printed."""
    node = bench.make(PlaceRecognizerNode, use_sim_time=False, rate_hz=100.0)
    scores = bench.listen("place/scores", Float32MultiArray)
    node.loop.recogniser.map.add(route(200))
    node.loop.reset()
    scenes = again(route(60))
    for k, pixels in enumerate(scenes):
        due = perf_counter() + 1.0 / 30.0
        bench.publish("image", image_at(bench.node.get_clock().now().nanoseconds * 1e-9, pixels))
        while perf_counter() < due or len(scores) <= k - 5:
            bench.executor.spin_once(timeout_sec=0.002)
    bench.until(lambda: node.loop.counts["ok"] >= 58, "nearly every image")
    values = node.loop.health(0.0).values
    print(f"latency p50 {values['latency_p50_ms']:.2f} ms, p99 {values['latency_p99_ms']:.2f} ms")
