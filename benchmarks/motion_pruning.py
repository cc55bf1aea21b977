"""How few synapses the layer of delays needs, and what fewer pixels gain in speed."""

import time

import numpy as np

from benchmarks.motion import DATA
from benchmarks.row import Row, throughput
from snn_perception.events.sources import read_events
from snn_perception.motion.evidence import EvidenceGatherer
from snn_perception.motion.motion_estimator import MotionConfig, windows
from snn_perception.motion.motion_model import MotionModel, load_motion_model
from snn_perception.motion.motion_trials import directions_score
from snn_perception.motion.pruning import keep_pixels, keep_synapses

SEED, ROUNDS = 2000, 10
SHARES = (1.0, 3.0, 10.0, 31.0, 100.0, 316.0, 1000.0)  # all synapses over those kept
PIXELS = (137, 89, 49, 25, 13)
PATCHES = 5000


def pruning() -> list[Row]:
    """Twelve directions of held-out textures, right within 15 degrees; the layer as trained is the peer."""
    model = load_motion_model()
    return [*_synapses(model), *_pixels(model)]


def _accuracy(model: MotionModel, weights, align: bool) -> float:
    config = MotionConfig() if align else MotionConfig(align=0)
    return directions_score(model._replace(weights=weights), SEED, ROUNDS, config=config)["accuracy_12"]


def _synapses(model: MotionModel) -> list[Row]:
    rows, full = [], {}
    for share in SHARES:
        weights = keep_synapses(model.weights, int(model.weights.size / share))
        count = int(np.count_nonzero(weights))
        for align, how in ((False, "layer alone"), (True, "aligned")):
            value = _accuracy(model, weights, align)
            full.setdefault(align, value)
            rows.append(throughput(f"{how}: {count} synapses kept (1/{share:g})", value, "", "all", full[align]))
    return rows


def _pixels(model: MotionModel) -> list[Row]:
    rows, full = [], 0.0
    for count in PIXELS:
        weights = keep_pixels(model.weights, count)
        kept = int(np.count_nonzero(np.abs(weights).max(axis=(0, 2, 3))))
        rate = _rate(weights)
        full = full or rate
        value = _accuracy(model, weights, align=False)
        rows.append(
            throughput(
                f"layer alone: {kept} pixels kept, accuracy {value:.3f}; patches per CPU second",
                rate,
                "1/s",
                "all",
                full,
            )
        )
    return rows


def _rate(weights) -> float:
    """Patches judged in a CPU second, on the slider."""
    path = DATA / "slider_chunk.txt"
    if not path.is_file():
        return float("nan")
    batch = read_events(str(path), (240, 180))
    gatherer = EvidenceGatherer(240, 180, weights, PATCHES)
    parts = [part for _, part in windows(batch, 20_000)]
    gatherer.read(parts[0])
    began = time.process_time()
    judged = sum(int(gatherer.read(part).patches.sum()) for part in parts[1:])
    return judged / (time.process_time() - began)
