"""A start for evolution: surrogate-gradient descent (Adam) on random cuts of the lessons, in gene space."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_control.mimicry import Lesson
from snn_core.genome import Genes, Genome
from snn_core.surrogate import gradient

Array = NDArray[np.float64]
FAST, SLOW = 0.9, 0.99  # Adam's averaging of the gradient and of its square


class DescentParams(NamedTuple):
    """Settings of the descent."""

    iterations: int
    rate: float  # largest step of a gene, in units of its scale; a half cosine takes it to zero
    cut_steps: int = 200  # length of a cut, at most a lesson
    skip_steps: int = 20  # of a cut, run but not scored: the network starts from rest
    batch: int = 64  # cuts per iteration: four blocks of lanes
    largest_gradient: float = 10.0


class Adam:
    """Adam's running averages (Kingma and Ba 2015)."""

    def __init__(self, size: int) -> None:
        self.mean: Genes = np.zeros(size)
        self.square: Genes = np.zeros(size)
        self.count = 0

    def direction(self, g: Genes) -> Genes:
        """The normalised direction of descent."""
        self.count += 1
        self.mean = FAST * self.mean + (1.0 - FAST) * g
        self.square = SLOW * self.square + (1.0 - SLOW) * g * g
        mean = self.mean / (1.0 - FAST**self.count)
        return mean / (np.sqrt(self.square / (1.0 - SLOW**self.count)) + 1e-8)


def cut(
    lessons: list[Lesson], params: DescentParams, generator: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Random cuts of random lessons: errors and targets, (batch, cut_steps)."""
    errors = np.empty((params.batch, params.cut_steps), np.float32)
    targets = np.empty_like(errors)
    for row in range(params.batch):
        lesson = lessons[generator.integers(len(lessons))]
        start = generator.integers(0, len(lesson.error) - params.cut_steps + 1)
        errors[row] = lesson.error[start : start + params.cut_steps]
        targets[row] = lesson.target[start : start + params.cut_steps]
    return errors, targets


class Descent:
    """Descent of one gene vector, step by step, so that it can be watched, stopped and resumed."""

    def __init__(
        self, genome: Genome, start: Genes, lessons: list[Lesson], params: DescentParams, generator: np.random.Generator
    ) -> None:
        self.genome, self.lessons, self.generator = genome, lessons, generator
        self.params = params._replace(cut_steps=min(params.cut_steps, *(len(lesson.error) for lesson in lessons)))
        self.genes, self.adam, self.steps = genome.clip(start), Adam(genome.size), params.iterations

    def step(self) -> float:
        """One iteration; returns the mean absolute error on its cuts, command units."""
        params, done = self.params, self.adam.count / self.params.iterations
        rate = params.rate * (0.5 * (1.0 + np.cos(np.pi * done)) + 0.01)
        errors, targets = cut(self.lessons, params, self.generator)
        loss, by_parameter = gradient(self.genome.decode(self.genes), errors, targets, params.skip_steps)
        g = self.genome.gradient(by_parameter)
        norm = float(np.linalg.norm(g))
        g *= min(1.0, params.largest_gradient / norm) if norm > 0.0 else 0.0
        self.genes = self.genome.clip(self.genes - rate * self.adam.direction(g))
        return loss

    def state(self) -> dict[str, Array]:
        """Everything needed to go on, as plain arrays (without the generator)."""
        return {
            "genes": self.genes, "mean": self.adam.mean, "square": self.adam.square, "count": np.array(self.adam.count),
        }  # fmt: skip

    def restore(self, state: dict[str, Array]) -> None:
        """Go on from a saved state."""
        self.genes, self.adam.mean, self.adam.square = state["genes"], state["mean"], state["square"]
        self.adam.count = int(state["count"])
