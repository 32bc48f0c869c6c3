"""How good a student is: open loop on held-out samples, and closed loop on layouts of development seeds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from laco.agents.drivers.vector_model import BIN, VectorModel
from laco.distill.losses.base import divergence, has_peers
from laco.distill.passes import Decided, Passes, Way
from laco.distill.pupil import Driving, Student
from laco.distill.rollout import Rollout
from laco.distill.samples import Batch, Data
from laco.scenarios.catalog import Scenario
from laco.scenarios.layout import Layout

BATCH = 256


@dataclass(frozen=True)
class Errors:
    """Mean absolute error of the median target speed from the expert's [m/s], alone, reading and hearing; apart:
    KL from reading to hearing [nats]; told: hearing's error where the peers change the expert's answer [m/s]."""

    alone: float
    joint: float
    heard: float
    apart: float
    told: float

    def __str__(self) -> str:
        return (
            f"alone {self.alone:.3f} joint {self.joint:.3f} heard {self.heard:.3f} told {self.told:.3f} "
            f"apart {self.apart:.3f}"
        )


@torch.no_grad()
def errors(model: VectorModel, held: Data, way: Way, input_norm: float) -> Errors:
    """Of held-out samples."""
    sums, weights = np.zeros(5), np.zeros(5)
    order = np.argsort(held.lengths, kind="stable")
    for part in np.array_split(order, max(1, len(order) // BATCH)):
        batch = held.batch(part)
        passes = Passes(model, None, batch, way, input_norm)
        peers = has_peers(passes).numpy()
        told = peers * (np.abs(held.target[part, 0] - held.target[part, 1]) >= 1.0)
        heard = _wrong(passes.heard, batch, 1)
        apart = divergence(passes.joint.logits, passes.heard.logits).numpy()
        found = [_wrong(passes.alone, batch, 0), _wrong(passes.joint, batch, 1), heard, apart, heard]
        counts = [np.ones(len(part)), np.ones(len(part)), peers, peers, told]
        sums += [float((f * c).sum()) for f, c in zip(found, counts, strict=True)]
        weights += [float(c.sum()) for c in counts]
    return Errors(*(sums / np.maximum(weights, 1.0)).tolist())


def _wrong(decided: Decided, batch: Batch, column: int) -> np.ndarray:
    """Errors of the median target speed [m/s], [N]."""
    median = (decided.logits.softmax(1).cumsum(1) < 0.5).sum(1).float() - 1.0
    return np.asarray((median - batch.target[:, column]).abs().numpy() * BIN)


@dataclass(frozen=True)
class Drive:
    """One driven layout: share of A's route, seconds taken, whether A, or anybody, met something."""

    scenario: str
    seed: int
    hazard: bool
    progress: float
    seconds: float
    collided: bool
    anybody: bool

    @property
    def score(self) -> float:
        """In [0, 1]: progress, times 0.6 after a collision, as in the driving score."""
        return self.progress * (0.6 if self.collided else 1.0)


def drives(
    student: Student, caution: float, scenarios: Sequence[Scenario], seeds: Iterable[int], seconds: float = 30.0
) -> list[Drive]:
    """Every scenario and seed, with its hazard and as the twin."""
    seeds = list(seeds)
    made = [(s, seed, twin) for s in scenarios for seed in seeds for twin in (False, True)]
    return [_drive(student, caution, s.layout(seed), twin, seconds) for s, seed, twin in made]


def _drive(student: Student, caution: float, layout: Layout, twin: bool, seconds: float) -> Drive:
    layout = layout.twin() if twin else layout
    rollout = Rollout.of(layout)
    outcomes = rollout.run(Driving(student, caution), seconds)
    first = layout.egos[0].name
    mine = outcomes[first]
    share = 1.0 if mine.time is not None else min(1.0, mine.progress / rollout.routes[first].length)
    anybody = any(outcome.collided for outcome in outcomes.values())
    return Drive(layout.scenario, layout.seed, not twin, share, mine.time or seconds, mine.collided, anybody)


Validate = Callable[[VectorModel], str]
