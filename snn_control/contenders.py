"""Who is tuned in closed loop, as genes: a pair of spiking networks from its mimic on, and the PID and PD beside it."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from snn_control.pid import PidConfig
from snn_control.pilots import PidGains, spiking_pair
from snn_core.genome import MATRICES, Genes, Genome
from snn_core.network import NetworkParams
from snn_core.network_config import NetworkConfig

Array = NDArray[np.float64]


class Contender(Protocol):
    """A family of controllers, one for each gene vector."""

    start: Genes  # (gene,)
    low: Genes
    high: Genes
    sigma: float  # first step of a search

    def pilot(self, genes: Genes) -> tuple[Array, ...]:
        """The controllers of genes (individual, gene), see `snn_core.pilots`."""


class PairContender:
    """Spiking pairs around a given one; the matrices of its networks stay as they are."""

    sigma = 0.03

    def __init__(self, structure: dict[str, NetworkConfig], networks: dict[str, NetworkParams]) -> None:
        self.genomes = {part: Genome(config) for part, config in structure.items()}
        self.base = np.concatenate([genome.encode(networks[part])[0] for part, genome in self.genomes.items()])
        self.free = np.concatenate([~genome.mask(*MATRICES) for genome in self.genomes.values()])
        self.start = self.base[self.free]
        self.low = np.concatenate([genome.low for genome in self.genomes.values()])[self.free]
        self.high = np.concatenate([genome.high for genome in self.genomes.values()])[self.free]

    def networks(self, genes: Genes) -> dict[str, NetworkParams]:
        """Parameters of both networks, from the free genes (individual, gene)."""
        whole = np.repeat(self.base[None], len(genes), axis=0)
        whole[:, self.free] = genes
        cuts = np.cumsum([genome.size for genome in self.genomes.values()])[:-1]
        parts = np.split(whole, cuts, axis=1)
        return {part: genome.decode(own) for (part, genome), own in zip(self.genomes.items(), parts, strict=True)}

    def pilot(self, genes: Genes) -> tuple[Array, ...]:
        return spiking_pair(self.networks(genes))


class Gain(NamedTuple):
    """Range of one number of a PID, and what counts as a step in it."""

    low: float
    high: float
    scale: float


GAINS = {
    "kp": Gain(0.0, 60.0, 6.0),
    "ki": Gain(0.0, 6.0, 0.6),
    "kd": Gain(0.0, 90.0, 10.0),
    "derivative_filter_s": Gain(0.0, 1.5, 0.3),
    "integrate_within_m": Gain(0.05, 3.0, 0.4),
    "integral_limit": Gain(0.0, 10.0, 2.5),
}


class PidContender:
    """PIDs with every number free that their teacher has, or PDs, which never integrate."""

    sigma = 0.3

    def __init__(self, dt_s: float, integrates: bool = True) -> None:
        teacher = PidConfig()
        self.fixed = {"limit": teacher.limit, "dt_s": dt_s} | ({} if integrates else {"ki": 0.0})
        self.names = [name for name in GAINS if name not in self.fixed]
        self.scale = np.array([GAINS[name].scale for name in self.names])
        self.low = np.array([GAINS[name].low for name in self.names]) / self.scale
        self.high = np.array([GAINS[name].high for name in self.names]) / self.scale
        self.start = self.genes(teacher)

    def pilot(self, genes: Genes) -> PidGains:
        values = dict(zip(self.names, (genes * self.scale).T, strict=True))
        everything = {**{name: np.full(len(genes), value) for name, value in self.fixed.items()}, **values}
        return PidGains(*(np.ascontiguousarray(everything[field]) for field in PidGains._fields))

    def genes(self, config: PidConfig) -> Genes:
        """The genes of a PID, (gene,); the inverse of `config`."""
        return np.array([float(getattr(config, name)) for name in self.names]) / self.scale

    def config(self, genes: Genes) -> PidConfig:
        """One of them, (gene,), as settings of the node."""
        gains = self.pilot(genes[None])
        return PidConfig(**{name: round(float(getattr(gains, name)[0]), 4) for name in GAINS})
