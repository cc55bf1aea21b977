"""What each part of the fast network is worth: recall at 1 on real traverses without it, beside the whole network."""

from collections.abc import Iterator

import numpy as np

from benchmarks.places import DATA, Task, tasks
from benchmarks.row import Row, throughput
from snn_perception.places.calibration import Calibration, calibrate, gather
from snn_perception.places.ensemble import EnsembleConfig, PlaceEnsemble
from snn_perception.places.evaluation import index_truth, recall_at
from snn_perception.places.fast_network import FastConfig
from snn_perception.places.image_sources import read_arrays
from snn_perception.places.latency_code import LatencyConfig
from snn_perception.places.networks import FastPlaces
from snn_perception.places.region_modules import RegionConfig

SHOWN = ("nordland, first 500", "gardens, tolerance 2", "corridor, tolerance 2")
EXITS = (0.5, 0.7, 0.9, 0.95, 0.99)
FOREVER = 1e6  # a prior of so many images leaves no adaptation


def variants() -> Iterator[tuple[str, EnsembleConfig]]:
    """Names and networks, the whole one first."""
    yield "whole", EnsembleConfig()
    for members in (3, 5):
        yield f"ensemble of {members}", EnsembleConfig(members=members)
    yield "no regularisation", _with(region=RegionConfig(regularisation=0.0))
    yield "regions along the route", EnsembleConfig(network=FastConfig(shuffle=False))
    yield "one gaze", _with(region=RegionConfig(reach=0))
    yield "no adaptation to the query traverse", _with(latency=LatencyConfig(prior_images=FOREVER))
    for steps in (24, 16, 12, 8):
        yield f"{steps} time steps instead of 32", _with(region=RegionConfig(steps=steps))
    for steps in (8, 4, 2):
        yield f"{steps} input steps instead of 16", _with(latency=LatencyConfig(input_steps=steps))
    for share in (0.25, 0.5, 0.75, 0.9):
        yield f"{share:.0%} of the input spikes lost", EnsembleConfig(network=FastConfig(lost_spikes=share))


def _with(**parts: RegionConfig | LatencyConfig) -> EnsembleConfig:
    return EnsembleConfig(network=FastConfig(**parts))


def early_exit() -> list[Row]:
    """Recall at 1 against mean time steps, for margins at which an answer is right with rising probability.

    The margins are fitted on Nordland places 500 to 1199; the peer takes all 32 steps.
    """
    real = _real()
    if not real:
        return []
    line = read_arrays(DATA / "nordland_1200_64x32.npz")
    ensemble = PlaceEnsemble()
    ensemble.learn(line["summer"][500:])
    evidence = gather(ensemble, line["winter"][500:], index_truth(700, 700, 0))
    rows = []
    for probability in EXITS:
        calibration = calibrate(evidence, probability)
        for task in real:
            value, steps = _recall(task, EnsembleConfig(), calibration)
            full, _ = _recall(task, EnsembleConfig())
            rows.append(
                throughput(f"{task.name}: exit at {probability}, {steps:.1f} steps", value, "", "32 steps", full)
            )
    return rows


def ablation() -> list[Row]:
    """Recall at 1 of single images."""
    rows = []
    for task in _real():
        whole = 0.0
        for name, config in variants():
            value, _ = _recall(task, config)
            whole = value if name == "whole" else whole
            rows.append(throughput(f"{task.name}: {name}", value, "", "whole", whole))
    return rows


def _real() -> list[Task]:
    return [task for task in tasks() if task.name in SHOWN]


def _recall(task: Task, config: EnsembleConfig, early: Calibration | None = None) -> tuple[float, float]:
    """Recall at 1 and mean time steps; with `early`, presentations stop at its margins."""
    network = FastPlaces(config, early, early_exit=early is not None)
    network.learn(task.references)
    said = [network.answer(image) for image in task.queries]
    matrix = np.stack([answer.scores for answer in said], axis=1)
    return recall_at(matrix, task.truth, 1), float(np.mean([answer.steps for answer in said]))
