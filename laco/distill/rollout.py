"""A layout driven without a server: the same physics, boxes and perception, quick enough to train on."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from laco.agents.control import Pedals, follow
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Actor, Body, Observation
from laco.agents.perception import Approach, observe
from laco.agents.route import Route
from laco.geometry import overlap
from laco.scenarios.layout import Layout, Placement
from laco.scenarios.server.blueprints import library
from laco.scenarios.server.physics import Motion, advance

TICK, PERIOD = 0.05, 0.2  # [s]
BLUEPRINTS = library()
Policy = Callable[[Mapping[str, Observation]], Mapping[str, Plan]]


@dataclass
class Car:
    """A body in the rollout; `scripted` cars keep their speed, parked ones have none."""

    name: str
    motion: Motion
    half: tuple[float, float]

    @classmethod
    def of(cls, place: Placement) -> "Car":
        """A car at its placement."""
        motion = Motion(place.x, place.y, math.radians(place.yaw), place.speed)
        length, width, _ = BLUEPRINTS[place.blueprint].size
        return cls(place.role, motion, (length / 2, width / 2))

    @property
    def body(self) -> Body:
        """What others see of it."""
        m = self.motion
        return Body(m.x, m.y, m.yaw, m.speed, *self.half)


@dataclass
class Outcome:
    """How an ego fared: time to its goal [s] (None: not reached), collisions, furthest route distance [m]."""

    time: float | None = None
    collided: bool = False
    progress: float = 0.0
    speeds: list[float] = field(default_factory=list)


class Rollout:
    """One layout in motion."""

    def __init__(self, layout: Layout, approaches: Mapping[str, tuple[Approach, ...]]) -> None:
        self.layout, self.approaches, self.time = layout, approaches, 0.0
        self.egos = {e.name: Car.of(e.placement) for e in layout.egos}
        self.routes = {e.name: Route.through(e.route) for e in layout.egos}
        self.others = [Car.of(p) for p in layout.parked]
        self.hazard = None if layout.hazard is None else Car.of(layout.hazard)
        self.outcomes = {name: Outcome() for name in self.egos}

    def cars(self) -> list[Car]:
        """Everyone, in a fixed order: an actor's id is its place in it."""
        return [*self.egos.values(), *self.others, *([self.hazard] if self.hazard else [])]

    def view(self, name: str) -> Observation:
        """What ego `name` sees now."""
        others = [Actor(i, c.body) for i, c in enumerate(self.cars()) if c.name != name]
        return observe(
            name,
            self.time,
            self.egos[name].body,
            self.routes[name],
            self.layout.limit,
            others,
            self.approaches[name],
        )

    def run(self, policy: Policy, seconds: float) -> dict[str, Outcome]:
        """Drive until ego A has arrived or the time is up."""
        while self.time < seconds and self.outcomes[self.layout.egos[0].name].time is None:
            plans = policy({name: self.view(name) for name in self.egos})
            for _ in range(round(PERIOD / TICK)):
                self._tick(plans)
        return self.outcomes

    def _tick(self, plans: Mapping[str, Plan]) -> None:
        for name, car in self.egos.items():
            arrived = self.outcomes[name].time is not None
            pedals = Pedals(0.0, 0.0, 1.0) if arrived else follow(plans[name], self.time, car.motion.speed)
            advance(car.motion, pedals.throttle, pedals.steer, pedals.brake, TICK)
        if self.hazard is not None:
            m = self.hazard.motion
            m.x += m.speed * math.cos(m.yaw) * TICK
            m.y += m.speed * math.sin(m.yaw) * TICK
        self.time = round(self.time + TICK, 6)
        for name in self.egos:
            self._score(name)

    def _score(self, name: str) -> None:
        car, outcome = self.egos[name], self.outcomes[name]
        done, _ = self.routes[name].project(car.motion.x, car.motion.y)
        outcome.progress = max(outcome.progress, done)
        outcome.speeds.append(car.motion.speed)
        if outcome.time is None and done > self.routes[name].length - 2.0:
            outcome.time = self.time
        hit = any(overlap(car.body.box, c.body.box) for c in self.cars() if c.name != name)
        outcome.collided = outcome.collided or hit
