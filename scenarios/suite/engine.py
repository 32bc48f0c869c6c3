"""Drives what a store does not have yet, and keeps every row as soon as it is there."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from laco.scenarios.suite.answer import Answer
from laco.scenarios.suite.grid import Grid, Job
from laco.scenarios.suite.machines import Machines
from laco.scenarios.suite.pace import Pace
from laco.scenarios.suite.store import Free, Row, Store
from laco.scenarios.suite.worker import Task

Told = Callable[[str, int, int, float | None], None]  # what, how many of it are done, of how many, time left [s]


def missing(grid: Grid, store: Store) -> list[Job]:
    """The runs that no finished row is there of, each once."""
    return list({job.key: job for job in grid.jobs if not store.finished(job.key)}.values())


class Engine:
    """A grid on machines, into a store."""

    def __init__(self, grid: Grid, store: Store, machines: Machines, told: Told, carla: Sequence[str] = ()) -> None:
        """carla: HOST:PORT of servers, one per run that is driven at a time; () for embedded ones."""
        self._grid, self._store, self._machines, self._told = grid, store, machines, told
        self._carla = tuple(carla)
        self.pace = Pace(store.rows.values())

    def pilots(self, jobs: Sequence[Job]) -> list[Job]:
        """One run of each kind that has never been driven: what tells how long the others will take."""
        return self.pace.unknown(jobs)

    def drive_free(self, jobs: Iterable[Job]) -> None:
        """The unobstructed expert, on every layout whose times are unknown. One that fails is tried again with its
        first run."""
        missing = {job.free: job for job in jobs if job.free not in self._store.free}
        layouts = list(missing.values())
        tasks = {n: self._task(job, alone=True) for n, job in enumerate(layouts)}
        for done, (number, answer) in enumerate(self._machines.answers(tasks), 1):
            self._keep_free(layouts[number], answer)
            self._told("expert", done, len(layouts), None)

    def drive(self, jobs: Sequence[Job], what: str = "runs") -> None:
        """The jobs, a row for each, whatever became of it."""
        left = dict(enumerate(jobs))
        for number, answer in self._machines.answers({n: self._task(job) for n, job in left.items()}):
            job = left.pop(number)
            self._keep_free(job, answer)
            row = row_of(job, answer)
            self._store.add(row)
            self.pace.note(row)
            self._told(what, len(jobs) - len(left), len(jobs), self.left(left.values()))

    def left(self, jobs: Iterable[Job]) -> float | None:
        """What jobs will take [s]."""
        return self.pace.left(jobs, self._machines.jobs)

    def guess(self, jobs: Iterable[Job]) -> float | None:
        """The same before anything was driven, by another machine's pace [s]."""
        return self.pace.guess(jobs, self._machines.jobs)

    def _task(self, job: Job, alone: bool = False) -> tuple[bytes, float]:
        known = self._store.free.get(job.free)
        hosts, limit = self._grid.suite.hosts, self._grid.suite.limit_of(job.options.driver)
        task = Task(
            options=job.options, free=known.times if known else None, alone=alone, hosts=hosts, carla=self._carla
        )
        return msgspec.json.encode(task), limit

    def _keep_free(self, job: Job, answer: Answer) -> None:
        if answer.free is not None and job.free not in self._store.free:
            o = job.options
            found = Free(key=job.free, scenario=o.scenario, seed=o.seed, twin=o.twin, times=answer.free)
            self._store.add_free(found)


def row_of(job: Job, answer: Answer) -> Row:
    """What is kept of a run."""
    options: dict[str, Any] = msgspec.to_builtins(job.options)
    return Row(
        key=job.key,
        scenario=job.options.scenario,
        seed=job.options.seed,
        twin=job.options.twin,
        driver=job.options.driver,
        channel=job.options.channel,
        options=options,
        outcome=answer.outcome,
        detail=answer.detail,
        figures=answer.figures,
        measured=answer.measured,
    )
