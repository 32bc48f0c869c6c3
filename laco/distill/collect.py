"""Driven and labelled: layouts of the catalogue, the expert's or a student's states, the expert's labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np

from laco.agents.drivers.expert import CRUISE
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.vector_model import BIN
from laco.agents.observation import Observation
from laco.distill.generator import draw
from laco.distill.labels import Label, label
from laco.distill.moment import Hearing, gap, hearings, shared_pair
from laco.distill.perturb import jittered, perturbed
from laco.distill.rollout import Rollout
from laco.distill.samples import FAR, Samples
from laco.scenarios.catalog import Scenario

CAUTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
SECONDS = 16.0  # [s] of a drive at most
LABELLED = 3  # vehicles of a moment that are labelled, at most
CHANGED = 0.4  # share of labelled hearings that are also labelled with changed views
DULL = 0.4  # share that is kept of samples in which nothing is near and the peers tell nothing
SHARES = 0.5  # share of the expert's drives in which it sees through its peers


class Pupil(Protocol):
    """Drives a fleet as a student would, from what its vehicles hear."""

    def drive(self, heard: Mapping[str, Hearing], caution: float) -> Mapping[str, Plan]:
        """A plan for each vehicle."""
        ...


class MakePupil(Protocol):
    """Chooses how the next layout is driven: a pupil, or None for the expert."""

    def __call__(self, rng: np.random.Generator) -> Pupil | None: ...


def collect(
    samples: Samples,
    count: int,
    seed: int,
    chosen: Sequence[Scenario],
    pupil: MakePupil = lambda rng: None,
    jitter: float = 0.0,
) -> None:
    """Drive random layouts until there are `count` samples. A share `jitter` of views is put beside the route."""
    rng = np.random.default_rng([seed, 0xDA7A])
    while len(samples) < count:
        layout = draw(rng, chosen)
        driver = Recorder(samples, rng, pupil(rng), layout.scenario, jitter)
        Rollout.of(layout).run(driver, SECONDS, intact=True)


@dataclass
class Recorder:
    """A policy that labels some of what it meets."""

    samples: Samples
    rng: np.random.Generator
    pupil: Pupil | None
    scenario: str
    jitter: float

    def __post_init__(self) -> None:
        steps = self.rng.random() < 0.7
        self.caution = float(self.rng.choice(CAUTIONS)) if steps else float(self.rng.random())
        self.shares = self.rng.random() < SHARES
        self.slip = dict[str, float]()

    def __call__(self, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        heard = hearings(views)
        names = sorted(heard)
        chosen = set(self.rng.choice(names, min(LABELLED, len(names)), replace=False).tolist())
        labels = {name: self._labelled(heard[name]) for name in names if name in chosen}
        if self.pupil is not None:
            return self.pupil.drive(heard, self.caution)
        return {name: self._expert(name, heard[name], labels.get(name)) for name in names}

    def _labelled(self, hearing: Hearing) -> tuple[Label, Label]:
        """Labels of a hearing as it is; of one beside the route and of a changed one as well, sometimes."""
        found = self._add(hearing, self.caution)
        if self.jitter and self.rng.random() < self.jitter:
            self._add(Hearing(jittered(hearing.own, self.rng), hearing.peers), self.caution)
        if self.rng.random() < CHANGED:
            own = perturbed(hearing.own, self.rng)
            peers = tuple(perturbed(p, self.rng, move=False) for p in hearing.peers if self.rng.random() < 0.8)
            self._add(Hearing(own, peers), float(self.rng.random()))
        return found

    def _add(self, hearing: Hearing, caution: float) -> tuple[Label, Label]:
        frame = hearing.frame
        alone = label(frame, [hearing.own], caution)
        joint = label(frame, [hearing.own, *hearing.peers], caution) if hearing.peers else alone
        pair, meets = shared_pair(hearing), gap(hearing)
        dull = meets >= FAR and alone.bin == joint.bin and alone.bin >= self._free(hearing)
        if dull and self.rng.random() >= DULL:
            return alone, joint
        self.samples.add(hearing.segments(caution), alone, joint, gap=meets, pair=pair, scenario=self.scenario)
        return alone, joint

    @staticmethod
    def _free(hearing: Hearing) -> float:
        """The target of a free road [bins], less one."""
        return hearing.own.limit * CRUISE / BIN - 1.0

    def _expert(self, name: str, hearing: Hearing, known: tuple[Label, Label] | None) -> Plan:
        """The expert's plan, sometimes wrong on purpose."""
        if known is None:
            views = [hearing.own, *hearing.peers] if self.shares else [hearing.own]
            answer = label(hearing.frame, views, self.caution).answer
        else:
            answer = known[int(self.shares)].answer
        if self.rng.random() < 0.05:
            self.slip[name] = float(self.rng.choice([0.0, 0.0, -4.0, 3.0]))
        slip = self.slip.get(name, 0.0)
        return msgspec.structs.replace(answer, speed=tuple(max(0.0, v + slip) for v in answer.speed))
