"""Labelled token rows: driven layouts, three samples a decision, labels by the expert from just the input."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers.expert import HARD, decide, judge, plan
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.tokens import FEATURES, segment
from laco.agents.observation import Observation
from laco.agents.perception import with_beacons
from laco.distill.rollout import Policy, Rollout
from laco.distill.scenes import all_approaches, jittered, perturbed, random_layout

LONGEST = 32  # tokens of two segments
BIN = 0.5  # [m/s] width of a target-speed bin; bin 0 is the hard stop, bin 1 + k the target k * BIN
BINS = 32
CAUTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass
class Samples:
    """Growing columns of a data set; `save` writes one .npz."""

    features: list[NDArray[np.float16]] = field(default_factory=list)  # [32, 18], padded on the right
    kinds: list[NDArray[np.int8]] = field(default_factory=list)  # [32], -1 is padding
    target: list[float] = field(default_factory=list)  # target speed [bins], -1 the hard stop
    curvature: list[tuple[float, ...]] = field(default_factory=list)  # [5], deg/m

    def add(self, views: list[Observation], caution: float) -> None:
        """One sample: the last view is the vehicle's own, those before it are its peers'."""
        frame = Frame.of(views[-1])
        target, rate = judge(frame, views, caution)
        rows = [segment(frame, view, caution) for view in views]
        features = np.concatenate([r[0] for r in rows])[-LONGEST:]
        kinds = np.concatenate([r[1] for r in rows])[-LONGEST:]
        pad = LONGEST - len(kinds)
        self.features.append(np.pad(features, ((0, pad), (0, 0))).astype(np.float16))
        self.kinds.append(np.pad(kinds, (0, pad), constant_values=-1).astype(np.int8))
        self.target.append(-1.0 if rate == HARD else target / BIN)
        self.curvature.append(plan(frame, 0.0, target, rate).curvature)

    def save(self, path: Path) -> None:
        """Write atomically."""
        part = path.with_suffix(".part.npz")
        np.savez_compressed(
            part,
            features=np.array(self.features).reshape(-1, LONGEST, FEATURES),
            kinds=np.array(self.kinds),
            target=np.array(self.target, dtype=np.float32),
            curvature=np.array(self.curvature, dtype=np.float32),
        )
        part.replace(path)


MakePolicy = Callable[[np.random.Generator], Policy]


def collect(
    samples: Samples, decisions: int, seed: int, student: MakePolicy | None = None, jitter: float = 0.0
) -> None:
    """Drive random layouts until `decisions` vehicle decisions have been labelled.

    Without a `student` the expert drives, with random caution, sometimes seeing through its peers, sometimes
    wrong on purpose; with one, the student that it makes for each layout chooses the states. A share `jitter`
    of the labelled views is put a little beside the route.
    """
    rng = np.random.default_rng([seed, 0xDA7A])
    known = all_approaches()
    done = 0
    while done < decisions:
        layout, lanes = random_layout(rng, known)
        driver = _Recorder(samples, rng, None if student is None else student(rng), jitter)
        Rollout(layout, lanes).run(driver, seconds=14.0)
        done += driver.decisions


class _Recorder:
    """A policy that labels what it meets."""

    def __init__(
        self, samples: Samples, rng: np.random.Generator, student: Policy | None, jitter: float
    ) -> None:
        self.samples, self.rng, self.student, self.jitter = samples, rng, student, jitter
        self.decisions = 0
        steps = rng.random() < 0.7
        self.caution = float(rng.choice(CAUTIONS)) if steps else float(rng.random())
        self.shares = rng.random() < 0.4
        self.slip = 0.0

    def __call__(self, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        known = {n: self._with_beacons(n, views) for n in views}
        for name, own in known.items():
            self.decisions += 1
            peers = [view for other, view in known.items() if other != name]
            self._label(own, peers)
        if self.student is not None:
            return self.student(views)
        return {n: self._drive(v, [p for m, p in known.items() if m != n]) for n, v in known.items()}

    def _with_beacons(self, name: str, views: Mapping[str, Observation]) -> Observation:
        return with_beacons(views[name], [v.beacon("") for n, v in views.items() if n != name])

    def _label(self, own: Observation, peers: list[Observation]) -> None:
        caution = self.caution if self.rng.random() < 0.5 else float(self.rng.choice(CAUTIONS))
        if self.jitter and self.rng.random() < self.jitter:
            own = jittered(own, self.rng)
        self.samples.add([own], caution)
        self.samples.add([*peers, own], caution)
        changed = perturbed(own, self.rng)
        others = [perturbed(p, self.rng) for p in peers] if self.rng.random() < 0.5 else []
        self.samples.add([*others, changed], float(self.rng.random()))

    def _drive(self, own: Observation, peers: list[Observation]) -> Plan:
        answer = decide(own, self.caution, peers if self.shares else ())
        if self.rng.random() < 0.05:
            self.slip = float(self.rng.choice([0.0, 0.0, -4.0, 3.0]))
        speed = tuple(max(0.0, v + self.slip) for v in answer.speed)
        return Plan(answer.time, speed, answer.curvature)
