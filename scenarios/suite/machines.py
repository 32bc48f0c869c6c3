"""Where runs are driven: joblib's backends, each with workers of its own that are ended with it."""

import os
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import islice
from types import TracebackType
from typing import Any

import msgspec
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor

from laco.closing import Closing
from laco.config import check_choice
from laco.errors import ConfigError
from laco.processes import end_marked
from laco.scenarios.suite.answer import Answer
from laco.scenarios.suite.slots import FAREWELL, MARK, SLOTS, drive, end_with

BACKENDS = ("loky", "dask", "ray")
NEEDS = {"dask": "distributed", "ray": "ray"}
RESTARTS = 3  # times that joblib's own processes may be lost
Tasks = Mapping[int, tuple[bytes, float]]  # a `worker.Task` in JSON, and its limit [s]


class Machines(Closing):
    """`jobs` runs at a time on a backend; `with` ends all processes."""

    def __init__(self, jobs: int = 1, backend: str = "loky", cluster: str = "") -> None:
        """cluster: address of a scheduler of dask's, or of ray; "" for one on this machine, which ends with us.

        Raises: ConfigError for a backend that is unknown or not installed, or a cluster that does not answer.
        """
        check_choice("backend", backend, BACKENDS)
        if backend in NEEDS and find_spec(NEEDS[backend]) is None:
            raise ConfigError(f"--backend {backend} needs {NEEDS[backend]}: pip install 'laco-driving[{backend}]'")
        self.jobs, self._backend = jobs, backend
        self._mark = uuid.uuid4().hex
        self._interrupted = False
        self._stack = ExitStack()
        try:
            self._config: dict[str, Any] = {"backend": backend, **getattr(self, f"_{backend}")(cluster)}
        except BaseException:
            self._stack.close()
            raise

    def answers(self, tasks: Tasks) -> Iterator[tuple[int, Answer]]:
        """Drive all tasks; answers come as runs end. A lost process of joblib's costs what it was driving a new try."""
        left = dict(tasks)
        try:
            for last in (False,) * RESTARTS + (True,):
                try:
                    for number, answer in self._parallel(left):
                        del left[number]
                        yield number, msgspec.json.decode(answer, type=Answer)
                    return
                except BrokenProcessPool:
                    if last:
                        raise
                    end_marked(MARK, self._mark)
        except BaseException:
            self._interrupted = True
            raise

    def _parallel(self, tasks: Tasks) -> Iterator[tuple[int, bytes]]:
        calls = [delayed(drive)(number, *task, self._mark) for number, task in tasks.items()]
        with parallel_config(**self._config):
            if self._backend != "ray":
                parallel = Parallel(self.jobs, return_as="generator_unordered", batch_size=1)
                yield from parallel(calls)
                return
            waiting = iter(calls)  # ray's backend gives results all at once
            while some := list(islice(waiting, 2 * self.jobs)):
                yield from Parallel(self.jobs, batch_size=1)(some)

    def _loky(self, cluster: str) -> dict[str, Any]:
        if cluster:
            raise ConfigError("loky has no cluster: use --backend dask or ray")
        self._stack.callback(self._end_loky)
        return {"initializer": end_with, "initargs": (os.getpid(),)} if self.jobs > 1 else {}

    def _end_loky(self) -> None:
        if self.jobs > 1:
            get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=self._interrupted)

    def _dask(self, cluster: str) -> dict[str, Any]:
        from distributed import Client, LocalCluster

        where: Any = cluster
        if not cluster:
            where = LocalCluster(n_workers=self.jobs, threads_per_worker=1, dashboard_address=None)
            self._stack.callback(where.close)
        try:
            client = self._stack.enter_context(Client(where))
        except OSError as error:
            raise ConfigError(f"no dask scheduler answers at {cluster}") from error
        return {"client": client}

    def _ray(self, cluster: str) -> dict[str, Any]:
        import ray
        from ray.util.joblib import register_ray

        ray.init(address=cluster or None)
        self._stack.callback(ray.shutdown)
        register_ray()
        return {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._interrupted = self._interrupted or kind is not None
        self.close()

    def close(self) -> None:
        """End the backend and all workers; at once after an interrupt, else politely."""
        SLOTS.close()
        self._stack.close()
        end_marked(MARK, self._mark, grace=0.0 if self._interrupted else FAREWELL)
