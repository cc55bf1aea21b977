"""What each part of the fast network is worth: recall at 1 on real traverses without it, beside the whole network."""

from collections.abc import Iterator

import numpy as np

from benchmarks.places import Task, tasks
from benchmarks.row import Row, throughput
from snn_perception.places.ensemble import EnsembleConfig
from snn_perception.places.evaluation import recall_at
from snn_perception.places.fast_network import FastConfig
from snn_perception.places.latency_code import LatencyConfig
from snn_perception.places.networks import FastPlaces
from snn_perception.places.region_modules import RegionConfig

SHOWN = ("nordland, first 500", "gardens, tolerance 2", "corridor, tolerance 2")
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
    """Recall at 1 when presentations may stop early, with the mean of their time steps; the peer takes all 32."""
    rows = []
    for task in _real():
        full, early = (_recall(task, EnsembleConfig(), early) for early in (False, True))
        rows.append(throughput(f"{task.name}: R@1 in {early[1]:.1f} steps", early[0], "", "32 steps", full[0]))
    return rows


def ablation() -> list[Row]:
    """Recall at 1 of single images."""
    rows = []
    for task in _real():
        whole = 0.0
        for name, config in variants():
            value, _ = _recall(task, config, False)
            whole = value if name == "whole" else whole
            rows.append(throughput(f"{task.name}: {name}", value, "", "whole", whole))
    return [*rows, *early_exit()]


def _real() -> list[Task]:
    return [task for task in tasks() if task.name in SHOWN]


def _recall(task: Task, config: EnsembleConfig, early: bool) -> tuple[float, float]:
    network = FastPlaces(config, early_exit=early)
    network.learn(task.references)
    said = [network.answer(image) for image in task.queries]
    matrix = np.stack([answer.scores for answer in said], axis=1)
    return recall_at(matrix, task.truth, 1), float(np.mean([answer.steps for answer in said]))
