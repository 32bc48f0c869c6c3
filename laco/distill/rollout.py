"""A layout driven without a server: the same physics, boxes and perception, quick enough to train on."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

from laco.agents.control import Pedals, follow
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Actor, Body, Observation
from laco.agents.perception import Approach, observe
from laco.geometry import Box, overlap
from laco.scenarios.layout import Layout, Mover, Placement
from laco.scenarios.maps import read_map
from laco.scenarios.script import Script
from laco.scenarios.server.blueprints import library
from laco.scenarios.server.physics import Motion, advance
from laco.scenarios.server.roads import Roads
from laco.scenarios.surroundings import lanes_of

TICK, PERIOD = 0.05, 0.2  # [s]
BUILDING = 3  # CityObjectLabel
BLUEPRINTS = library()
Policy = Callable[[Mapping[str, Observation]], Mapping[str, Plan]]


@dataclass
class Car:
    """A body in the rollout."""

    name: str
    motion: Motion
    half: tuple[float, float]
    prop: bool = False

    @classmethod
    def of(cls, place: Placement) -> "Car":
        """A car at its placement."""
        motion = Motion(place.x, place.y, math.radians(place.yaw), place.speed)
        length, width, _ = BLUEPRINTS[place.blueprint].size
        return cls(place.role, motion, (length / 2, width / 2), place.blueprint.startswith("static."))

    @property
    def body(self) -> Body:
        """What others see of it."""
        m = self.motion
        return Body(m.x, m.y, m.yaw, m.speed, *self.half)

    def actor(self, number: int) -> Actor:
        """The same, with the rate at which it turns."""
        return Actor(number, self.body, turn=self.motion.yaw_rate)


@dataclass
class Outcome:
    """How an ego fared: time to its goal [s] (None: not reached), collisions, furthest route distance [m]."""

    time: float | None = None
    collided: bool = False
    progress: float = 0.0
    speeds: list[float] = field(default_factory=list)


@dataclass
class Scripted:
    """A mover's body and its script."""

    car: Car
    script: Script

    @classmethod
    def of(cls, mover: Mover) -> "Scripted":
        """A mover where it starts."""
        return cls(Car.of(mover.placement), Script(mover))

    def step(self, time: float, along: Mapping[str, float]) -> None:
        """One tick, as the server does it: a constant velocity, and wheels that steer; walkers just walk."""
        m, speed = self.car.motion, self.script.speed(time, along)
        if self.script.over:
            m.speed = 0.0
        elif self.script.mover.placement.walks:
            x, y = self.script.direction(self.car.body)
            m.x, m.y, m.yaw, m.speed = m.x + x * speed * TICK, m.y + y * speed * TICK, math.atan2(y, x), speed
        else:
            steer, m.speed = self.script.steer(self.car.body), speed
            advance(m, 0.0, round(steer, 6), 0.0, TICK)
            m.speed = speed


@lru_cache(maxsize=16)
def surroundings(name: str) -> tuple[Any, tuple[Box, ...]]:
    """A map's `carla.Map`, and the boxes of its buildings."""
    roads = Roads(read_map(name), name)
    boxes = [t for t in roads.things if t.label == BUILDING]
    return roads.map, tuple((t.x, t.y, math.radians(t.yaw), t.extent[0], t.extent[1]) for t in boxes)


class Rollout:
    """One layout in motion. lanes, walls: what egos look along, and what hides others from them (`lanes_of`)."""

    def __init__(self, layout: Layout, lanes: Sequence[Approach], walls: Sequence[Box] = ()) -> None:
        self.layout, self.lanes, self.time = layout, tuple(lanes), 0.0
        self.egos = {e.name: Car.of(e.placement) for e in layout.egos}
        self.routes = layout.routes()
        self.movers = [Scripted.of(m) for m in layout.movers]
        self.others = [Car.of(p) for p in layout.parked]
        props = [Car.of(p).body.box for p in layout.parked if p.blueprint.startswith("static.")]
        self.walls = (*props, *walls)
        self.outcomes = {name: Outcome() for name in self.egos}

    @classmethod
    def of(cls, layout: Layout) -> Self:
        """The layout on its map."""
        road_map, buildings = surroundings(layout.map)
        return cls(layout, lanes_of(road_map, layout), buildings)

    def cars(self) -> list[Car]:
        """Everyone, in a fixed order: an actor's id is its place in it."""
        return [*self.egos.values(), *(m.car for m in self.movers), *self.others]

    @property
    def hazards(self) -> tuple[int, ...]:
        """Ids of the hazards."""
        first = len(self.egos)
        return tuple(first + i for i, m in enumerate(self.layout.movers) if m.hazard)

    def view(self, name: str) -> Observation:
        """What ego `name` sees now."""
        others = [c.actor(i) for i, c in enumerate(self.cars()) if c.name != name and not c.prop]
        own, route, limit = self.egos[name].body, self.routes[name], self.layout.limit
        return observe(name, self.time, own, route, limit, others, self.lanes, self.walls)

    def run(self, policy: Policy, seconds: float) -> dict[str, Outcome]:
        """Drive until ego A has arrived or the time is up."""
        while self.time < seconds and self.outcomes[self.layout.egos[0].name].time is None:
            self.decide(policy)
        return self.outcomes

    def decide(self, policy: Policy) -> None:
        """One decision of all egos, and what happens until the next."""
        plans = policy({name: self.view(name) for name in self.egos})
        for _ in range(round(PERIOD / TICK)):
            self._tick(plans)

    def _tick(self, plans: Mapping[str, Plan]) -> None:
        for name, car in self.egos.items():
            arrived = self.outcomes[name].time is not None
            pedals = Pedals(0.0, 0.0, 1.0) if arrived else follow(plans[name], self.time, car.motion.speed)
            advance(car.motion, pedals.throttle, pedals.steer, pedals.brake, TICK)
        along = {name: outcome.progress for name, outcome in self.outcomes.items()}
        for mover in self.movers:
            mover.step(self.time, along)
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
        for mover in self.movers:
            mover.script.meet(mover.car.body, car.body)
        hit = any(overlap(car.body.box, c.body.box) for c in self.cars() if c.name != name)
        outcome.collided = outcome.collided or hit
