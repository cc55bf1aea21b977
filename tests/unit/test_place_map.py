"""Maps: files that come back as they were and refuse what is damaged; removal, merging, teaching, size."""

import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from snn_core.errors import DataError, ModelError, OutputError
from snn_perception.places.ensemble import EnsembleConfig
from snn_perception.places.image_shift import outline, packed
from snn_perception.places.place_map import LARGEST_FILE, PlaceMap
from snn_perception.places.recogniser import PlaceRecogniser
from unit.scenes import again, route

SCENES = route(30)
POSES = np.concatenate([np.arange(30.0)[:, None], np.zeros((30, 5)), np.ones((30, 1))], axis=1)


def made(images=SCENES, poses=POSES, members=1):
    places = PlaceMap(EnsembleConfig(members=members))
    places.add(images, poses[: len(images)])
    return places


def answers(places, queries):
    recogniser = PlaceRecogniser(places)
    return [recogniser.recognise(image) for image in queries]


def recall(places, queries=None):
    queries = again(SCENES) if queries is None else queries
    return float(np.mean([found.place == k for k, found in enumerate(answers(places, queries))]))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "map.safetensors"
    made(members=2).save(target, "a test", "world")
    return target


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        PlaceMap.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def rewrite(path: Path, changes=None, header=None) -> None:
    """Change tensors (None = leave out) and entries of the header."""
    payload = path.read_bytes()
    length = struct.unpack("<Q", payload[:8])[0]
    inner = json.loads(json.loads(payload[8 : 8 + length])["__metadata__"]["snn_robotics"])
    tensors = {**load(payload), **(changes or {})}
    kept = {name: value for name, value in tensors.items() if value is not None}
    path.write_bytes(save(kept, {"snn_robotics": json.dumps({**inner, **(header or {})})}))


def test_what_is_loaded_answers_as_what_was_saved(path: Path) -> None:
    before, after = made(members=2), PlaceMap.load(path)
    assert (after.places, after.digest) == (30, before.digest)
    assert np.array_equal(after.poses, POSES)
    for a, b in zip(answers(before, again(SCENES)), answers(after, again(SCENES)), strict=True):
        assert np.array_equal(a.scores, b.scores)


def test_the_same_images_give_the_same_bytes(tmp_path: Path, path: Path) -> None:
    made(members=2).save(tmp_path / "again.safetensors", "a test", "world")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_a_loaded_map_goes_on_growing(path: Path) -> None:
    grown = PlaceMap.load(path)
    grown.add(route(20, seed=8))
    assert grown.places == 50
    assert np.isnan(grown.poses[30:]).all()
    assert recall(grown) > 0.9
    assert answers(grown, route(20, seed=8))[7].place == 37


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "evil.safetensors").write_bytes(pickle.dumps(Canary(canary)))
    assert "found a pickle" in refusal(tmp_path / "evil.safetensors")
    assert not canary.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"0.synapses": None}, "expected tensor '0.synapses', found none"),
        ({"1.mean": None}, "'1.mean'"),
        ({"poses": np.zeros((29, 7))}, "poses: expected float64 of shape (30, 7)"),
        ({"0.synapses": np.zeros((4096, 30), np.int16)}, "0.synapses: expected int8"),
        ({"0.inhibition": np.full(30, np.nan, np.float32)}, "0.inhibition: expected finite"),
        ({"0.mean": np.full(4096, np.inf, np.float32)}, "0.mean: expected finite"),
        ({"0.place_of": np.full(30, -1)}, "0.place_of: expected each of 30 places"),
        ({"0.place_of": np.arange(30) * 1000}, "0.place_of: expected each of 30 places"),
    ],
)
def test_damaged_tensors(path: Path, changes, words: str) -> None:
    rewrite(path, changes)
    assert words in refusal(path)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"kind": "spiking_pid"}, "kind"),
        ({"format_version": 2}, "format version 1, found 2"),
        ({"places": -1}, "places"),
        ({"ensemble": {"members": 99}}, "members"),
        ({"code": "import os"}, "code"),
    ],
)
def test_bad_headers(path: Path, header, words: str) -> None:
    rewrite(path, header=header)
    assert words in refusal(path)


