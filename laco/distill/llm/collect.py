"""Rows from driven layouts: the expert drives, sometimes wrongly, or the student does; the expert answers for both."""

from collections.abc import Callable, Mapping

import numpy as np

from laco.agents.drivers.expert import decide
from laco.agents.drivers.llm import SPEEDS
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Observation
from laco.agents.perception import with_beacons
from laco.distill.llm.rows import CAUTIONS, OFTEN, Row, row
from laco.distill.llm.scenes import training_rollout
from laco.distill.perturb import perturbed
from laco.distill.rollout import Policy

ASKS = 4  # states that a scene is asked about: the scene is read once for all of them
TAKEN = 0.1  # share of an expert's decisions that become rows
EASY = 0.12  # share of those that are kept though in no state anything is to be done
WAITING = 0.3  # share of those that are kept where a standing viewer goes on standing
STANDING = 0.5  # [m/s]
GOAL = 3.0  # [m] nearer to its goal a vehicle has nothing to decide
SECONDS = 20.0
MakePolicy = Callable[[np.random.Generator], Policy]


class Held:
    """A policy that is asked once a period only; its plans are followed in between."""

    def __init__(self, policy: Policy, period: float) -> None:
        self.policy, self.period, self.next = policy, period, 0.0
        self.plans: Mapping[str, Plan] = {}

    def __call__(self, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        now = next(iter(views.values())).time
        if not self.plans or now >= self.next - 1e-6:
            self.plans, self.next = self.policy(views), now + self.period
        return self.plans


def collect(count: int, seed: int, student: MakePolicy | None = None, taken: float = TAKEN) -> list[Row]:
    """`count` rows of training layouts. student: makes who drives on each; None for the expert."""
    rng = np.random.default_rng([seed, 0x11A])
    rows: list[Row] = []
    while len(rows) < count:
        driven = Recorder(rows, rng, None if student is None else student(rng), taken)
        training_rollout(rng).run(driven, SECONDS)
    return rows[:count]


class Recorder:
    """A policy that takes down some of what it meets."""

    def __init__(self, rows: list[Row], rng: np.random.Generator, student: Policy | None, taken: float) -> None:
        self.rows, self.rng, self.taken = rows, rng, taken
        self.caution = float(rng.choice(CAUTIONS, p=OFTEN))
        self.shares, self.slip = rng.random() < 0.4, 0.0
        driver = self._expert if student is None else student
        self.driver = Held(driver, float(rng.choice([0.2, 1.0])) if student is None else 1.0)

    def __call__(self, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        known = joined(views)
        for name, own in known.items():
            if own.remaining > GOAL and self.rng.random() < self.taken:
                self._take(own, [view for other, view in known.items() if other != name])
        return self.driver(views)

    def _take(self, own: Observation, peers: list[Observation]) -> None:
        """Two rows: the viewer on its own, and with what a peer tells."""
        if self.rng.random() < 0.35:
            own = perturbed(own, self.rng)
        chosen = [peers[int(self.rng.integers(len(peers)))]] if peers else []
        if chosen and self.rng.random() < 0.3:
            chosen = [perturbed(chosen[0], self.rng)]
        made = [row(own, heard, ASKS, self.rng) for heard in ([], chosen)]
        if self.rng.random() < self._worth(own, made):
            self.rows += made

    def _worth(self, own: Observation, made: list[Row]) -> float:
        """How often rows like these are kept: seldom where nothing is to be done, or it is just waiting."""
        if own.body.speed < STANDING and all(one.asks[0].level < 0.5 for one in made):
            return WAITING
        return 1.0 if any(ask.level < SPEEDS - 2 for one in made for ask in one.asks) else EASY

    def _expert(self, views: Mapping[str, Observation]) -> Mapping[str, Plan]:
        known = joined(views)
        if self.rng.random() < 0.1:
            self.slip = float(self.rng.choice([0.0, 0.0, -4.0, 3.0]))
        return {name: self._decided(own, [v for n, v in known.items() if n != name]) for name, own in known.items()}

    def _decided(self, own: Observation, peers: list[Observation]) -> Plan:
        plan = decide(own, self.caution, peers if self.shares else ())
        return Plan(plan.time, tuple(max(0.0, v + self.slip) for v in plan.speed), plan.curvature)


def joined(views: Mapping[str, Observation]) -> dict[str, Observation]:
    """The views with everybody's beacons in them."""
    beacons = {name: view.beacon("") for name, view in views.items()}
    return {n: with_beacons(v, [b for m, b in beacons.items() if m != n]) for n, v in views.items()}
