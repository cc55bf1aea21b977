"""Region modules: groups of place neurons that learn one part of the route each, from one presentation of each place.

The modules share no synapse, so a new one never changes what an older one knows. They are kept side by side in one
matrix (feature, template), so that one input spike reaches all of them in one pass over memory.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.places import region_kernels
from snn_perception.places.images import Array
from snn_perception.places.latency_code import Latencies
from snn_perception.places.place_dynamics import PlaceParams
from snn_perception.places.region_kernels import Presentation, Workspace

LARGEST_WEIGHT = 127
MEAN_WEIGHT = 30.0  # root mean square over all features; leaves room for the strongest
SILENCING = 1e6  # inhibition under which no neuron fires
EXPECTED_ACTIVITY = 1.0 / 3.0  # share of input neurons that fire; only sets the unit of current
PER_TEMPLATE = ("trace", "inhibition", "false_spikes", "place_of", "region_of")


class RegionConfig(Config):
    """Place neurons and their regularisation."""

    region_places: int = Field(25, ge=1, le=10000, description="places of one region module")
    steps: int = Field(32, ge=1, le=1000, description="time steps of a presentation")
    reach: int = Field(3, ge=0, le=8, description="gazes to each side, in cell columns; each has its own place neurons")
    drive: float = Field(2.0, gt=0, le=100, description="current at full agreement (thresholds per step)")
    leak: float = Field(0.98, gt=0, le=1, description="membrane potential kept per step")
    inhibition: float = Field(0.1, ge=0, le=10, description="feed-forward inhibition of every neuron (thresholds)")
    regularisation: float = Field(0.3, ge=0, le=10, description="extra inhibition per relative excess of false spikes")
    replays: int = Field(100, ge=0, le=100000, description="places of other regions replayed to count false spikes")
    check_every: int = Field(4, ge=1, le=1000, description="steps between looks at the confidence")
    neighbours: int = Field(2, ge=0, le=1000, description="places beside the best that do not compete with it")


class Responses(NamedTuple):
    """What the place neurons said to one image."""

    scores: Array  # (place,) spikes of the best neuron of each place, and how early it fired
    steps: int
    spikes: int  # of place neurons
    synops: int  # synapses that an input spike reached, each counted once
    trail: Array  # (check, 3) best place, its score, best score elsewhere


class RegionModules:
    """Synapses and inhibition of all place neurons (templates); a place may have several, one for each traverse."""

    def __init__(self, features: int, width: int, input_steps: int, config: RegionConfig) -> None:
        self.features, self.width, self.input_steps, self.config = features, width, input_steps, config
        self.synapses: NDArray[np.int8] = np.zeros((features, 0), np.int8)
        self.count = 0  # templates in use; the arrays have room for more
        self.trace: Array = np.zeros(0, np.float32)  # norm of each template's traces
        self.inhibition: Array = np.zeros(0, np.float32)
        self.false_spikes: Array = np.zeros(0, np.float32)
        self.place_of: NDArray[np.int64] = np.zeros(0, np.int64)
        self.region_of: NDArray[np.int64] = np.zeros(0, np.int64)
        self._memory: Workspace | None = None

    @property
    def places(self) -> int:
        """Places known: the highest number in use, and one."""
        return int(self.place_of[: self.count].max()) + 1 if self.count else 0

    @property
    def scale(self) -> float:
        """Norm that every template's weights are brought to."""
        return MEAN_WEIGHT * self.features**0.5

    @property
    def unit(self) -> np.float32:
        """Current of one unit of weight: full agreement with the expected number of spikes gives `drive`."""
        return np.float32(self.config.drive / (self.scale * (self.features * EXPECTED_ACTIVITY) ** 0.5))

    def params(self) -> PlaceParams:
        """The same neurons as the plain step takes them."""
        n, config = self.count, self.config
        return PlaceParams(
            self.synapses[:, :n], self.inhibition[:n], self.width, config.reach, float(self.unit), config.leak
        )

    def learn(self, latencies: Latencies, place_of: NDArray[np.int64], region_of: NDArray[np.int64]) -> None:
        """One-shot Hebbian learning: a place neuron made to fire at the end takes the trace of each input as weight.

        The trace of an input that fired at step t of T is T + 1 - t, negative for OFF: the earlier, the stronger.
        Weights are normalised to one norm and stored as int8. `latencies` (template, feature).
        """
        traces = np.where(latencies != 0, np.sign(latencies) * (self.input_steps + 1.0 - np.abs(latencies)), 0.0)
        norms = np.maximum(np.linalg.norm(traces, axis=1), 1.0)
        weights = np.rint(traces / norms[:, None] * self.scale).clip(-LARGEST_WEIGHT, LARGEST_WEIGHT)
        begin = self.count
        self._grow(begin + len(latencies))
        new = slice(begin, self.count)
        self.synapses[:, new] = weights.T.astype(np.int8)
        self.trace[new], self.place_of[new], self.region_of[new] = norms, place_of, region_of
        self.inhibition[new], self.false_spikes[new] = self.config.inhibition, 0.0
        self._memory = None

    def _grow(self, count: int) -> None:
        """Make room, half as much again when it is short, so that adding places one by one stays cheap."""
        room = len(self.place_of)
        if count > room:
            extra = max(count - room, room // 2 if room else 0)
            self.synapses = np.concatenate([self.synapses, np.zeros((self.features, extra), np.int8)], axis=1)
            for name in PER_TEMPLATE:
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros(extra, old.dtype)]))
        self.count = count

    def keep(self, templates: NDArray[np.bool_]) -> None:
        """Forget the templates (template,) that are not marked; the others keep every synapse."""
        index = np.flatnonzero(templates)
        self.synapses = np.ascontiguousarray(self.synapses[:, index])
        for name in PER_TEMPLATE:
            setattr(self, name, getattr(self, name)[index])
        self.count, self._memory = len(index), None

    def extend(self, other: "RegionModules", first_place: int) -> None:
        """Take over all modules of another map as they are; its place 0 becomes `first_place`."""
        begin, first_region = self.count, int(self.region_of[: self.count].max(initial=-1)) + 1
        self._grow(begin + other.count)
        new, old = slice(begin, self.count), slice(0, other.count)
        self.synapses[:, new] = other.synapses[:, old]
        for name in PER_TEMPLATE:
            getattr(self, name)[new] = getattr(other, name)[old]
        self.place_of[new] += first_place
        self.region_of[new] += first_region
        self._memory = None

    def replay(self, template: int) -> Latencies:
        """The spikes that a template was learnt from, told from its weights (feature,)."""
        strength = self.trace[template] / self.scale
        traces = np.rint(self.synapses[:, template].astype(np.float32) * strength)
        latencies = np.sign(traces) * (self.input_steps + 1 - np.abs(traces))
        return np.where(traces != 0, latencies, 0).astype(np.int8)

    def regularise(self, begin: int, generator: np.random.Generator) -> None:
        """Inhibit the hyperactive neurons among the templates from `begin` on; older ones stay as they are.

        Places drawn from the whole map are replayed. A spike for a place of another region is false; a neuron with more
        of them than the mean of the map gets more inhibition, one with fewer gets less.
        """
        shown = min(self.config.replays, self.count)
        if shown == 0 or self.config.regularisation == 0.0 or begin >= self.count:
            return
        n = self.count - begin
        drawn = generator.choice(self.count, shown, replace=False)
        false, chances = np.zeros(n), np.zeros(n)
        for template in drawn:
            memory = self._present(self.replay(int(template)), begin)[2]
            foreign = self.region_of[begin : self.count] != self.region_of[template]
            false += np.where(foreign, memory.fired[:, :n].max(axis=0), 0)
            chances += foreign
        self.false_spikes[begin : self.count] = false / np.maximum(chances, 1.0)
        mean = float(self.false_spikes[: self.count].mean())
        excess = self.false_spikes[begin : self.count] / max(mean, 1e-6) - 1.0
        factor = np.clip(1.0 + self.config.regularisation * excess, 0.5, 2.0) if mean > 0.0 else 1.0
        self.inhibition[begin : self.count] = self.config.inhibition * factor

    def respond(
        self, latencies: Latencies, exit_margin: Array | None = None, hidden: NDArray[np.bool_] | None = None
    ) -> Responses:
        """Present one image's spikes (feature,) to all place neurons; `exit_margin` as in `region_kernels.present`.

        The neurons of `hidden` (place,) are silenced, as if these places were not in the map.
        """
        steps, spikes, memory, trail = self._present(latencies, 0, exit_margin, hidden)
        return Responses(memory.score.copy(), steps, spikes, self._synops(latencies, steps), trail)

    def _synops(self, latencies: Latencies, steps: int) -> int:
        """Input spikes of the first steps, times the templates of every gaze in which their column is seen."""
        fired = np.flatnonzero((latencies != 0) & (np.abs(latencies) <= steps)) % self.width
        seen = fired[:, None] + np.arange(-self.config.reach, self.config.reach + 1)
        return int(((seen >= 0) & (seen < self.width)).sum()) * self.count

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a dense network that compares all features with every template in every gaze."""
        return self.features * self.count * (2 * self.config.reach + 1)

    def _present(
        self,
        latencies: Latencies,
        begin: int,
        exit_margin: Array | None = None,
        hidden: NDArray[np.bool_] | None = None,
    ) -> tuple[int, int, Workspace, Array]:
        config = self.config
        if self._memory is None:
            self._memory = region_kernels.workspace(2 * config.reach + 1, self.count, self.places, self.features)
        p = Presentation(
            self.input_steps, config.steps, self.width, config.reach, self.unit, np.float32(config.leak),
            config.check_every, config.neighbours,
        )  # fmt: skip
        if exit_margin is None:
            exit_margin = np.full(config.steps + 1, np.inf, np.float32)
        trail = np.zeros((-(-config.steps // config.check_every), 3), np.float32)
        memory, inhibition = self._memory, self.inhibition
        if hidden is not None:
            inhibition = np.where(hidden[self.place_of], np.float32(SILENCING), inhibition)
        steps, spikes = region_kernels.present(
            self.synapses, begin, self.count, inhibition, self.place_of, latencies, p, exit_margin, memory, trail
        )
        return steps, spikes, memory, trail
