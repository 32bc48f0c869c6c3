"""A scenario put to the test by driving it, without a server: does its hazard matter, does a peer see it in time,
and does somebody who sees everything get through? `laco scenarios --check` shows what comes of it.

Three drives of a seed. *Blind*: every ego drives as if the hazards were not there. *Seeing*: the expert with all
egos' views. *Twin*: the same without the hazards.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import msgspec
from shapely import Polygon

from laco.agents.drivers.expert import decide
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Body, Observation
from laco.agents.perception import with_beacons
from laco.distill.rollout import PERIOD, TICK, Outcome, Policy, Rollout, surroundings
from laco.geometry import corners
from laco.scenarios.catalog import Scenario
from laco.scenarios.catalog.check import Case, faults
from laco.scenarios.layout import Layout
from laco.scenarios.pilots import Expert

SECONDS, BLIND_SECONDS = 30.0, 15.0  # [s] a drive may take
LEAD = 1.0  # [s] at least between a peer's first sight of a hazard and A's
NEAR = 1.5  # [m] that a blind A may come to a hazard which matters
MATTERS, CLEAN = 0.5, 0.9  # shares of the seeds: hazards that matter, drives of the seeing expert without fault
CAUTION = 0.5  # of the seeing expert


@dataclass(frozen=True)
class Trial:
    """A seed, driven.

    vehicles: how many are connected. lead: from a peer's first sight of a hazard to A's [s]; infinite if A never sees
    it, minus infinite if no peer does. nearest: how near a blind A comes to a hazard, or to an ego that has met one
    [m]. failed, failed_twin: who does not arrive untouched, with and without the hazards.
    """

    seed: int
    vehicles: int
    faults: Sequence[str]
    lead: float
    nearest: float
    failed: Sequence[str]
    failed_twin: Sequence[str]


@dataclass
class Verdict:
    """What the trials of a scenario say together."""

    scenario: Scenario
    trials: list[Trial] = field(default_factory=list)

    @property
    def vehicles(self) -> int:
        """Most that are connected on any of the seeds."""
        return max(t.vehicles for t in self.trials)

    @property
    def lead(self) -> float:
        """The median [s]."""
        return median(t.lead for t in self.trials)

    @property
    def late(self) -> list[int]:
        """Seeds on which no peer sees the hazard in time."""
        return [t.seed for t in self.trials if t.lead < LEAD]

    @property
    def mattering(self) -> float:
        """Share of the seeds on which the hazard matters."""
        return sum(t.nearest <= NEAR for t in self.trials) / len(self.trials)

    @property
    def clean(self) -> float:
        """Share of the drives of the seeing expert, hazard and twin, without fault."""
        return sum((not t.failed) + (not t.failed_twin) for t in self.trials) / (2 * len(self.trials))

    @property
    def faultless(self) -> bool:
        """Whether no layout has a fault."""
        return not any(t.faults for t in self.trials)

    def complaints(self) -> list[str]:
        """What is wrong with the scenario, a line each; nothing if it belongs into the catalogue."""
        found = [f"seed {t.seed}: {fault}" for t in self.trials for fault in t.faults]
        if self.late:
            found.append(f"no peer sees the hazard {LEAD:g} s before A on seeds {', '.join(map(str, self.late))}")
        if self.mattering < MATTERS:
            found.append(f"a blind A comes near a hazard on {self.mattering:.0%} of the seeds only")
        if self.clean < CLEAN:
            for t in self.trials:
                whose = (("", t.failed), (" in the twin", t.failed_twin))
                found += [f"seed {t.seed}: who sees everything fails{w}: {', '.join(f)}" for w, f in whose if f]
        return found


def judge(scenario: Scenario, seeds: Iterable[int]) -> Verdict:
    """Put a scenario to the test. Raises: whatever a layout raises."""
    return Verdict(scenario, [trial(scenario, seed) for seed in seeds])


def trial(scenario: Scenario, seed: int) -> Trial:
    """One seed's."""
    case = Case.of(scenario, seed, lambda name: surroundings(name)[0])
    found, vehicles = faults(case), len(case.layout.egos)
    if found:
        return Trial(seed, vehicles, found, math.inf, 0.0, (), ())
    lead, nearest = blind(case.layout)
    return Trial(seed, vehicles, found, lead, nearest, seeing(case.layout), seeing(case.layout.twin()))


class _Watched(Rollout):
    """A rollout that keeps how near A comes to the hazards, and to egos that have met them."""

    nearest = math.inf

    def run_all(self, policy: Policy, seconds: float) -> dict[str, Outcome]:
        """Drive until every ego has arrived or the time is up."""
        while self.time < seconds and any(o.time is None for o in self.outcomes.values()):
            plans = policy({name: self.view(name) for name in self.egos})
            for _ in range(round(PERIOD / TICK)):
                self._tick(plans)
        return self.outcomes

    def _tick(self, plans: Mapping[str, Plan]) -> None:
        super()._tick(plans)
        first, *peers = self.egos.values()
        met = [self.cars()[i].body for i in self.hazards]
        for peer in peers:
            if any(distance(peer.body, body) <= 0.0 for body in met):
                met.append(peer.body)
        self.nearest = min([self.nearest, *(distance(first.body, body) for body in met)])


def distance(one: Body, other: Body) -> float:
    """Between two bodies' boxes [m]; exact only where they are near."""
    reach = math.hypot(one.half_length, one.half_width) + math.hypot(other.half_length, other.half_width)
    apart = math.hypot(one.x - other.x, one.y - other.y) - reach
    if apart > NEAR:
        return apart
    return float(Polygon(corners(one.box)).distance(Polygon(corners(other.box))))


def blind(layout: Layout) -> tuple[float, float]:
    """`Trial.lead` and `Trial.nearest` of a drive in which nobody heeds the hazards."""
    rollout = _Watched.of(layout)
    first: dict[tuple[int, str], float] = {}

    def policy(views: Mapping[str, Observation]) -> dict[str, Plan]:
        plans = {}
        for name, view in views.items():
            for actor in view.actors:
                if actor.id in rollout.hazards:
                    first.setdefault((actor.id, name), view.time)
            others = [v.beacon("") for n, v in views.items() if n != name]
            kept = tuple(a for a in view.actors if a.id not in rollout.hazards)
            plans[name] = decide(with_beacons(msgspec.structs.replace(view, actors=kept), others), 0.0)
        return plans

    rollout.run(policy, BLIND_SECONDS)
    helped, *peers = rollout.egos
    leads = [_lead(first, hazard, helped, peers) for hazard in rollout.hazards]
    return max(leads), rollout.nearest


def _lead(first: Mapping[tuple[int, str], float], hazard: int, helped: str, peers: Sequence[str]) -> float:
    seen = [first[hazard, peer] for peer in peers if (hazard, peer) in first]
    return first.get((hazard, helped), math.inf) - min(seen) if seen else -math.inf


def seeing(layout: Layout) -> tuple[str, ...]:
    """Egos that do not arrive, or touch somebody, although all know what all see."""
    rollout, expert = _Watched.of(layout), Expert(CAUTION)
    outcomes = rollout.run_all(lambda views: expert.decide(rollout.time, views), SECONDS)
    return tuple(name for name, outcome in outcomes.items() if outcome.collided or outcome.time is None)
