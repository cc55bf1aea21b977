"""Place recognition: accuracy on real traverses, and speed from 100 to 10,000 places.

VPRTempo and the Brian2 original take minutes to hours for whole sets, so those figures were measured once, on one core,
on the same images, and stand here by name. HOG, SAD and, where it is installed, VPRTempo on 100 places run beside ours.
"""

import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.row import Row, duration, seconds, throughput
from benchmarks.vprtempo_peer import VprTempo, installed
from snn_perception.places.baselines import BASELINES
from snn_perception.places.ensemble import EnsembleConfig
from snn_perception.places.evaluation import index_truth, range_truth, recall_at
from snn_perception.places.image_sources import read_arrays
from snn_perception.places.networks import FastPlaces
from snn_perception.places.paper_places import PaperConfig, PaperPlaces
from snn_perception.places.sequence import SequenceConfig, filter_matrix

DATA = Path(os.environ.get("SNN_DATA", "../shared/data")) / "places"
SIZES = (100, 1000, 2700, 10000)
TEMPO_TRAINING_S = {1000: 547.0}  # VPRTempo 1.1.10, 28 x 28, wall time on one core
EPOCHS = 8
BRIAN2_S = 0.80  # the published network, per training image and module
QUERY_GOAL_MS = 3.0
VPRTEMPO = "VPRTempo, measured before"


class Task(NamedTuple):
    """A query traverse of known places, and what VPRTempo reached on it."""

    name: str
    references: list[np.ndarray]
    queries: np.ndarray
    truth: np.ndarray
    tempo: tuple[float, float]  # recall at 1 of single images and of sequences of ten


def tasks() -> list[Task]:
    """The real traverses; none where the recordings are absent."""
    if not DATA.is_dir():
        return []
    line = read_arrays(DATA / "nordland_1200_64x32.npz")
    garden, hall = read_arrays(DATA / "gardens_day_128x72.npz"), read_arrays(DATA / "corridor_80x60.npz")
    fifty = read_arrays(DATA / "nordland50_vprsnn_28x28.npz")
    found = [
        Task(f"nordland, first {n}", [line["summer"][:n]], line["winter"][:n], index_truth(n, n, 0), tempo)
        for n, tempo in ((500, (0.37, 0.955)), (1000, (0.31, 0.954)))
    ]
    truth = range_truth(len(hall["ref"]), hall["gt_lo"], hall["gt_hi"])
    days = garden["day_left"], garden["day_right"]
    found.append(Task("gardens, tolerance 2", [days[0]], days[1], index_truth(200, 200, 2), (0.18, 0.32)))
    found.append(Task("corridor, tolerance 2", [hall["ref"]], hall["query"], truth, (0.16, 0.28)))
    both = [fifty["train_a"], fifty["train_b"]]
    found.append(Task("nordland50, two references", both, fifty["query"], index_truth(50, 50, 0), (np.nan, np.nan)))
    return found


def answers(references: list[np.ndarray], queries: np.ndarray) -> np.ndarray:
    """Similarity (place, query) of the fast network."""
    network = FastPlaces(EnsembleConfig())
    network.learn(references)
    return np.stack([network.answer(image).scores for image in queries], axis=1)


def accuracy() -> list[Row]:
    """Recall at 1 on real traverses, single images and sequences of ten, beside HOG, SAD and VPRTempo."""
    rows = []
    for task in tasks():
        ours = answers(task.references, task.queries)
        peers = {
            name: np.max([work(images, task.queries) for images in task.references], axis=0)
            for name, work in BASELINES.items()
        }
        for length, tempo in zip((1, 10), task.tempo, strict=True):
            sequence = SequenceConfig(sequence=length)
            value = recall_at(filter_matrix(ours, sequence), task.truth, 1)
            name = f"{task.name}: R@1" + (f", sequence {length}" if length > 1 else "")
            for peer, matrix in peers.items():
                rows.append(
                    throughput(name, value, "", peer, recall_at(filter_matrix(matrix, sequence), task.truth, 1))
                )
            if tempo == tempo:
                rows.append(throughput(name, value, "", VPRTEMPO, tempo))
    return rows + _paper_accuracy()


