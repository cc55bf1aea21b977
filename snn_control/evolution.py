"""A run: stages that improve genes one after another, in a folder that survives interruption.

runs/<name>/config.yaml      what was asked for
runs/<name>/log.csv          one line per logged iteration
runs/<name>/bad_fitness.csv  costs that were not finite, and why; only if there were any
runs/<name>/timing.csv       steps per second between checkpoints
runs/<name>/checkpoint.npz   everything needed to go on: arrays and the state of the random generator, no pickle
runs/<name>/best.safetensors the model, written by the caller when the stages are done
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, Protocol

import numpy as np
import yaml
from numpy.typing import NDArray

from snn_control.checkpoints import (
    CONFIG,
    BadFitness,
    Checkpoint,
    Pace,
    Row,
    occupied,
    read_checkpoint,
    read_pace,
    sweep_temporaries,
    write_checkpoint,
    write_logs,
    write_pace,
)
from snn_control.problems import Judged, worst_for_bad
from snn_control.strategies import Strategy
from snn_core.config import Config
from snn_core.errors import OutputError, SnnError
from snn_core.files import write_atomically
from snn_core.genome import Genes

Array = NDArray[np.float64]
LOG_EVERY = 10
SAVE_EVERY = 200  # steps, and
SAVE_EVERY_S = 20.0
BAD_LOGGED = 1000  # bad fitness beyond that is only counted


class Interrupted(SnnError):
    """The run was asked to stop; its checkpoint is saved."""


class Progress(NamedTuple):
    """One step of a run."""

    stage: str
    step: int
    steps: int
    loss: float


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
    noisy trial), so the best individual of any one generation would be the luckiest, not the best. A cost that is not
    finite counts as the worst, and `note` is called with its generation, individual and reason.
    """

    def __init__(
        self, strategy: Strategy, judge: Callable[[Genes, int], Judged], generations: int,
        generator: np.random.Generator, note: Callable[[int, int, str], None],
    ) -> None:  # fmt: skip
        self.strategy, self.judge, self.steps, self.generator = strategy, judge, generations, generator
        self.note, self.generation, self.genes = note, 0, strategy.estimate()

    def step(self) -> float:
        """One generation; returns its lowest cost."""
        judged = self.judge(self.strategy.ask(), self.generation)
        for individual in np.flatnonzero(judged.reasons != ""):
            self.note(self.generation, int(individual), str(judged.reasons[individual]))
        costs = worst_for_bad(judged.costs)
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


class Evolution(Protocol):
    """Stages, one after the other."""

    def run(self, run: "Run") -> Iterator[Progress]:
        """Go through the stages."""


class Run:
    """The folder of one run: log, checkpoint and the loop over the steps of its stages."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.folder, self.config = folder, config  # the configuration is written when the run begins
        self.stop = False  # set it (from a signal handler, say) to save and stop after the step under way
        self.finished: dict[str, Genes] = {}
        self.bad_counts: Counter[str] = Counter()  # costs that were not finite, by stage
        self._resumed: Checkpoint | None = None
        self._rows: list[Row] = []
        self._bad: list[BadFitness] = []
        self._pace: list[Pace] = []
        self._since = (perf_counter(), 0)  # when, and at which step, the stage was last saved

    def check(self) -> None:
        """Refuse a folder that already holds a run."""
        if (self.folder / CONFIG).exists():
            raise OutputError(f"{self.folder}: holds a run already; go on with --resume or choose another --out")

    def begin(self) -> None:
        """Start in a new folder; refuses one that already holds a run or cannot be written."""
        self.check()
        text = yaml.safe_dump(self.config.model_dump(mode="json"), sort_keys=False)
        write_atomically(self.folder / CONFIG, text.encode())

    def resume(self) -> None:
        """Go on from the folder's checkpoint, if it got that far; the logs become those of the checkpoint."""
        self._resumed = saved = read_checkpoint(self.folder)
        if saved is None:
            return
        self.finished, self._rows, self._bad = dict(saved.finished), list(saved.rows), list(saved.bad)
        self.bad_counts = Counter(saved.bad_counts)
        self._pace = read_pace(self.folder)
        with occupied(self.folder):
            try:
                sweep_temporaries(self.folder)
                write_logs(self.folder, saved)
            except (OSError, OutputError) as error:
                raise self._not_written(error) from None

    def complete(self) -> None:
        """Mark the checkpoint as that of a run whose stages are all done."""
        saved = read_checkpoint(self.folder)
        if saved is not None and not saved.complete:
            self._write(saved._replace(complete=True))

    def note(self, stage: str, generation: int, individual: int, reason: str) -> None:
        """Record a cost that was not finite."""
        self.bad_counts[stage] += 1
        if len(self._bad) < BAD_LOGGED:
            self._bad.append(BadFitness(stage, generation, individual, reason))

    def steps(self, name: str, stage: Stage) -> Iterator[tuple[int, float]]:
        """Run a stage to its end, yielding (step, loss); checkpoints on the way and when stopped."""
        if name in self.finished:
            stage.genes = self.finished[name]
            return
        with occupied(self.folder):
            yield from self._steps(name, stage)

    def _steps(self, name: str, stage: Stage) -> Iterator[tuple[int, float]]:
        first = 0
        if self._resumed is not None and self._resumed.stage == name:
            first = self._resumed.step
            stage.restore(self._resumed.state)
            stage.generator.bit_generator.state = self._resumed.generator
        self._since = perf_counter(), first
        for step in range(first, stage.steps):
            loss = stage.step()
            if step % LOG_EVERY == 0 or step == stage.steps - 1:
                self._rows.append(Row(name, step, loss))
            if self.stop or self._is_due(step + 1):
                self._save(name, step + 1, stage)
            if self.stop:
                raise Interrupted(f"interrupted in stage '{name}'; go on with --resume --out {self.folder}")
            yield step, loss
        self.finished[name] = stage.genes
        self._save(name, stage.steps, stage)

    def _is_due(self, done: int) -> bool:
        """Whether a checkpoint is; when it is written changes no result."""
        return done % SAVE_EVERY == 0 or perf_counter() - self._since[0] >= SAVE_EVERY_S

    def _save(self, name: str, step: int, stage: Stage) -> None:
        checkpoint = Checkpoint(
            name, step, stage.steps, stage.state(), dict(stage.generator.bit_generator.state), self.finished,
            self._rows, self._bad, dict(self.bad_counts),
        )  # fmt: skip
        now, (then, before) = perf_counter(), self._since
        if step > before:
            self._pace.append(Pace(name, step, now - then, (step - before) / (now - then)))
        self._write(checkpoint)
        self._since = perf_counter(), step

    def _write(self, checkpoint: Checkpoint) -> None:
        try:
            write_checkpoint(self.folder, checkpoint)
            write_pace(self.folder, self._pace)
        except OutputError as error:
            raise self._not_written(error) from None

    def _not_written(self, error: Exception) -> OutputError:
        """A full or read-only disk, in one line that says what is left and how to go on."""
        cause = error if isinstance(error, OSError) else error.__context__
        why = cause.strerror if isinstance(cause, OSError) else str(error)
        saved = read_checkpoint(self.folder)
        kept = f"that of stage '{saved.stage}', step {saved.step}, is kept" if saved else "there is none yet"
        return OutputError(
            f"{self.folder}: cannot write the checkpoint ({why}); {kept}: make it writable or make room, "
            f"then go on with --resume --out {self.folder}"
        )
