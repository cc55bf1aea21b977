"""Who is tuned in closed loop, as genes: a pair of spiking networks from its mimic on, and the PID and PD beside it."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from snn_control.axis_control import CONTROLS
from snn_control.pid import PidConfig
from snn_control.pilots import PidGains, spiking_pair
from snn_core.genome import MATRICES, Genes, Genome
from snn_core.network import NetworkParams
from snn_core.network_config import NetworkConfig

Array = NDArray[np.float64]

_FREE = tuple(CONTROLS["altitude"].gains)  # settings that are tuned, on any axis


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


class PidContender:
    """PIDs with every number free that their teacher has, or PDs, which never integrate."""

    sigma = 0.3

    def __init__(self, dt_s: float, integrates: bool = True, axis: str = "altitude") -> None:
        teacher, gains = CONTROLS[axis].teacher, CONTROLS[axis].gains
        self.fixed = {"limit": teacher.limit, "dt_s": dt_s}
        if not integrates:
            self.fixed |= {"ki": 0.0, "integrate_within_m": teacher.integrate_within_m, "integral_limit": 0.0}
        self.names = [name for name in gains if name not in self.fixed]
        self.scale = np.array([gains[name].scale for name in self.names])
        self.low = np.array([gains[name].low for name in self.names]) / self.scale
        self.high = np.array([gains[name].high for name in self.names]) / self.scale
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
        return PidConfig(**{name: round(float(getattr(gains, name)[0]), 4) for name in _FREE})
