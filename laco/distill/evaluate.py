"""How good a student is: open loop on held-out samples, and closed loop on layouts of development seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from laco.agents.drivers.vector_model import BIN, VectorModel
from laco.distill.losses.base import divergence, has_peers
from laco.distill.moment import hearings
from laco.distill.passes import Decided, Passes, Way
from laco.distill.pupil import Student
from laco.distill.rollout import Rollout
from laco.distill.samples import Batch, Data
from laco.scenarios.layout import Layout

BATCH = 256


@dataclass(frozen=True)
class Errors:
    """Mean absolute error of the median target speed from the expert's [m/s], alone, reading and hearing; apart:
    KL from reading to hearing [nats]; told, told_joint: hearing's and reading's error where the peers change the
    expert's answer [m/s]."""

    alone: float
    joint: float
    heard: float
    apart: float
    told: float
    told_joint: float

    def __str__(self) -> str:
        return (
            f"alone {self.alone:.3f} joint {self.joint:.3f} heard {self.heard:.3f} told {self.told:.3f} "
            f"({self.told_joint:.3f}) apart {self.apart:.3f}"
        )


@torch.no_grad()
def errors(model: VectorModel, held: Data, way: Way, input_norm: float) -> Errors:
    """Of held-out samples."""
    sums, weights = np.zeros(6), np.zeros(6)
    order = np.argsort(held.lengths, kind="stable")
    for part in np.array_split(order, max(1, len(order) // BATCH)):
        batch = held.batch(part)
        passes = Passes(model, None, batch, way, input_norm)
        peers = has_peers(passes).numpy()
        told = peers * (np.abs(held.target[part, 0] - held.target[part, 1]) >= 1.0)
        heard = _wrong(passes.heard, batch, 1)
        apart = divergence(passes.joint.logits, passes.heard.logits).numpy()
        joint, every = _wrong(passes.joint, batch, 1), np.ones(len(part))
        found = [_wrong(passes.alone, batch, 0), joint, heard, apart, heard, joint]
        counts = [every, every, peers, peers, told, told]
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

    def timely(self, free: float) -> float:
        """In [0, 100]: progress, times 0.6 after a collision, times the share of its time that A had needed."""
        return 100.0 * self.progress * (0.6 if self.collided else 1.0) * min(1.0, free / self.seconds)


def drives(student: Student, caution: float, layouts: Sequence[Layout], seconds: float = 30.0) -> list[Drive]:
    """Every layout, with its hazard and as the twin, all side by side: the student answers in batches."""
    cases = [(layout, hazard) for layout in layouts for hazard in (True, False)]
    rollouts = [Rollout.of(layout if hazard else layout.twin()) for layout, hazard in cases]
    while active := [i for i, rollout in enumerate(rollouts) if not rollout.over(seconds)]:
        heard = {(i, name): h for i in active for name, h in hearings(rollouts[i].views()).items()}
        named = student.drive({f"{i} {name}": hearing for (i, name), hearing in heard.items()}, caution)
        for i in active:
            rollouts[i].step({name: named[f"{i} {name}"] for j, name in heard if j == i})
    return [_drive(rollout, hazard, seconds) for rollout, (_, hazard) in zip(rollouts, cases, strict=True)]


def _drive(rollout: Rollout, hazard: bool, seconds: float) -> Drive:
    first, layout = rollout.layout.egos[0].name, rollout.layout
    mine = rollout.outcomes[first]
    share = 1.0 if mine.time is not None else min(1.0, mine.progress / rollout.routes[first].length)
    return Drive(layout.scenario, layout.seed, hazard, share, mine.time or seconds, mine.collided, rollout.struck)
