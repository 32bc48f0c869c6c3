"""Our actors that move as SUMO says: one for each of its cars and people, but for guests."""

import math
from typing import Any

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.physics import VehicleModel
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.traffic.cast import Role
from laco.scenarios.server.traffic.frame import Place, between, from_sumo
from laco.scenarios.server.vehicle import Control, Vehicle, within
from laco.scenarios.server.walker import Walker
from laco.scenarios.server.world import World

# SUMO's signals and the light flags of the protocol
RIGHT, LEFT, BRAKING = 1, 2, 8
FLAGS = {RIGHT: 16, LEFT: 32, BRAKING: 8}
CREEP = 0.5  # [m/s] below it, turning says nothing about the wheel


class Puppet:
    """One of them: where SUMO had it, where SUMO has it, and our actor."""

    def __init__(self, name: str, solid: Solid, place: Place) -> None:
        self.name, self.solid = name, solid
        self.length = solid.blueprint.size[0]
        self.before = self.now = place
        self.speed = 0.0  # [m/s]
        self.acceleration = 0.0  # [m/s^2]
        self.signals = 0
        self.curvature = 0.0  # [1/m] of its way, to the right

    def follow(self, place: Place, speed: float, step: float) -> None:
        """SUMO has moved it, within `step` [s]."""
        self.before, self.now = self.now, place
        self.acceleration, self.speed = (speed - self.speed) / step, speed
        if speed > CREEP:
            turn = math.radians(math.remainder(self.now.yaw - self.before.yaw, 360.0))
            self.curvature = turn / (speed * step)


class Puppets:
    """All of them, by SUMO's names."""

    def __init__(self, sumo: Any, world: World, step: float) -> None:
        self._sumo, self._world, self._step = sumo, world, step
        self.cars: dict[str, Puppet] = {}
        self.walkers: dict[str, Puppet] = {}

    def welcome_car(self, name: str, role: Role) -> bool:
        """Put the actor of a car that SUMO let in into the world; False when something is in the way."""
        return self._welcome(self.cars, self._sumo.vehicle, name, role)

    def welcome_walker(self, name: str, role: Role) -> bool:
        """The same for a person."""
        return self._welcome(self.walkers, self._sumo.person, name, role)

    def gone(self) -> list[str]:
        """Those whose actor a client has destroyed."""
        actors = self._world.actors
        everyone = [*self.cars.values(), *self.walkers.values()]
        return [puppet.name for puppet in everyone if puppet.solid.id not in actors]

    def dismiss(self, name: str) -> None:
        """Take the actor of one that SUMO no longer has out of the world."""
        puppet = self.cars.pop(name, None) or self.walkers.pop(name, None)
        if puppet is not None:
            self._world.destroy(puppet.solid.id)

    def follow(self) -> None:
        """Read what SUMO has done in its step."""
        for kind, puppets in ((self._sumo.vehicle, self.cars), (self._sumo.person, self.walkers)):
            where, angle, speed = kind.getPosition, kind.getAngle, kind.getSpeed
            for name, puppet in puppets.items():
                puppet.follow(from_sumo(where(name), angle(name), puppet.length), speed(name), self._step)
        signals = self._sumo.vehicle.getSignals
        for name, puppet in self.cars.items():
            puppet.signals = signals(name)

    def show(self, share: float) -> None:
        """Move our actors to where SUMO's are, or were at that share of its last step."""
        for puppet in self.cars.values():
            self._pull(puppet, share)
            assert isinstance(puppet.solid, Vehicle)
            _pedals(puppet, puppet.solid)
        for puppet in self.walkers.values():
            self._pull(puppet, share)
            assert isinstance(puppet.solid, Walker)
            _stride(puppet, puppet.solid)

    def _welcome(self, puppets: dict[str, Puppet], kind: Any, name: str, role: Role) -> bool:
        place = from_sumo(kind.getPosition(name), kind.getAngle(name), role.blueprint.size[0])
        try:
            actor = self._world.spawn(role.blueprint.id, Pose(place.x, place.y, 0.0, 0.0, place.yaw), role.attributes)
        except RefusedError:
            return False
        assert isinstance(actor, Solid)
        puppets[name] = puppet = Puppet(name, actor, place)
        puppet.speed = kind.getSpeed(name)
        return True

    def _pull(self, puppet: Puppet, share: float) -> None:
        solid, place = puppet.solid, between(puppet.before, puppet.now, share)
        if not puppet.speed and solid.puppet and puppet.before == puppet.now and not (solid.vx or solid.vy):
            solid.ax = solid.ay = 0.0
            return
        turn = math.remainder(puppet.now.yaw - puppet.before.yaw, 360.0) / self._step
        yaw = math.radians(place.yaw)
        c, s = math.cos(yaw), math.sin(yaw)
        z, pitch = self._ground(place, c, s, puppet.length)
        pose = Pose(place.x, place.y, z, pitch, math.remainder(place.yaw, 360.0), 0.0)
        solid.pull(pose, puppet.speed * c, puppet.speed * s, turn)
        across = puppet.speed * math.radians(turn)  # [m/s^2]
        solid.ax, solid.ay = puppet.acceleration * c - across * s, puppet.acceleration * s + across * c

    def _ground(self, place: Place, c: float, s: float, length: float) -> tuple[float, float]:
        """Height [m] and pitch [deg] of the road there."""
        roads = self._world.roads
        if roads.level:
            return 0.0, 0.0
        half = 0.3 * length
        front, back = (roads.ground(place.x + d * c, place.y + d * s) for d in (half, -half))
        return (front + back) / 2, math.degrees(math.atan2(front - back, 2 * half))


def _pedals(puppet: Puppet, car: Vehicle) -> None:
    """Pedals and wheel that would move a car of ours about so, in steps of a hundredth."""
    model, speed = car.model, puppet.speed
    force = puppet.acceleration + model.rolling + model.drag * speed * speed
    throttle = round(within(force / min(model.traction, model.power / max(speed, 1.0)), 0.0, 1.0), 2)
    brake = round(within(-puppet.acceleration / model.brake, 0.0, 1.0), 2) if puppet.acceleration < -0.5 else 0.0
    if not speed:
        throttle, brake = 0.0, 1.0
    elif brake:
        throttle = 0.0
    steer = round(_wheel(puppet.curvature, model), 2)
    old = car.control
    if (throttle, steer, brake) != (old.throttle, old.steer, old.brake):
        car.control = Control(throttle, steer, brake, gear=1)
    car.lights = sum(flag for signal, flag in FLAGS.items() if puppet.signals & signal)


def _wheel(curvature: float, model: VehicleModel) -> float:
    """The steer of `physics.slip_angle` that drives such a curve."""
    slip = math.asin(within(curvature * model.rear_axle, -0.9, 0.9))
    share = model.rear_axle / (model.front_axle + model.rear_axle)
    return within(math.atan(math.tan(slip) / share) / model.steer_gain, -1.0, 1.0)


def _stride(puppet: Puppet, walker: Walker) -> None:
    yaw = math.radians(walker.yaw)
    walker.direction, walker.speed = (math.cos(yaw), math.sin(yaw), 0.0), puppet.speed
    walker.changed = True
