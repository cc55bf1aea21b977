"""Genes of a paired network: a flat vector on which optimisers work, and its way to parameters and back.

A network and its mirror image are tied: neuron k and its partner share every gene, with the sign of the input and
output weight turned, and a matrix entry (j, k) is also that of the partners of j and k. The network is therefore an
odd function of the error. A gene is its parameter divided by `scale`, a quarter of its range (at most 1), so that equal
changes of genes have comparable effects; `low` and `high` are its bounds in the same unit.
"""

import numpy as np
from numpy.typing import NDArray

from snn_core.network import NetworkParams
from snn_core.network_config import NetworkConfig
from snn_core.neurons import Array

Genes = NDArray[np.float64]
MIRRORED = ("w_in", "w_out")
MATRICES = ("w_threshold", "w_recurrent")
LARGEST_SCALE = 1.0


class Genome:
    """The layout of the genes of one network structure."""

    def __init__(self, config: NetworkConfig) -> None:
        self.config = config
        self.parts: dict[str, slice] = {}
        start = 0
        for name in NetworkParams._fields:
            size = self._genes_of(name)
            if size:
                self.parts[name] = slice(start, start + size)
                start += size
        self.size = start
        self.scale = np.empty(start)
        self.low, self.high = np.empty(start), np.empty(start)
        for name, part in self.parts.items():
            low, high = config.bound(name)
            scale = min(LARGEST_SCALE, (high - low) / 4.0)
            self.scale[part], self.low[part], self.high[part] = scale, low / scale, high / scale

    def _genes_of(self, name: str) -> int:
        config = self.config
        if name == "leak_out":
            return 1
        if name == "w_cross" and config.opposed:
            return 0
        if name == "leak_trace" and not config.adaptive:
            return 0
        if name in MATRICES:
            rows, columns = config.shapes()[name]
            return rows * columns // 2
        return config.pairs

    def mask(self, *names: str) -> NDArray[np.bool_]:
        """Which genes belong to the named parameters."""
        chosen = np.zeros(self.size, bool)
        for name in names:
            if name in self.parts:
                chosen[self.parts[name]] = True
        return chosen

    def draw(self, ranges: dict[str, tuple[float, float]], generator: np.random.Generator) -> Genes:
        """Random genes, (gene,): each parameter uniform in its range of `ranges` or 0, within bounds."""
        values = np.zeros(self.size)
        for name, part in self.parts.items():
            values[part] = generator.uniform(*ranges.get(name, (0.0, 0.0)), part.stop - part.start)
        return self.clip(values / self.scale)

    def clip(self, genes: Genes) -> Genes:
        """Genes moved into their bounds."""
        return np.clip(genes, self.low, self.high)

    def decode(self, genes: Genes) -> NetworkParams:
        """(population, gene) -> parameters. Genes outside their bounds are clipped."""
        values = (self.clip(np.atleast_2d(genes)) * self.scale).astype(np.float32)
        fields = [self._field(name, values) for name in NetworkParams._fields]
        return NetworkParams(*fields)

    def _field(self, name: str, values: Array) -> Array:
        population, pairs = len(values), self.config.pairs
        if name == "w_cross" and self.config.opposed:
            return -self._field("w_own", values)
        if name not in self.parts:
            return np.ones((population, *self.config.shapes()[name]), np.float32)  # an empty matrix or an idle leak
        part = values[:, self.parts[name]]
        if name == "leak_out":
            return np.ascontiguousarray(part[:, 0])
        if name in MATRICES:
            return self._matrix(part.reshape(population, -1, pairs))
        return np.concatenate([part, -part if name in MIRRORED else part], axis=1)

    def _matrix(self, left: Array) -> Array:
        """Complete a matrix whose left half, the weights onto neurons k < N/2, is given."""
        if left.shape[1] == 2:
            return np.concatenate([left, left], axis=2)
        return np.concatenate([left, np.roll(left, self.config.pairs, axis=1)], axis=2)

    def encode(self, params: NetworkParams) -> Genes:
        """Parameters -> (population, gene); the inverse of `decode` for tied parameters."""
        pairs = self.config.pairs
        genes = np.empty((params.population, self.size))
        for name, part in self.parts.items():
            values = getattr(params, name)
            if name != "leak_out":
                values = values[..., :pairs]
            genes[:, part] = values.reshape(params.population, -1)
        return genes / self.scale

    def gradient(self, parameter_gradients: dict[str, Array]) -> Genes:
        """Fold the gradient of every (untied) parameter of one network into that of its genes, (gene,)."""
        pairs, out = self.config.pairs, np.zeros(self.size)
        folded = dict(parameter_gradients)
        if self.config.opposed:
            folded["w_own"] = folded["w_own"] - folded["w_cross"]
        for name, part in self.parts.items():
            g = folded[name]
            if name == "leak_out":
                out[part] = g
            elif name in MATRICES:
                right = g[:, pairs:] if len(g) == 2 else np.roll(g[:, pairs:], pairs, axis=0)
                out[part] = (g[:, :pairs] + right).ravel()
            else:
                out[part] = g[:pairs] + (-g[pairs:] if name in MIRRORED else g[pairs:])
        return out * self.scale
