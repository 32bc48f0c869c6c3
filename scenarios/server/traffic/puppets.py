"""Our actors that move as SUMO says: one for each of its cars and people, but for guests."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.bodies import BRAKING, DRAG, POWER, REAR_AXLE, ROLLING, TRACTION, X, Y
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.traffic.cast import Role
from laco.scenarios.server.traffic.frame import from_sumo
from laco.scenarios.server.traffic.troop import ACCELERATION, CURVATURE, SPEED, Numbers, Troop
from laco.scenarios.server.vehicle import Control, Vehicle
from laco.scenarios.server.walker import Walker
from laco.scenarios.server.world import World

FLAGS = ((1, 16), (2, 32), (8, 8))  # SUMO's signals and light flags of the protocol: right, left, brake
HURRY, LEAST = 1.5, 2.0  # how much faster than SUMO's a person of ours may walk to catch up; [m/s] at least
ARRIVED = 0.05  # [m] from where SUMO has a person: then it turns as SUMO's does
LOCK = 0.36848336  # [rad] wheel angle at full steer of `physics.CAR`, as a measure for all


class Puppets:
    """All of them."""

    def __init__(self, sumo: Any, world: World, step: float) -> None:
        self._sumo, self._world, self._step = sumo, world, step
        self.cars = Troop(sumo.vehicle, world, step)
        self.walkers = Troop(sumo.person, world, step)
        self._pedals: Numbers = np.zeros((0, 3))  # as last told: throttle, steer, brake
        self._crew: tuple[str, ...] = ()  # whose these are
        self._signals: dict[str, int] = {}

    def welcome(self, troop: Troop, name: str, role: Role) -> bool:
        """Put the actor of one that SUMO let in into the world; False when something is in the way."""
        kind, length = troop.kind, role.blueprint.size[0]
        place = from_sumo(kind.getPosition(name), kind.getAngle(name), length)
        pose = Pose(place.x, place.y, 0.0, 0.0, place.yaw, 0.0)
        try:
            actor = self._world.spawn(role.blueprint.id, pose, role.attributes)
        except RefusedError:
            return False
        assert isinstance(actor, Solid)
        troop.enter(name, actor)
        return True

    def gone(self) -> Iterator[tuple[Troop, str]]:
        """Those whose actor a client has destroyed."""
        actors = self._world.actors
        for troop in (self.cars, self.walkers):
            yield from [(troop, name) for name, solid in troop.solids.items() if solid.id not in actors]

    def dismiss(self, name: str) -> None:
        """Take the actor of one that SUMO no longer has out of the world."""
        for troop in (self.cars, self.walkers):
            if name in troop.solids:
                self._world.destroy(troop.solids[name].id)
                troop.leave(name)
                self._signals.pop(name, None)

    def follow(self) -> None:
        """Read what SUMO has done in its step."""
        self.cars.follow()
        self.walkers.follow()
        for name, solid in self.cars.solids.items():
            signals = self._sumo.vehicle.getSignals(name)
            if self._signals.get(name) != signals:
                self._signals[name] = signals
                assert isinstance(solid, Vehicle)
                solid.lights = sum(flag for signal, flag in FLAGS if signals & signal)

    def show(self, share: float, dt: float) -> None:
        """Move our actors to where SUMO's are, or were at that share of its last step; `dt` [s] have passed."""
        if self.cars:
            numbers = self.cars.numbers
            self.cars.put(
                self.cars.between(share), numbers[:, SPEED], self.cars.turning(), numbers[:, ACCELERATION]
            )  # fmt: skip
            self._drive()
        if self.walkers:
            self._walk(self.walkers.between(share), dt)

    def _drive(self) -> None:
        """Say what pedals and wheel would move cars of ours about so, in steps of a hundredth."""
        numbers, rows = self.cars.numbers, self._world.bodies.rows[self.cars.rows()]
        speed, wanted = numbers[:, SPEED], numbers[:, ACCELERATION]
        strongest = np.minimum(rows[:, TRACTION], rows[:, POWER] / np.maximum(speed, 1.0))
        force = wanted + rows[:, ROLLING] + rows[:, DRAG] * speed * speed
        brake = np.where(wanted < -0.5, np.clip(-wanted / rows[:, BRAKING], 0.0, 1.0), 0.0)
        brake[speed == 0.0] = 1.0
        throttle = np.where(brake > 0.0, 0.0, np.clip(force / strongest, 0.0, 1.0))
        steer = np.clip(np.arctan(numbers[:, CURVATURE] * rows[:, REAR_AXLE]) / LOCK, -1.0, 1.0)
        pedals = np.round(np.stack([throttle, steer, brake], axis=1), 2)
        same = len(pedals) == len(self._pedals) and self._crew == tuple(self.cars.solids)
        changed = (pedals != self._pedals).any(axis=1).nonzero()[0].tolist() if same else range(len(pedals))
        self._pedals, self._crew = pedals, tuple(self.cars.solids)
        solids = list(self.cars.solids.values())
        for index in changed:
            solid = solids[index]
            assert isinstance(solid, Vehicle)
            throttle_, steer_, brake_ = pedals[index].tolist()
            solid.control = Control(throttle_, steer_, brake_, gear=1)

    def _walk(self, goals: Numbers, dt: float) -> None:
        """People of SUMO's leap where sidewalks and crosswalks meet; ours walk after them."""
        rows, speed = self._world.bodies.rows[self.walkers.rows()], self.walkers.numbers[:, SPEED]
        way = goals[:, :2] - rows[:, [X, Y]]
        far = np.hypot(way[:, 0], way[:, 1])
        pace = np.minimum(far, np.maximum(HURRY * speed, LEAST) * dt)  # [m] to go now
        places = goals.copy()
        places[:, :2] = rows[:, [X, Y]] + way * (pace / np.maximum(far, 1e-9))[:, None]
        behind = far > ARRIVED + speed * dt
        places[behind, 2] = np.degrees(np.arctan2(way[behind, 1], way[behind, 0]))
        still = np.zeros(len(goals))
        self.walkers.put(places, pace / dt, still, still)
        self._stride(pace / dt)

    def _stride(self, pace: Numbers) -> None:
        for solid, speed in zip(self.walkers.solids.values(), pace.tolist(), strict=True):
            assert isinstance(solid, Walker)
            if speed or solid.speed:
                fast = speed or 1.0
                solid.direction, solid.speed = (solid.vx / fast, solid.vy / fast, 0.0), speed
                solid.renew()
