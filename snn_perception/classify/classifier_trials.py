"""Training of a classifier whose members validate each other, and its figures on samples that none of them saw.

The samples are dealt into five parts, or one for each member; each member learns all parts but its own. From what it
says of its own part, which is new to it, and from nothing else, temperature and threshold of early exit are fitted.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from snn_core.errors import DataError
from snn_perception.classify.classification import mean_evidence
from snn_perception.classify.classifier_model import Classifier
from snn_perception.classify.early_exit import ExitConfig, answers_at, exit_steps, fit_exit
from snn_perception.classify.labelled_recordings import LabelledRecordings, Whole, folds
from snn_perception.classify.spike_counts import Floats, InputConfig, count_spikes
from snn_perception.classify.spiking_layers import NetworkConfig, NetworkParams, gather_evidence
from snn_perception.classify.training_config import TrainingConfig

LARGEST_GRID = 36  # input neurons along the longer side; larger sensors are pooled
PARTS = 5  # at least
Train = Callable[[LabelledRecordings, Whole, InputConfig, NetworkConfig, TrainingConfig], NetworkParams]


class Trained(NamedTuple):
    """Members, and what those samples said that were new to one."""

    members: tuple[NetworkParams, ...]
    exit: ExitConfig
    validation: dict[str, float]


def inputs_for(data: LabelledRecordings, steps: int, step_us: int) -> InputConfig:
    """Input neurons for the sensor of the recordings."""
    width, height = data.events.width, data.events.height
    pooling = -(-max(width, height) // LARGEST_GRID)
    return InputConfig(width=width, height=height, pooling=pooling, steps=steps, step_us=step_us)


def train_members(
    data: LabelledRecordings, chosen: Whole, inputs: InputConfig, network: NetworkConfig, config: TrainingConfig,
    members: int, lost: float, train: Train, workers: int = 1,
) -> Trained:  # fmt: skip
    """Train the members on the chosen samples, and fit early exit so that it loses at most `lost` of the right answers.

    workers: members that learn side by side; it changes nothing but the time.

    Raises:
        DataError: too few samples of a class to deal them out.
    """
    parts = [chosen[part] for part in folds(data.label[chosen], max(members, PARTS), _rng(config))]
    if min(np.bincount(data.label[chosen], minlength=len(data.names))) < 2 or min(map(len, parts)) == 0:
        raise DataError(f"expected at least two samples of each class and {len(parts)} in all, found {len(chosen)}")

    def member(k: int) -> NetworkParams:
        own = TrainingConfig.model_validate({**config.model_dump(), "seed": config.seed + k})
        return train(data, np.setdiff1d(chosen, parts[k]), inputs, network, own)

    with ThreadPoolExecutor(workers) as pool:
        trained = tuple(pool.map(member, range(members)))
    z = [
        gather_evidence(count_spikes(data.sample(int(s)), inputs), inputs, network, params).z
        for params, part in zip(trained, parts, strict=False) for s in part
    ]  # fmt: skip
    stacked, truth = np.stack(z), data.label[np.concatenate(parts[:members])]
    found = fit_exit(stacked, truth, lost)
    return Trained(trained, found, figures(stacked, truth, found))


def _rng(config: TrainingConfig) -> np.random.Generator:
    return np.random.default_rng([config.seed, 1])


def evidence_of(classifier: Classifier, data: LabelledRecordings, chosen: Whole) -> Floats:
    """z (sample, step, class) of the chosen samples."""
    inputs = classifier.header.inputs
    return np.stack([mean_evidence(count_spikes(data.sample(int(k)), inputs), classifier) for k in chosen])


def figures(z: Floats, label: Whole, config: ExitConfig) -> dict[str, float]:
    """Accuracy with all steps and with early exit, and the mean steps that it takes."""
    stops = exit_steps(z, config)
    return {
        "samples": len(label), "accuracy": float(np.mean(z[:, -1].argmax(axis=1) == label)),
        "early_accuracy": float(np.mean(answers_at(z, stops) == label)), "early_steps": float(np.mean(stops + 1)),
        "steps": z.shape[1], "steps_saved": float(1 - np.mean(stops + 1) / z.shape[1]),
    }  # fmt: skip
