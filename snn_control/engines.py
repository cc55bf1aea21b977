"""Engines: where the costs of a population are computed. In this process, or in others on this machine.

A population is cut into chunks of a fixed size, whatever the number of workers, and results are put back by their
index. So neither the engine nor the number of workers nor the order in which results arrive can matter. Between
processes go a `ProblemSpec`, once, and then arrays, the name of the stage and the number of the generation.
"""

import multiprocessing
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from types import TracebackType

import numba
import numpy as np
from threadpoolctl import threadpool_limits
from typing_extensions import Self

from snn_control.problems import Judged, Problem, ProblemSpec, judge
from snn_core.errors import SnnError
from snn_core.genome import Genes

CHUNK = 16  # individuals judged together: the SIMD lanes of the kernels
DEATHS = 5  # of workers, in one generation, after which the run gives up
Arrivals = Iterable[tuple[int, Judged]]


class EngineError(SnnError):
    """Workers that cannot be started or kept alive."""


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


class Engine(ABC):
    """Judges populations; a context manager that leaves no process behind."""

    def __init__(self, spec: ProblemSpec) -> None:
        self.spec = spec

    def evaluate(self, stage: str, genes: Genes, generation: int) -> Judged:
        """Costs of genes (individual, gene) in a generation of a stage, in their order.

        Raises:
            EngineError: workers died again and again.
        """
        chunks = [genes[start : start + CHUNK] for start in range(0, len(genes), CHUNK)]
        judged = dict(self._judge(stage, chunks, generation))
        costs, reasons = zip(*(judged[index] for index in range(len(chunks))), strict=True)
        return Judged(np.concatenate(costs), np.concatenate(reasons))

    @abstractmethod
    def _judge(self, stage: str, chunks: list[Genes], generation: int) -> Arrivals:
        """Index and verdict of every chunk, in any order."""

    @abstractmethod
    def close(self) -> None:
        """End the workers. Closing twice does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class LocalEngine(Engine):
    """In this process, on the threads of the kernels."""

    def __init__(self, spec: ProblemSpec, threads: int | None = None) -> None:
        super().__init__(spec)
        self.problem = spec.build()
        if threads is not None:
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))

    def _judge(self, stage: str, chunks: list[Genes], generation: int) -> Arrivals:
        return ((index, judge(self.problem, stage, chunk, generation)) for index, chunk in enumerate(chunks))

    def close(self) -> None:
        """There is nothing to end."""


class ProcessEngine(Engine):
    """In worker processes of this machine. A dead worker is replaced, and what it had not answered is asked again."""

    def __init__(self, spec: ProblemSpec, workers: int | None = None) -> None:
        super().__init__(spec)
        self.workers = workers or cores()
        self._pool: ProcessPoolExecutor | None = None
        # The arrays go through memory with a name. The pipe through which a worker starts is short, and to write more
        # would block for ever if the worker died before it read.
        self._arrays = os.fdopen(os.memfd_create("problem"), "wb")
        np.savez(self._arrays, **spec.arrays)  # type: ignore[arg-type]
        self._arrays.flush()

    def _judge(self, stage: str, chunks: list[Genes], generation: int) -> Arrivals:
        left = dict(enumerate(chunks))
        for _ in range(DEATHS):
            for index, judged in self._ask(stage, left, generation):
                del left[index]
                yield index, judged
            if not left:
                return
        raise EngineError(
            f"stage '{stage}', generation {generation}: workers died {DEATHS} times (killed, or out of memory?); "
            "take fewer --workers, or --engine local"
        )

    def _ask(self, stage: str, chunks: dict[int, Genes], generation: int) -> Iterator[tuple[int, Judged]]:
        """Answers in order of arrival, until all are there or a worker dies."""
        try:
            asked = self._submit(stage, chunks, generation)
            for future in as_completed(asked):
                yield asked[future], future.result()
        except BrokenProcessPool:
            self._end_workers()

    def _submit(self, stage: str, chunks: dict[int, Genes], generation: int) -> dict["Future[Judged]", int]:
        """Hand the chunks out, to workers that are started now if they are not there, and do not heed Ctrl-C."""
        if self._pool is None:
            self._pool = self._workers()
        heeded = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a new process inherits it
        try:
            return {self._pool.submit(_work, stage, chunk, generation): index for index, chunk in chunks.items()}
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heeded)

    def _workers(self) -> ProcessPoolExecutor:
        """Spawned, because the threads of the kernels do not survive a fork."""
        arrays = f"/proc/{os.getpid()}/fd/{self._arrays.fileno()}"
        threads = max(1, cores() // self.workers)
        about = (self.spec._replace(arrays={}), arrays, threads)
        return ProcessPoolExecutor(self.workers, multiprocessing.get_context("spawn"), _prepare, about)

    def _end_workers(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        self._end_workers()
        self._arrays.close()


class Workplace:
    """What a worker process keeps between its tasks."""

    spec: ProblemSpec
    arrays: str
    problem: Problem | None = None


def _prepare(spec: ProblemSpec, arrays: str, threads: int) -> None:
    """Begin as a worker: the parent's death is ours, and cores are shared with the others."""
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    threadpool_limits(1, user_api="blas")
    Workplace.spec, Workplace.arrays = spec, arrays


def _die_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _work(stage: str, genes: Genes, generation: int) -> Judged:
    """One chunk. The problem is built with the first, so that an error in it reaches the parent."""
    if Workplace.problem is None:
        with np.load(Workplace.arrays, allow_pickle=False) as stored:
            Workplace.problem = Workplace.spec._replace(arrays=dict(stored)).build()
    return judge(Workplace.problem, stage, genes, generation)
