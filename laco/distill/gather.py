"""A stage's data files, each by a process of its own, and those that are there are kept."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import torch
from joblib import Parallel, delayed

from laco.agents.drivers.plan import Plan
from laco.agents.drivers.vector import VectorDriver
from laco.distill.collect import collect
from laco.distill.generator import kinds
from laco.distill.moment import Hearing
from laco.distill.passes import Way
from laco.distill.pupil import Student
from laco.distill.recipe import Collect, Pilot
from laco.distill.recipe import Hearing as Ways
from laco.distill.samples import Samples


class Order(msgspec.Struct, frozen=True):
    """One data file: where, how much of what, from which seed, and whose weights drive ("" for the expert alone)."""

    path: str
    seed: int
    collect: Collect
    hearing: Ways
    held_out: tuple[str, ...]
    weights: str = ""


class Made(msgspec.Struct, frozen=True):
    """name: of the file. samples: in it. teacher, student: [s] of processor time that each took."""

    name: str
    samples: int
    teacher: float
    student: float


def gather(orders: Sequence[Order], jobs: int) -> list[Made]:
    """Make the files that are missing, `jobs` at a time."""
    missing = [order for order in orders if not Path(order.path).exists()]
    made = Parallel(n_jobs=jobs)(delayed(fill)(order) for order in missing)
    return list(made)


def fill(order: Order) -> Made:
    """One file, whole or not at all."""
    torch.set_num_threads(1)
    began = time.process_time()
    pilots = Pilots(order)
    samples = Samples()
    collect(samples, order.collect.samples, order.seed, kinds(order.held_out), pilots.choose, order.collect.jitter)
    samples.save(Path(order.path))
    spent = time.process_time() - began
    return Made(Path(order.path).name, len(samples), spent - pilots.spent, pilots.spent)


@cache
def _driver(path: str, changed: int) -> VectorDriver:
    """Weights, read once per process. changed: the file's time of change [ns]."""
    return VectorDriver.load(Path(path))


@dataclass
class Pilots:
    """Who drives the next layout; spent: [s] of processor time in the student's passes."""

    order: Order
    spent: float = field(default=0.0)

    def choose(self, rng: np.random.Generator) -> "Timed | None":
        """One of the named pilots, at random; None for the expert."""
        names: Sequence[Pilot] = self.order.collect.pilots
        chosen: Pilot = names[int(rng.integers(len(names)))]
        if chosen == "expert":
            return None
        path = Path(self.order.weights)
        driver = _driver(str(path), path.stat().st_mtime_ns)
        way = self.order.hearing.draw(rng, 1)
        way = Way(way.steps, way.layers, float(torch.as_tensor(way.keep)[0]), way.first)
        return Timed(Student(driver, chosen, way), self)


@dataclass(frozen=True)
class Timed:
    """A student whose processor time is counted."""

    student: Student
    pilots: Pilots

    def drive(self, heard: Mapping[str, Hearing], caution: float) -> Mapping[str, Plan]:
        """The student's plans."""
        began = time.process_time()
        plans = self.student.drive(heard, caution)
        self.pilots.spent += time.process_time() - began
        return plans
