"""A run: stages that improve genes one after another, in a folder that survives interruption.

runs/<name>/config.yaml      what was asked for
runs/<name>/log.csv          one line per logged iteration
runs/<name>/checkpoint.npz   everything needed to go on: arrays and the state of the random generator, no pickle
runs/<name>/best.safetensors the model, written by the caller when the stages are done
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import yaml
from numpy.typing import NDArray

from snn_control.strategies import Strategy
from snn_core.config import Config
from snn_core.errors import ModelError, OutputError, SnnError
from snn_core.files import write_atomically
from snn_core.genome import Genes

Array = NDArray[np.float64]
LOG_EVERY = 10
SAVE_EVERY = 200


class Interrupted(SnnError):
    """The run was asked to stop; its checkpoint is saved."""


class Stage(Protocol):
    """Something that improves genes step by step."""

    steps: int
    generator: np.random.Generator
    genes: Genes

    def step(self) -> float:
        """One iteration; returns its loss."""

    def state(self) -> dict[str, Array]:
        """Everything needed to go on, as plain arrays (without the generator)."""

    def restore(self, state: dict[str, Array]) -> None:
        """Go on from a saved state."""


class Search:
    """Evolution as a stage: ask a strategy, judge its population, tell it.

    `genes` is the strategy's own estimate of the optimum. The cost may change with the generation (other seeds of a
    noisy trial), so the best individual of any one generation would be the luckiest, not the best.
    """

    def __init__(
        self, strategy: Strategy, cost: Callable[[Genes, int], Array], generations: int, generator: np.random.Generator
    ) -> None:
        self.strategy, self.cost, self.steps, self.generator = strategy, cost, generations, generator
        self.generation, self.genes = 0, strategy.estimate()

    def step(self) -> float:
        """One generation; a cost that is not finite counts as the worst."""
        population = self.strategy.ask()
        costs = np.asarray(self.cost(population, self.generation), float)
        finite = np.isfinite(costs)
        costs = np.where(finite, costs, (costs[finite].max() if finite.any() else 0.0) + 1e3)
        self.strategy.tell(costs)
        self.generation += 1
        self.genes = self.strategy.estimate()
        return float(costs.min())

    def state(self) -> dict[str, Array]:
        return {"generation": np.array(self.generation), **self.strategy.state()}

    def restore(self, state: dict[str, Array]) -> None:
        self.generation = int(state["generation"])
        self.strategy.restore(state)
        self.genes = self.strategy.estimate()


class Run:
    """The folder of one run: log, checkpoint and the loop over the steps of its stages."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.folder, self.config = folder, config  # the configuration is written when the run begins
        self.stop = False  # set it (from a signal handler, say) to save and stop after the step under way
        self.finished: dict[str, Genes] = {}
        self._resume: tuple[str, int, dict[str, Array], dict[str, object]] | None = None
        self._rows: list[tuple[str, int, float]] = []

    def check(self) -> None:
        """Refuse a folder that already holds a run."""
        if (self.folder / "config.yaml").exists():
            raise OutputError(f"{self.folder}: holds a run already; go on with --resume or choose another --out")

    def begin(self) -> None:
        """Start in a new folder; refuses one that already holds a run or cannot be written."""
        self.check()
        text = yaml.safe_dump(self.config.model_dump(mode="json"), sort_keys=False)
        write_atomically(self.folder / "config.yaml", text.encode())

    def resume(self) -> None:
        """Go on from the folder's checkpoint, if it got that far."""
        path = self.folder / "checkpoint.npz"
        if not path.exists():
            return
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            about = json.loads(str(arrays.pop("about")))
            for name in about["finished"]:
                self.finished[name] = arrays[f"finished.{name}"]
            state = {k.removeprefix("state."): v for k, v in arrays.items() if k.startswith("state.")}
            self._resume = (about["stage"], about["step"], state, about["generator"])
            self._rows = [(s, int(i), float(x)) for s, i, x in about["rows"]]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path}: damaged checkpoint ({error}); start again with another --out") from None

    def steps(self, name: str, stage: Stage) -> Iterator[tuple[int, float]]:
        """Run a stage to its end, yielding (step, loss); checkpoints on the way and when stopped."""
        if name in self.finished:
            stage.genes = self.finished[name]
            return
        first = 0
        if self._resume is not None and self._resume[0] == name:
            _, first, state, generator = self._resume
            stage.restore(state)
            stage.generator.bit_generator.state = generator
        for step in range(first, stage.steps):
            loss = stage.step()
            if step % LOG_EVERY == 0 or step == stage.steps - 1:
                self._rows.append((name, step, loss))
            if step % SAVE_EVERY == SAVE_EVERY - 1 or self.stop:
                self._save(name, step + 1, stage)
            if self.stop:
                raise Interrupted(f"interrupted in stage '{name}'; go on with --resume --out {self.folder}")
            yield step, loss
        self.finished[name] = stage.genes
        self._save(name, stage.steps, stage)

    def _save(self, name: str, step: int, stage: Stage) -> None:
        about = {
            "stage": name, "step": step, "finished": list(self.finished), "rows": self._rows,
            "generator": stage.generator.bit_generator.state,
        }  # fmt: skip
        arrays = {f"state.{k}": v for k, v in stage.state().items()}
        arrays |= {f"finished.{k}": v for k, v in self.finished.items()}
        buffer = io.BytesIO()
        np.savez(buffer, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
        write_atomically(self.folder / "checkpoint.npz", buffer.getvalue())
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["stage", "step", "loss"])
        writer.writerows((s, i, f"{x:.6g}") for s, i, x in self._rows)
        write_atomically(self.folder / "log.csv", text.getvalue().encode())
