"""Who spent what: processor time, wall time and, where it can be read, energy, of teacher and student apart."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Spent:
    """cpu_s, wall_s: [s]. joules: None where nothing can be read; source: what was read."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    joules: float | None = None
    source: str = "n/a"

    def add(self, cpu_s: float, wall_s: float) -> None:
        """Time that passed."""
        self.cpu_s += cpu_s
        self.wall_s += wall_s

    def charge(self, joules: float | None, source: str) -> None:
        """Energy that was read, or could not be."""
        if joules is not None:
            self.joules = (self.joules or 0.0) + joules
            self.source = source


@dataclass
class Ledger:
    """The teacher labels, drives, and answers in the student's steps; the student drives, answers and is updated.

    Counters of energy cannot tell the two apart: what they read is divided by the processor time of each.
    """

    spent: dict[str, Spent] = field(default_factory=lambda: {"teacher": Spent(), "student": Spent()})

    @contextmanager
    def teacher(self) -> Iterator[None]:
        """The teacher's passes inside a step of the student."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.spent["teacher"].add(time.process_time() - cpu, time.perf_counter() - wall)

    @contextmanager
    def student(self) -> Iterator[None]:
        """A step of the student, without the teacher's passes in it."""
        teacher = self.spent["teacher"]
        cpu, wall = time.process_time() - teacher.cpu_s, time.perf_counter() - teacher.wall_s
        yield
        cpu, wall = time.process_time() - teacher.cpu_s - cpu, time.perf_counter() - teacher.wall_s - wall
        self.spent["student"].add(cpu, wall)

    def collected(self, teacher: float, student: float, figures: Mapping[str, Any]) -> None:
        """Data files were made, in processor time [s] of both; figures: of the meter around it."""
        whole = max(teacher + student, 1e-9)
        for who, cpu in (("teacher", teacher), ("student", student)):
            self.spent[who].add(cpu, figures["wall_s"] * cpu / whole)
            self.spent[who].charge(_part(figures["joules"], cpu / whole), figures["source"])

    def share(self, figures: Mapping[str, Any]) -> None:
        """Divide what a meter read around all of it by the processor time."""
        whole = max(sum(spent.cpu_s for spent in self.spent.values()), 1e-9)
        for spent in self.spent.values():
            spent.charge(_part(figures["joules"], spent.cpu_s / whole), figures["source"])

    def join(self, other: "Ledger") -> None:
        """Add another's entries."""
        for who, spent in other.spent.items():
            self.spent[who].add(spent.cpu_s, spent.wall_s)
            self.spent[who].charge(spent.joules, spent.source)

    def dump(self) -> dict[str, dict[str, Any]]:
        """As plain values."""
        return {who: asdict(spent) for who, spent in self.spent.items()}

    @classmethod
    def load(cls, plain: Mapping[str, Mapping[str, Any]]) -> "Ledger":
        """What `dump` gave."""
        return cls({who: Spent(**values) for who, values in plain.items()})


def _part(joules: float | None, share: float) -> float | None:
    return None if joules is None else joules * share