def _paper_accuracy() -> list[Row]:
    if not DATA.is_dir():
        return []
    fifty = read_arrays(DATA / "nordland50_vprsnn_28x28.npz")
    network = PaperPlaces()
    network.learn([fifty["train_a"], fifty["train_b"]])
    matrix = np.stack([network.answer(image).scores for image in fifty["query"]], axis=1)
    value = recall_at(matrix, index_truth(50, 50, 0), 1)
    return [throughput("nordland50, paper's network: R@1", value, "", "VPRSNN (Brian2), measured before", 0.82)]


def scenes(count: int) -> np.ndarray:
    """So many images of 64 x 32: the recorded line, mirrored and moved when it is too short, or drawn ones."""
    if DATA.is_dir():
        base = read_arrays(DATA / "nordland_1200_64x32.npz")["summer"]
    else:
        base = np.random.default_rng(0).integers(0, 256, (1200, 8, 16)).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    parts = [np.roll(base[:, :, :: (-1) ** k], 5 * (k // 2), axis=2) for k in range(-(-count // len(base)))]
    return np.concatenate(parts)[:count]


@cache
def tempo() -> VprTempo | None:
    """VPRTempo, trained here on the smallest map (half a minute); none where it is not installed."""
    return VprTempo(scenes(SIZES[0])) if installed() else None


def training() -> list[Row]:
    """Time to learn places from images, and of one image by one module of the paper's network."""
    rows, times = [], {}
    for count in SIZES:
        images = scenes(count)
        times[count] = seconds(lambda images=images: FastPlaces(EnsembleConfig()).learn([images]), repeats=1)
        rows.append(
            duration(
                f"training {count} places, each", times[count] / count * 1e3, "ms", f"each of {SIZES[0]}",
                times[SIZES[0]] / SIZES[0] * 1e3,
            )
        )  # fmt: skip
    for count, peer_s in TEMPO_TRAINING_S.items():
        rows.append(duration(f"training {count} places", times[count], "s", VPRTEMPO, peer_s))
    peer = tempo()
    if peer is not None:
        rows.append(duration(f"training {SIZES[0]} places", times[SIZES[0]], "s", "VPRTempo, now", peer.train_s))
    return [*rows, _paper_training()]


def _paper_training() -> Row:
    """Mean over a whole training of eight epochs, as the peer's figure is."""
    network = PaperPlaces(PaperConfig(epochs=EPOCHS))
    images = scenes(50)
    shown = network.pixels(images).reshape(2, 25, -1)
    value = seconds(lambda: network.train(shown)) / (EPOCHS * len(images))
    peer = "VPRSNN (Brian2), measured before"
    return duration("paper's network, training image and module", value * 1e3, "ms", peer, BRIAN2_S * 1e3)


def query() -> list[Row]:
    """Median time of one 64 x 32 image, preprocessing included; the peer is what was asked of 2700 places."""
    rows, medians = [], {}
    for count in SIZES:
        network, images = FastPlaces(EnsembleConfig()), scenes(count)
        network.learn([images])
        medians[count] = _median_ms(network.answer, images)
        name = f"query against {count} places ({network.bytes / 1e6:.1f} MB)"
        rows.append(duration(name, medians[count], "ms", "goal for 2700 places", QUERY_GOAL_MS))
    peer, first = tempo(), SIZES[0]
    if peer is not None:
        peer_ms = _median_ms(peer.answer, scenes(first))
        rows.append(duration(f"query against {first} places", medians[first], "ms", "VPRTempo, now", peer_ms))
    return rows


def _median_ms(answer: Callable[[np.ndarray], object], images: np.ndarray) -> float:
    """Over some fifty of the images."""
    chosen = range(0, len(images), -(-len(images) // 50))
    return float(np.median([seconds(partial(answer, images[k]), repeats=1) for k in chosen])) * 1e3
