"""Recordings turned, played backwards, slowed down, thinned or made noisy: what becomes of their motion is known."""

from dataclasses import replace

import numpy as np
from pydantic import Field

from snn_core.config import Config
from snn_perception.events.batch import EventBatch, join


class TransformConfig(Config):
    """What is done to a recording, in this order."""

    rotate: int = Field(0, ge=0, le=270, multiple_of=90, description="turn counter-clockwise (deg, quarter turns)")
    reverse: bool = Field(False, description="play backwards, ON and OFF exchanged")
    stretch: float = Field(1.0, ge=0.001, le=1000, description="factor by which it lasts longer")
    drop: float = Field(0.0, ge=0, lt=1, description="share of the events that is dropped at random")
    noise: float = Field(0.0, ge=0, le=10, description="random events that are added, as a share of those left")


def transform_events(batch: EventBatch, config: TransformConfig, rng: np.random.Generator) -> EventBatch:
    """The recording, transformed; what was dropped or added is counted in `faults`."""
    for _ in range(config.rotate // 90):
        batch = turned(batch)
    batch = reversed_in_time(batch) if config.reverse else batch
    batch = stretched(batch, config.stretch)
    batch = thinned(batch, config.drop, rng) if config.drop else batch
    return noisy(batch, config.noise, rng) if config.noise else batch


def turned(batch: EventBatch) -> EventBatch:
    """A quarter turn counter-clockwise: what moved to the right moves up."""
    y = (batch.width - 1 - batch.x.astype(np.int64)).astype(np.uint16)
    return replace(batch, x=batch.y, y=y, width=batch.height, height=batch.width)


def reversed_in_time(batch: EventBatch) -> EventBatch:
    """Backwards between the same first and last time; a brightening is then a darkening."""
    if not len(batch):
        return batch
    back = batch.take(slice(None, None, -1))
    return replace(back, t_us=batch.t_us[0] + batch.t_us[-1] - back.t_us, on=~back.on)


def stretched(batch: EventBatch, factor: float) -> EventBatch:
    """`factor` times as long from the first event on, so that all motion is as many times slower."""
    if factor == 1.0 or not len(batch):
        return batch
    return replace(batch, t_us=batch.t_us[0] + np.rint((batch.t_us - batch.t_us[0]) * factor).astype(np.int64))


def thinned(batch: EventBatch, share: float, rng: np.random.Generator) -> EventBatch:
    """Without a share of the events, drawn one by one."""
    kept = rng.random(len(batch)) >= share
    return batch.take(kept).counted(dropped=int(np.count_nonzero(~kept)))


def noisy(batch: EventBatch, share: float, rng: np.random.Generator) -> EventBatch:
    """With random events, as many as that share of the batch, evenly over sensor and time."""
    count = round(share * len(batch))
    if not count:
        return batch
    noise = EventBatch(
        rng.integers(0, batch.width, count).astype(np.uint16), rng.integers(0, batch.height, count).astype(np.uint16),
        np.sort(rng.integers(batch.t_us[0], batch.t_us[-1] + 1, count)), rng.random(count) < 0.5, batch.width,
        batch.height,
    )  # fmt: skip
    late = batch.faults.get("out_of_order", 0)
    return replace(join([batch, noise]), faults={**batch.faults, "out_of_order": late}).counted(noise=count)
