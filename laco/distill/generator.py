"""Training layouts: every scenario's own generator on seeds of its own, widened so that nothing is learnt by heart."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from laco.agents.route import Route
from laco.distill.rollout import Car
from laco.distill.seeds import FIRST_SEED
from laco.errors import ConfigError
from laco.geometry import overlap
from laco.scenarios.catalog import SCENARIOS, Scenario
from laco.scenarios.layout import Ego, Layout, Mover, Placement

WIDENED = 0.5  # share of layouts that are changed
HAZARD = 0.5  # share of layouts with their hazard; the others are twins


def kinds(held_out: Collection[str]) -> tuple[Scenario, ...]:
    """The catalogue without some kinds, by their names without version."""
    return tuple(s for s in SCENARIOS if name_of(s.id) not in held_out)


def name_of(scenario: str) -> str:
    """A scenario's id without its version."""
    return scenario.rpartition("-v")[0] or scenario


def draw(rng: np.random.Generator, chosen: Sequence[Scenario], last: int = 2**31) -> Layout:
    """A training layout: any scenario, any seed of [FIRST_SEED, last), hazard or twin, perhaps widened."""
    if not chosen:
        raise ConfigError("no scenario is left to train on")
    scenario = chosen[int(rng.integers(len(chosen)))]
    made = scenario.layout(int(rng.integers(FIRST_SEED, last)))
    if rng.random() >= HAZARD:
        made = made.twin()
    return widened(made, rng) if rng.random() < WIDENED else made


def widened(made: Layout, rng: np.random.Generator) -> Layout:
    """Fewer parked things and movers, other starts and speeds; what then touches something keeps its place."""
    parked = tuple(p for p in made.parked if rng.random() < 0.7)
    movers = tuple(_hurried(m, rng) for m in made.movers if rng.random() < 0.85)
    egos = list[Ego]()
    for ego in made.egos:
        moved = _moved(ego, rng)
        others = [*parked, *(m.placement for m in movers), *(e.placement for e in egos)]
        egos.append(ego if _touches(moved.placement, others) else moved)
    return replace(made, parked=parked, movers=movers, egos=tuple(egos))


def _moved(ego: Ego, rng: np.random.Generator) -> Ego:
    """An ego further along its route, at another speed."""
    way = Route.through(ego.route)
    done = float(rng.uniform(0.0, 0.5)) * max(0.0, way.length - 30.0) if rng.random() < 0.6 else 0.0
    speed = float(rng.uniform(0.0, 1.1)) * ego.placement.speed if rng.random() < 0.7 else ego.placement.speed
    if done == 0.0:
        return Ego(replace(ego.placement, speed=speed), ego.route)
    (x, y), (fx, fy) = way.at(np.array([done, done + 0.5]))
    yaw = float(np.degrees(np.arctan2(fy - y, fx - x)))
    return Ego(replace(ego.placement, x=float(x), y=float(y), yaw=yaw, speed=speed), ego.route)


def _hurried(mover: Mover, rng: np.random.Generator) -> Mover:
    """A mover whose whole script is a little faster or slower."""
    factor = float(rng.uniform(0.75, 1.25)) if rng.random() < 0.6 else 1.0
    place = replace(mover.placement, speed=mover.placement.speed * factor)
    calm = None if mover.calm is None else tuple((t, v * factor) for t, v in mover.calm)
    return replace(mover, placement=place, profile=tuple((t, v * factor) for t, v in mover.profile), calm=calm)


def _touches(place: Placement, others: Sequence[Placement]) -> bool:
    box = Car.of(place).body.box
    near = (box[0], box[1], box[2], box[3] + 2.0, box[4] + 0.2)
    return any(overlap(near, Car.of(other).body.box) for other in others)
