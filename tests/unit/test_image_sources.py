"""Where images come from: every kind of source, and every way in which one can be wrong."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from snn_core.errors import DataError
from snn_perception.places.event_frames import event_frames
from snn_perception.places.image_sources import read_source
from snn_perception.places.pixel_buffers import PixelBuffer, grey_of
from unit.scenes import route

SCENES = route(6)
TYPES = get_typestore(Stores.ROS2_JAZZY)


def write_folder(folder: Path, images=SCENES) -> Path:
    folder.mkdir()
    for k, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{k:04d}.png")
    (folder / "notes.txt").write_text("not an image")
    return folder


def write_bag(path: Path, messages, plugin=StoragePlugin.MCAP) -> Path:
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connections = {}
        for k, (topic, message) in enumerate(messages):
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=TYPES)
            writer.write(connections[topic], k, TYPES.serialize_cdr(message, kind))
    return path


def header(k):
    return TYPES.types["std_msgs/msg/Header"](TYPES.types["builtin_interfaces/msg/Time"](k, 0), "camera")


def raw(image, k=0, encoding="mono8", **changes):
    fields = {
        "header": header(k), "height": image.shape[0], "width": image.shape[1], "encoding": encoding, "is_bigendian": 0,
        "step": image.strides[0], "data": np.ascontiguousarray(image).reshape(-1),
    }  # fmt: skip
    return TYPES.types["sensor_msgs/msg/Image"](**{**fields, **changes})


def compressed(image, k=0):
    import io

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="png")
    return TYPES.types["sensor_msgs/msg/CompressedImage"](header(k), "png", np.frombuffer(buffer.getvalue(), np.uint8))


def test_a_folder_in_order_of_names(tmp_path: Path) -> None:
    source = read_source(str(write_folder(tmp_path / "walk")))
    assert source.name == "walk"
    assert np.array_equal(source.images, SCENES)


def test_large_images_are_made_smaller(tmp_path: Path) -> None:
    large = SCENES.repeat(40, 1).repeat(40, 2)[:1]
    source = read_source(str(write_folder(tmp_path / "large", large)))
    assert source.images.shape == (1, 320, 640)
    assert abs(float(source.images.mean()) - float(large.mean())) < 1.0


def test_keys_of_an_npz_and_parts_of_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", day=SCENES, colour=np.stack([SCENES] * 3, axis=-1))
    assert np.array_equal(read_source(f"{tmp_path}/a.npz:day").images, SCENES)
    assert np.array_equal(read_source(f"{tmp_path}/a.npz:day[2:4]").images, SCENES[2:4])
    assert np.array_equal(read_source(f"{tmp_path}/a.npz:day[3:]").images, SCENES[3:])
    assert np.array_equal(read_source(f"{tmp_path}/a.npz:colour").images, SCENES)


@pytest.mark.parametrize("plugin", list(StoragePlugin))
def test_bags_with_raw_and_compressed_images(tmp_path: Path, plugin: StoragePlugin) -> None:
    messages = [("/raw", raw(image, k)) for k, image in enumerate(SCENES)]
    messages += [("/small", compressed(image, k)) for k, image in enumerate(SCENES)]
    path = write_bag(tmp_path / "bag", messages, plugin)
    for topic in ("/raw", "/small"):
        assert np.array_equal(read_source(f"{path}:{topic}").images, SCENES)
    with pytest.raises(DataError, match=r"expected one image topic, found /raw, /small; name it as .*bag:/topic"):
        read_source(str(path))
    with pytest.raises(DataError, match="image topics: /raw, /small"):
        read_source(f"{path}:/other")


def test_videos(tmp_path: Path) -> None:
    import av

    path = tmp_path / "walk.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "gray"
        for image in SCENES:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode())
    assert np.array_equal(read_source(str(path)).images, SCENES)
    payload = path.read_bytes()
    path.write_bytes(payload[:100])
    with pytest.raises(DataError, match="as a video"):
        read_source(str(path))


def test_event_frames_by_hand(tmp_path: Path) -> None:
    x, y = np.array([1, 1, 2, 3, 3]), np.array([0, 0, 1, 2, 2])
    t_us, on = np.array([10, 20, 30, 60_000, 60_001]), np.array([True, True, False, True, False])
    frames = event_frames(x, y, t_us, on, 10, 8, 50_000)
    assert frames.shape == (2, 8, 10)
    assert (frames[0, 0, 1], frames[0, 1, 2], frames[1, 2, 3]) == (128 + 64, 128 - 32, 128)
    assert (frames != 128).sum() == 2
    np.savez(tmp_path / "events.npz", x=x, y=y, t_us=t_us, on=on, width=10, height=8)
    assert np.array_equal(read_source(str(tmp_path / "events.npz")).images, frames)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x": [1, 2]}, "as many x, y, t_us and on"),
        ({"x": [1, 99, 2]}, "some outside"),
        ({"y": [1, -1, 2]}, "some outside"),
        ({"t_us": [3, 2, 1]}, "running backwards"),
        ({"t_us": [0, 1, 10**12]}, "are they us"),
        ({"x": [], "y": [], "t_us": [], "on": []}, "at least one event"),
    ],
)
def test_events_that_are_none(changes, words) -> None:
    events = {"x": [1, 2, 3], "y": [1, 2, 3], "t_us": [0, 1, 2], "on": [1, 0, 1], **changes}
    with pytest.raises(DataError, match=words):
        event_frames(*(np.array(events[k]) for k in ("x", "y", "t_us", "on")), 10, 8, 50_000)


def test_sources_that_are_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", day=SCENES, flat=np.zeros(3), wide=np.zeros((3, 20, 20)))
    np.savez(tmp_path / "evil.npz", day=np.array([{}], object))
    (tmp_path / "text.csv").write_text("1,2")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 not really")
    (tmp_path / "empty").mkdir()
    mixed = write_folder(tmp_path / "mixed")
    Image.fromarray(SCENES[0][:, :40]).save(mixed / "9999.png")
    torn = write_folder(tmp_path / "torn")
    (torn / "0003.png").write_bytes((torn / "0003.png").read_bytes()[:80])
    tiny = write_folder(tmp_path / "tiny", np.zeros((2, 4, 4), np.uint8))
    for text, words in {
        f"{tmp_path}/nowhere": "found nothing there",
        f"{tmp_path}/empty": "found none",
        f"{tmp_path}/text.csv": "found a file ending in '.csv'",
        f"{tmp_path}/a.npz": "found no key; it has day, flat, wide",
        f"{tmp_path}/a.npz:night": "found 'night'; it has day, flat, wide",
        f"{tmp_path}/a.npz:flat": "found shape (3,)",
        f"{tmp_path}/a.npz:wide": "expected uint8 pixels, found float64",
        f"{tmp_path}/a.npz:day[6:]": "found none",
        f"{tmp_path}/evil.npz:day": "plain arrays",
        f"{tmp_path}/broken.npz:day": "cannot be read",
        str(mixed): "9999.png: expected 64 x 32 px like the images before, found 40 x 32",
        str(torn): "0003.png: cannot be decoded",
        str(tiny): "found 4 x 4",
    }.items():
        with pytest.raises(DataError) as caught:
            read_source(text)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_bags_that_are_none(tmp_path: Path) -> None:
    short = write_bag(tmp_path / "short", [("/raw", raw(SCENES[0], data=SCENES[0].reshape(-1)[:50]))])
    other = write_bag(tmp_path / "other", [("/head", header(1))])
    torn = write_bag(tmp_path / "torn", [("/raw", raw(SCENES[0]))])
    file = next(torn.glob("*.mcap"))
    file.write_bytes(file.read_bytes()[:60])
    for path, words in ((short, "truncated"), (other, "found image topics: none"), (torn, "cannot be read")):
        with pytest.raises(DataError, match=words):
            read_source(str(path))


ROWS = np.arange(8 * 12, dtype=np.uint8).reshape(8, 12)


def test_padded_rows_and_every_encoding() -> None:
    assert np.array_equal(grey_of(PixelBuffer(8, 10, "mono8", 12, False, ROWS.tobytes()), "x"), ROWS[:, :10])
    colours = np.zeros((8, 8, 3), np.uint8)
    colours[..., 0] = 100
    assert (grey_of(PixelBuffer(8, 8, "rgb8", 24, False, colours.tobytes()), "x") == 30).all()
    assert (grey_of(PixelBuffer(8, 8, "bgr8", 24, False, colours.tobytes()), "x") == 11).all()
    deep = np.full((8, 8), 0x1234, np.uint16)
    for big_endian, data in ((False, deep.astype("<u2")), (True, deep.astype(">u2"))):
        assert (grey_of(PixelBuffer(8, 8, "mono16", 16, big_endian, data.tobytes()), "x") == 0x12).all()


@pytest.mark.parametrize(
    ("buffer", "words"),
    [
        (PixelBuffer(8, 12, "mono8", 12, False, bytes(95)), "expected 96 bytes"),
        (PixelBuffer(8, 12, "mono8", 11, False, bytes(96)), "a step of at least 12"),
        (PixelBuffer(0, 0, "mono8", 0, False, b""), "found 0 x 0"),
        (PixelBuffer(20000, 20000, "mono8", 20000, False, b""), "found 20000 x 20000"),
        (PixelBuffer(8, 12, "bayer\nlog", 12, False, bytes(96)), "found 'bayer.nlog'"),
    ],
)
def test_buffers_that_lie(buffer, words) -> None:
    with pytest.raises(DataError, match=words):
        grey_of(buffer, "camera")
