"""Motion of recordings, judged in hindsight: by what came after a window as much as by what came before.

A robot knows only the past, so the motion it sees is that of the last few pixels, and late. Of a recording the future
is known too: the layer reads each window forwards and backwards, and events are aligned about the window's middle. What
is found is then the same, but for its sign, whichever way time runs.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from snn_perception.events.batch import EventBatch
from snn_perception.motion.alignment import LONGEST_US
from snn_perception.motion.evidence import EvidenceGatherer
from snn_perception.motion.motion_estimator import Afterwards, Motion, MotionConfig, MotionEstimator, windows
from snn_perception.motion.motion_model import MotionModel

CHUNK = 64  # windows that are read backwards at once


class Hindsight:
    """Judges the windows of a recording one after the other; each direction of time has half of the patches.

    `live` judges by the past alone, as the node must.
    """

    def __init__(
        self, model: MotionModel, config: MotionConfig, batch: EventBatch, window_us: int, live: bool = False
    ) -> None:
        self.live = live
        half = config if live else config.model_copy(update={"budget": -(-config.budget // 2)})
        self.estimator = MotionEstimator(batch.width, batch.height, model, half)
        self.backwards = EvidenceGatherer(batch.width, batch.height, model.weights, half.budget)
        self.batch = batch
        self.windows = list(windows(batch, window_us))

    def __iter__(self) -> Iterator[tuple[EventBatch, Motion]]:
        """Each window and its motion."""
        for first in range(0, len(self.windows), CHUNK):
            chunk = self.windows[first : first + CHUNK]
            known = [None] * len(chunk) if self.live else self.afterwards(chunk)
            for (end_us, part), after in zip(chunk, known, strict=True):
                yield part, self.estimator.estimate(part, end_us, after)

    def __len__(self) -> int:
        return len(self.windows)

    def afterwards(self, chunk: list[tuple[int, EventBatch]]) -> list[Afterwards]:
        """What came after each of some windows (end in us, events) in a row, read from the last to the first."""
        self.backwards.reset()
        self.backwards.remember(backwards(self._following(chunk[-1][0])))
        found = [
            Afterwards(self.backwards.read(backwards(part)), self._following(end_us))
            for end_us, part in reversed(chunk)
        ]
        return found[::-1]

    def _following(self, end_us: int) -> EventBatch:
        first, last = np.searchsorted(self.batch.t_us, (end_us, end_us + LONGEST_US))
        return self.batch.take(slice(int(first), int(last)))


def backwards(batch: EventBatch) -> EventBatch:
    """The events from the last to the first, at minus their times; polarity is left, as the layer compares it alone."""
    back = batch.take(slice(None, None, -1))
    return replace(back, t_us=-back.t_us)
