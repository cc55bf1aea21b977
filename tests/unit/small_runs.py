"""Small runs of the altitude evolution for tests, with a stand-in for flights."""

import json
import os
import signal
from pathlib import Path

import numpy as np

from snn_control.altitude_config import AltitudeEvolutionConfig
from snn_control.altitude_evolution import AltitudeEvolution
from snn_control.altitude_problem import AltitudeProblem, Lessons, Population
from snn_control.engines import Engine, LocalEngine
from snn_control.evolution import Run
from snn_control.mimicry import Lesson
from snn_control.problems import ProblemSpec
from snn_core.model_files import ModelHeader, save_model
from unit.networks import random_errors

SMALL = AltitudeEvolutionConfig(
    seed=3, pairs=2, population=6, descent_iterations=4, integral_generations=3, flight_generations=3
)
ERRORS = random_errors(3, 260).astype(float)
LESSONS = Lessons([Lesson(e, 3.0 * e) for e in ERRORS], [Lesson(e, 0.1 * np.cumsum(e)) for e in ERRORS])


def flight_cost(population: Population, seed: int) -> np.ndarray:
    """A stand-in for flights: cheap, and different for every individual and generation."""
    return np.abs(population["pd"].w_out.sum(axis=1) - seed)


def build(settings: dict, arrays: dict) -> AltitudeProblem:
    return AltitudeProblem(AltitudeEvolutionConfig.check(settings), Lessons.of(arrays), flight_cost)


def spec_of(config: AltitudeEvolutionConfig) -> ProblemSpec:
    return ProblemSpec(f"{__name__}:build", json.dumps(config.model_dump(mode="json")), LESSONS.arrays())


def evolution_of(config: AltitudeEvolutionConfig = SMALL, engine: Engine | None = None) -> AltitudeEvolution:
    return AltitudeEvolution(config, LESSONS, engine or LocalEngine(spec_of(config)))


def evolve(
    folder: Path, config: AltitudeEvolutionConfig = SMALL, stop_after: int | None = None, resume: bool = False,
    engine: Engine | None = None,
) -> bytes:  # fmt: skip
    """Run (on) in `folder`, optionally asking it to stop after some steps; returns the bytes of the model."""
    evolution, run = evolution_of(config, engine), Run(folder, config)
    run.resume() if resume else run.begin()
    for done, _ in enumerate(evolution.run(run), start=1):
        run.stop = done == stop_after
    run.complete()
    path = folder / "best.safetensors"
    header = ModelHeader(kind="spiking_pid", dt_s=0.1, networks=evolution.genome.structure)
    save_model(path, header, evolution.networks(run))
    return path.read_bytes()


class Troubled:
    """A problem with sums of genes for costs, and trouble on demand."""

    def __init__(self, settings: dict) -> None:
        self.settings = settings

    def terms(self, stage: str, genes: np.ndarray, generation: int) -> dict[str, np.ndarray]:
        if stage == "fails":
            raise RuntimeError("out of ideas")
        if stage == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if stage == "dies once":
            self._die_once()
        if stage == "objectives":
            return {"sums": np.stack([genes.sum(axis=1), genes.max(axis=1)], axis=1)}
        squares = np.where(genes[:, 0] > 10.0, np.inf, genes[:, 0] ** 2)
        return {"sum": genes.sum(axis=1), "squares": squares + generation, "root": np.sqrt(genes[:, 1])}

    def _die_once(self) -> None:
        """Kill this worker as `kill -9` would, the first time that a worker gets here."""
        try:
            Path(self.settings["marker"]).touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def build_troubled(settings: dict, arrays: dict) -> Troubled:
    return Troubled(settings)


def troubled_spec(folder: Path) -> ProblemSpec:
    return ProblemSpec(f"{__name__}:build_troubled", json.dumps({"marker": str(folder / "died")}), {})
