"""A stage that needs no network: a random walk, for tests of runs and their folders; and a script of one."""

import sys
from pathlib import Path

import numpy as np

from snn_control.evolution import Run
from snn_core.config import Config
from snn_core.errors import SnnError


class Walk:
    """Steps of a random walk; the loss is its distance from 0."""

    def __init__(self, steps: int, genes: int = 4, seed: int = 0) -> None:
        self.steps, self.generator, self.genes = steps, np.random.default_rng(seed), np.zeros(genes)

    def step(self) -> float:
        self.genes = self.genes + self.generator.standard_normal(len(self.genes))
        return float(np.linalg.norm(self.genes))

    def state(self) -> dict[str, np.ndarray]:
        return {"genes": self.genes}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.genes = state["genes"]


def walk(folder: Path, steps: int = 100, resume: bool = False, genes: int = 4) -> Run:
    """Walk two stages (on) in a folder."""
    run = Run(folder, Config())
    run.resume() if resume else run.begin()
    for seed, name in enumerate(("out", "back")):
        for _ in run.steps(name, Walk(steps, genes, seed)):
            pass
    return run


if __name__ == "__main__":  # folder, resume or begin, genes
    try:
        walk(Path(sys.argv[1]), resume=sys.argv[2] == "resume", genes=int(sys.argv[3]))
    except SnnError as error:
        sys.exit(f"snn: {error}")
