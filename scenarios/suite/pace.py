"""How long runs take, from those that were driven; before any was, from those of another machine."""

from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean

from laco.scenarios.suite.grid import Job
from laco.scenarios.suite.store import Row

Kind = tuple[str, str]  # driver, channel
# [s] per run of two vehicles on two x86-64 server cores, two hosts, as in docs/results.md: the order of magnitude.
ELSEWHERE: dict[Kind, float] = {
    ("llm", "silent"): 6.0,
    ("llm", "observation"): 6.0,
    ("llm", "visual"): 6.0,
    ("llm", "latent"): 8.0,
    ("llm", "conclusion"): 60.0,
    ("llm", "language"): 120.0,
    ("vector", "silent"): 1.0,
    ("vector", "observation"): 1.2,
    ("vector", "visual"): 2.0,
    ("vector", "latent"): 2.5,
    ("expert", "silent"): 0.5,
    ("expert", "observation"): 0.5,
    ("auto", "silent"): 0.5,
}


class Pace:
    """Wall-clock seconds per run of each kind. Runs on hosts that were still loading count only where there are no
    others."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._warm: dict[Kind, list[float]] = defaultdict(list)
        self._cold: dict[Kind, list[float]] = defaultdict(list)
        for row in rows:
            self.note(row)

    def note(self, row: Row) -> None:
        """A run that was driven; one that ended before its time says nothing."""
        if row.finished and "wall_s" in row.measured:
            found = self._cold if row.measured.get("cold") else self._warm
            found[row.driver, row.channel].append(float(row.measured["wall_s"]))

    def seconds(self, kind: Kind) -> float | None:
        """Of one run; None if none of its kind was driven."""
        found = self._warm.get(kind) or self._cold.get(kind)
        return fmean(found) if found else None

    def left(self, jobs: Iterable[Job], abreast: int) -> float | None:
        """What jobs will take, `abreast` at a time [s]; None where a kind is unknown."""
        each = [self.seconds(job.kind) for job in jobs]
        known = [seconds for seconds in each if seconds is not None]
        return sum(known) / abreast if len(known) == len(each) else None

    def guess(self, jobs: Iterable[Job], abreast: int) -> float | None:
        """The same, with another machine's pace for kinds that were never driven here; None where that is unknown."""
        each = [self.seconds(job.kind) or ELSEWHERE.get(job.kind) for job in jobs]
        known = [seconds for seconds in each if seconds is not None]
        return sum(known) / abreast if len(known) == len(each) else None

    def unknown(self, jobs: Iterable[Job]) -> list[Job]:
        """The first job of each kind that was never driven."""
        found: dict[Kind, Job] = {}
        for job in jobs:
            if self.seconds(job.kind) is None:
                found.setdefault(job.kind, job)
        return list(found.values())