def test_truncated_giant_and_missing_files(tmp_path: Path, path: Path) -> None:
    payload = path.read_bytes()
    for length in (0, 7, 100, len(payload) - 1):
        path.write_bytes(payload[:length])
        refusal(path)
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    assert f"at most {LARGEST_FILE} bytes" in refusal(path)
    assert "cannot be read" in refusal(tmp_path / "nowhere.safetensors")
    with pytest.raises(OutputError):
        made().save(tmp_path / "nowhere" / ".." / ".")


def test_2700_places_take_less_than_25_mb(tmp_path: Path) -> None:
    places = PlaceMap()
    places.add(route(270))
    places.save(tmp_path / "map.safetensors")
    assert (tmp_path / "map.safetensors").stat().st_size * 10 < 25_000_000


def test_removed_places_are_forgotten_and_the_others_kept() -> None:
    places = made()
    before = places.ensemble.members[0].modules.synapses.copy()
    places.remove(np.array([3, 4, 10]))
    kept = np.delete(np.arange(30), [3, 4, 10])
    modules = places.ensemble.members[0].modules
    assert np.array_equal(modules.synapses, before[:, kept])
    assert np.array_equal(places.poses[:, 0], kept)
    assert recall(places, again(SCENES[kept])) > 0.9
    places.remove(np.arange(27))
    assert answers(places, SCENES[:1])[0].place is None


def test_merged_maps_know_both_routes() -> None:
    other = route(25, seed=6)
    first, second = made(), made(other)
    mine = first.ensemble.members[0].modules.synapses.copy()
    first.merge(second)
    modules = first.ensemble.members[0].modules
    assert first.places == 55
    assert np.array_equal(modules.synapses[:, :30], mine)
    assert len(np.unique(modules.region_of[:55])) == 3
    assert recall(first) > 0.9
    assert np.mean([found.place == 30 + k for k, found in enumerate(answers(first, again(other)))]) > 0.9
    with pytest.raises(DataError, match="another configuration"):
        first.merge(made(members=2))


def test_taught_one_by_one_it_knows_the_same_places() -> None:
    places = PlaceMap()
    recogniser = PlaceRecogniser(places)
    for image in route(10, seed=3):
        recogniser.recognise(image)  # eyes adapt on the way
    for image, pose in zip(SCENES, POSES, strict=True):
        recogniser.recognise(image)
        recogniser.teach(image, pose)
    assert places.places == 30
    assert np.array_equal(places.poses, POSES)
    recogniser.start()
    assert np.mean([recogniser.recognise(x).place == k for k, x in enumerate(again(SCENES))]) > 0.85


def test_poses_and_traverses_must_fit() -> None:
    with pytest.raises(DataError, match=r"poses: expected \(30, 7\)"):
        PlaceMap().add(SCENES, np.zeros((30, 3)))
    with pytest.raises(DataError, match="frame by frame"):
        made().add_traverse(route(31))


def test_views_are_saved_merged_and_removed_with_their_places(tmp_path: Path) -> None:
    places, blind = PlaceMap(), made()
    places.add(SCENES[:4], POSES[:4], views=True)
    places.add(SCENES[4:6, :, :40], POSES[4:6], views=True)  # another camera
    wanted = [packed(outline(image)) for image in (*SCENES[:4], *SCENES[4:6, :, :40])]
    places.merge(blind)
    places.remove(np.array([1]))
    places.save(tmp_path / "map.safetensors")
    loaded = PlaceMap.load(tmp_path / "map.safetensors")
    del wanted[1]
    assert all(np.array_equal(a, b) for a, b in zip(loaded.outlines, wanted, strict=False))
    assert [known.size > 0 for known in loaded.outlines] == [True] * 5 + [False] * 30


def test_a_map_made_without_views_loads_and_one_of_damaged_views_does_not(path: Path) -> None:
    assert not PlaceMap.load(path).has_outlines
    pixels = np.zeros(30 * 6, np.int8)
    rewrite(path, {"outlines": pixels, "outline_shapes": np.tile(np.array([[2, 3]], np.int32), (30, 1))})
    assert PlaceMap.load(path).outlines[29].shape == (2, 3)
    for shape, words in (([-2, -3], "sides of 0 to 8192"), ([2, 4], "outlines"), ([9000, 1], "to 9000")):
        rewrite(path, {"outline_shapes": np.tile(np.array([shape], np.int32), (30, 1))})
        assert words in refusal(path)
    rewrite(path, {"outline_shapes": None})
    assert "outline_shapes" in refusal(path)
