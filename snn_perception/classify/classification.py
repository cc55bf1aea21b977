"""What is to be seen in a recording, when that was clear, and how sure it is; or no answer."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_core.errors import DataError
from snn_perception.classify.classifier_model import Classifier
from snn_perception.classify.early_exit import probabilities
from snn_perception.classify.spike_counts import Counts, count_spikes
from snn_perception.classify.spiking_layers import NetworkRun, gather_evidence
from snn_perception.events.batch import EventBatch


class ClassifyConfig(Config):
    """When to stop, and when to keep silent."""

    min_confidence: float = Field(0.5, ge=0, le=1, description="least confidence of an answer")
    early_exit: bool = Field(True, description="stop as soon as the evidence suffices")


class Classification(NamedTuple):
    """An answer, or none."""

    label: str | None
    confidence: float
    probabilities: dict[str, float]
    steps: int  # that were looked at
    of_steps: int
    spikes: int  # of the input and of all layers
    synops: int


def classify(batch: EventBatch, classifier: Classifier, config: ClassifyConfig | None = None) -> Classification:
    """Classify the first window of a recording whose clock begins at 0, one time step after the other.

    Raises:
        DataError: events outside the sensor that the classifier was trained with.
    """
    config, header = config or ClassifyConfig(), classifier.header
    counts = count_checked(batch, classifier)
    runs = [NetworkRun(header.inputs, header.network, member) for member in classifier.members]
    threshold = header.exit.threshold if config.early_exit else 1.0
    p: NDArray[np.float64] = np.full(header.network.classes, 1.0 / header.network.classes)
    steps = 0
    for now in counts:
        p = probabilities(np.mean([run.step(now) for run in runs], axis=0), header.exit.alpha)
        steps += 1
        if p.max() > threshold:
            break
    sure = bool(counts.any()) and p.max() >= config.min_confidence
    return Classification(
        header.names[int(p.argmax())] if sure else None, float(p.max()),
        {name: float(value) for name, value in zip(header.names, p, strict=True)}, steps, len(counts),
        int(sum(run.spikes[1:].sum() for run in runs) + runs[0].spikes[0]), sum(run.synops for run in runs),
    )  # fmt: skip


def count_checked(batch: EventBatch, classifier: Classifier) -> Counts:
    """The input spikes of a recording of the right sensor."""
    inputs = classifier.header.inputs
    if len(batch) and (batch.x.max() >= inputs.width or batch.y.max() >= inputs.height):
        raise DataError(
            f"expected events of a sensor of {inputs.width} x {inputs.height} px, as the classifier was trained with, "
            f"found {batch.width} x {batch.height} px; train one with 'snn train gesture'"
        )
    return count_spikes(batch, inputs)


def mean_evidence(counts: Counts, classifier: Classifier) -> NDArray[np.float32]:
    """z (step, class) of a sample, averaged over the members."""
    header = classifier.header
    return np.mean([gather_evidence(counts, header.inputs, header.network, m).z for m in classifier.members], axis=0)
