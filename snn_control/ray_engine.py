"""Judging populations on a Ray cluster: a local one, or that of an address; the only file that knows Ray.

Every machine of the cluster needs this package, of the same version. Each chunk of a population is a task of its own;
Ray itself gives the task of a dead worker to another.
"""

import logging
import os

import numba
import numpy as np

from snn_control.engines import DEATHS, Arrivals, Engine, EngineError, cores
from snn_control.problems import Judged, Problem, ProblemSpec, judge
from snn_core.genome import Genes

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray is imported

import ray
from ray.exceptions import RayError

BUILT: dict[str, Problem] = {}  # in a worker: the problem of each run, by the name of its spec's object


def _work(name: str, spec: ProblemSpec, stage: str, genes: Genes, generation: int) -> Judged:
    """One chunk, on one thread, in a worker that builds the problem once."""
    numba.set_num_threads(1)
    if name not in BUILT:
        BUILT.clear()
        BUILT[name] = spec.build()
    return judge(BUILT[name], stage, np.array(genes), generation)


class RayEngine(Engine):
    """On Ray: a cluster of its own with so many workers on this machine, or the running one at an address."""

    def __init__(self, spec: ProblemSpec, workers: int | None = None, address: str | None = None) -> None:
        super().__init__(spec)
        own = {} if address else {"num_cpus": workers or cores(), "include_dashboard": False}
        try:
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
        except (RayError, OSError, ValueError, RuntimeError) as error:
            where = f"Ray at {address}" if address else "a local Ray"
            raise EngineError(f"{where} cannot be reached ({' '.join(str(error).split())[:200]})") from None
        self._work = ray.remote(num_cpus=1, max_retries=DEATHS)(_work)
        self._spec = ray.put(spec)

    def _judge(self, stage: str, chunks: list[Genes], generation: int) -> Arrivals:
        name = self._spec.hex()
        tasks = {
            self._work.remote(name, self._spec, stage, chunk, generation): index for index, chunk in enumerate(chunks)
        }
        waiting = list(tasks)
        while waiting:
            (done,), waiting = ray.wait(waiting)
            yield tasks[done], self._answer(done, stage, generation)

    def _answer(self, task: "ray.ObjectRef[Judged]", stage: str, generation: int) -> Judged:
        try:
            costs, reasons = ray.get(task)
            return Judged(np.array(costs), np.array(reasons))
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ImportError):
                raise EngineError(f"a machine of the Ray cluster lacks what this one has ({error.cause})") from None
            raise
        except RayError as error:
            raise EngineError(
                f"stage '{stage}', generation {generation}: Ray lost a task {DEATHS + 1} times "
                f"({type(error).__name__}: killed, or out of memory?); take fewer --workers, or --engine local"
            ) from None

    def close(self) -> None:
        ray.shutdown()
