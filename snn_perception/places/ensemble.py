"""Ensembles of fast networks: members differ in their eyes and in who shares a region; their scores are averaged.

After Hussaini, Milford and Fischer 2023, whose members differ in seed and region shuffle; here also in the scale of the
oriented cells, because members that see the same make the same mistakes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.places.fast_network import FastConfig, FastNetwork
from snn_perception.places.images import Array
from snn_perception.places.latency_code import Adaptation

SCALES = ((16, 64), (12, 48), (20, 80))  # (cells, size_px), taken in turn by the members
PHASE = 0.5  # rotation of the orientations when all scales are taken


class EnsembleConfig(Config):
    """An ensemble."""

    members: int = Field(1, ge=1, le=15, description="networks whose scores are averaged")
    network: FastConfig = Field(default_factory=FastConfig, description="first member; the others derive from it")

    def member(self, index: int) -> FastConfig:
        """Configuration of one member."""
        if index == 0:
            return self.network
        cells, size_px = SCALES[index % len(SCALES)]
        phase = PHASE if (index // len(SCALES)) % 2 else 0.0
        energy = self.network.energy.model_copy(update={"cells": cells, "size_px": size_px, "phase": phase})
        return self.network.model_copy(update={"energy": energy, "seed": self.network.seed + index, "shuffle": True})


class EnsembleResponse(NamedTuple):
    """What an ensemble said to one image."""

    scores: Array  # (place,) mean over the members
    steps: float  # mean over the members
    spikes: int  # sum over the members
    synops: int  # sum over the members
    trails: Array  # (member, check, 3) as in `region_kernels.present`


class PlaceEnsemble:
    """Networks that learn the same places."""

    def __init__(self, config: EnsembleConfig | None = None) -> None:
        self.config = config or EnsembleConfig()
        self.members = [FastNetwork(self.config.member(k)) for k in range(self.config.members)]

    @property
    def places(self) -> int:
        """Number of places known."""
        return self.members[0].places

    def learn(self, images: NDArray, place_of: NDArray[np.int64] | None = None) -> None:
        """Learn a traverse (image, row, column); see `FastNetwork.learn`."""
        for member in self.members:
            member.learn(images, place_of)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of as many dense networks."""
        return sum(member.modules.macs for member in self.members)

    def start(self) -> list[Adaptation]:
        """Adaptation of each member at the beginning of a query traverse."""
        return [member.start() for member in self.members]

    def see(self, states: list[Adaptation] | None, image: NDArray) -> tuple[list[Adaptation], list[Array]]:
        """Adapt to one image (row, column); returns the states and each member's drive (feature,)."""
        before = dict(enumerate(states or []))
        seen = [member.see(before.get(k), image) for k, member in enumerate(self.members)]
        return [state for state, _ in seen], [drive for _, drive in seen]

    def respond(
        self, drives: list[Array], exit_margin: Array | None = None, hidden: NDArray[np.bool_] | None = None
    ) -> EnsembleResponse:
        """Present one image, as each member sees it."""
        said = [member.respond(drive, exit_margin, hidden) for member, drive in zip(self.members, drives, strict=True)]
        return EnsembleResponse(
            np.mean([answer.scores for answer in said], axis=0, dtype=np.float32),
            float(np.mean([answer.steps for answer in said])),
            sum(answer.spikes for answer in said),
            sum(answer.synops for answer in said),
            np.stack([answer.trail for answer in said]),
        )
