"""The world itself: actors on an OpenDRIVE map that move and collide, one `step` at a time. No sockets, no
clock.

world = World(read_map("crossing"))
car = world.spawn("vehicle.tesla.model3", world.roads.spawn_points[0])
world.apply_control(car.id, Control(throttle=0.5))
world.step(0.05)
"""

import math
import random
from collections.abc import Callable, Collection

from laco.geometry import overlap
from laco.scenarios.server.actors import Actor, Solid
from laco.scenarios.server.blueprints import Blueprint, Kind, library
from laco.scenarios.server.collisions import Collisions, Contact
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.opendrive import Thing
from laco.scenarios.server.physics import MAX_STEP
from laco.scenarios.server.poses import Pose, compose
from laco.scenarios.server.roads import Roads
from laco.scenarios.server.vehicle import Control, Vehicle
from laco.scenarios.server.walker import Walker

LABEL_NAMES = {
    3: "building",
    4: "wall",
    5: "fence",
    6: "pole",
    9: "vegetation",
    20: "static",
    28: "guardrail",
}
BODIES: dict[Kind, type[Actor]] = {Kind.VEHICLE: Vehicle, Kind.WALKER: Walker, Kind.PROP: Solid}
HURRY = 1.0  # [m/s] a body may lose in a step, so that it had moved faster than it now says


class World:
    """One episode. Raises `ScenarioError` when `xodr` holds no road network."""

    def __init__(
        self, xodr: str, name: str = "OpenDriveMap", seed: int = 0, *, frame: int = 0, next_id: int = 1
    ) -> None:
        self.name = name
        self.roads = Roads(xodr, name)
        self.random = random.Random(seed)
        self.library = library()
        self.frame = frame
        self.elapsed = 0.0  # [s]
        self.next_id = next_id
        self.actors: dict[int, Actor] = {}
        self.revision = 0  # counts arrivals and departures
        self.contacts: list[Contact] = []  # of the last step
        self.everything_level = [_level_box(-1 - i, thing) for i, thing in enumerate(self.roads.things)]
        self.level = self.everything_level  # what is there, without the things a client has switched off
        self.level_revision = 0  # counts such switches
        self._collisions = Collisions(self.level)
        self._solids: list[Solid] = []
        self._fastest = 0.0
        self.spectator = self._add(Actor(self._new_id(), Blueprint("spectator", Kind.OTHER), Pose(), []))

    def spawn(
        self,
        blueprint: str,
        pose: Pose,
        attributes: dict[str, str] | None = None,
        parent: int = 0,
    ) -> Actor:
        """Put a new actor into the world; `pose` is relative to `parent`, if given. What drives or walks
        stands on the ground at once. Raises `RefusedError` for an unknown blueprint or parent and when
        something is in the way."""
        plan = self.library.get(blueprint)
        if plan is None:
            raise RefusedError(f"unknown blueprint: {blueprint}")
        holder = self.actors.get(parent)
        if parent and holder is None:
            raise RefusedError("unable to attach actor: parent actor not found")
        mount, pose = pose, compose(holder.pose, pose) if holder else pose
        if plan.kind in (Kind.VEHICLE, Kind.WALKER):
            pose = self._grounded(pose)
        actor = BODIES.get(plan.kind, Actor)(self.next_id, plan, pose, _attributes(plan, attributes or {}))
        if isinstance(actor, Solid) and holder is None:
            self._refuse_overlap(actor)
        self._new_id()
        if holder is not None:
            actor.parent, actor.mount = holder, mount
            holder.children.append(actor)
        return self._add(actor)

    def enlist(self, make: Callable[[int], Actor]) -> Actor:
        """Add what the world itself puts there, such as traffic lights; `make` is given its id."""
        return self._add(make(self._new_id()))

    def destroy(self, id: int) -> bool:
        """Take an actor out; what is mounted on it stays where it is. False when there is no such actor."""
        actor = self.actors.get(id)
        if actor is None or actor is self.spectator:
            return False
        del self.actors[id]
        if actor.parent is not None:
            actor.parent.children.remove(actor)
        for child in actor.children:
            child.parent = None
        if isinstance(actor, Solid):
            self._solids.remove(actor)
        self._collisions.forget()
        self.revision += 1
        return True

    def apply_control(self, id: int, control: Control) -> None:
        """Drive a vehicle from the next step on; raises `RefusedError` when `id` is none."""
        vehicle = self.actors.get(id)
        if not isinstance(vehicle, Vehicle):
            raise RefusedError(f"actor {id} is not a vehicle")
        vehicle.apply(control)

    def teleport(self, id: int, pose: Pose) -> None:
        """Put an actor somewhere else; physics puts it on the ground. Unknown ids are ignored."""
        actor = self.actors.get(id)
        if actor is None:
            return
        if isinstance(actor, Walker) or (isinstance(actor, Vehicle) and actor.simulated):
            pose = self._grounded(pose)
        if actor.parent is not None:  # CARLA, too, reads the transform of a mounted actor as relative
            actor.mount, pose = pose, compose(actor.parent.pose, pose)
        actor.place(pose)
        self._collisions.forget()

    def set_collisions(self, id: int, on: bool) -> None:
        """Let others pass through an actor, or not."""
        actor = self.actors.get(id)
        if isinstance(actor, Solid):
            actor.collides = on
            self._collisions.forget()

    def set_simulated(self, id: int, on: bool) -> None:
        """Freeze a vehicle, or give it back to physics: it then stands on the ground."""
        actor = self.actors.get(id)
        if isinstance(actor, Vehicle):
            actor.simulate(on)
            if on:
                self.teleport(id, actor.pose)
            self._collisions.forget()

    def enable_level(self, ids: Collection[int], on: bool) -> None:
        """Take things of the level away, or put them back: nothing collides with, sees or lists what is away."""
        there = {solid.id for solid in self.level}
        there = there | set(ids) if on else there - set(ids)
        self.level = [solid for solid in self.everything_level if solid.id in there]
        self.level_revision += 1
        self._collisions = Collisions(self.level)

    def step(self, dt: float) -> None:
        """Move everything on by `dt` [s] as one frame; longer ones than 0.05 s are cut into equal parts."""
        parts = max(1, math.ceil(dt / MAX_STEP - 1e-9))
        self.contacts = []
        for _ in range(parts):
            self._substep(dt / parts)
        self.frame += 1
        self.elapsed += dt

    def _substep(self, dt: float) -> None:
        before, fastest = self._fastest, 0.0
        for solid in self._solids:
            if solid.moving:
                if not solid.puppet:
                    solid.step(dt)
                speed = abs(solid.vx) + abs(solid.vy)
                if speed > fastest:
                    fastest = speed
        self._fastest = fastest
        if fastest or before:
            travel = (max(fastest, before) + HURRY) * dt
            self.contacts += self._collisions.resolve(self._solids, travel, dt)

    def _add(self, actor: Actor) -> Actor:
        self.actors[actor.id] = actor
        if isinstance(actor, Solid):
            self._solids.append(actor)
            self._collisions.forget()
        self.revision += 1
        return actor

    def _new_id(self) -> int:
        self.next_id += 1
        return self.next_id - 1

    def _grounded(self, pose: Pose) -> Pose:
        return Pose(pose.x, pose.y, self.roads.ground(pose.x, pose.y), 0.0, pose.yaw, 0.0)

    def _refuse_overlap(self, solid: Solid) -> None:
        for other in self._solids + self._collisions.level_near(solid, 0.0):
            apart = solid.z > other.z + other.height or other.z > solid.z + solid.height
            if other.collides and not apart and overlap(solid.box(), other.box()):
                what = f"actor {other.id}" if other.id > 0 else "the level"
                raise RefusedError(
                    f"Spawn failed because of collision at spawn position: {other.blueprint.id} ({what})"
                )


def _attributes(blueprint: Blueprint, given: dict[str, str]) -> list[list[object]]:
    """`[id, type, value]` of every attribute, as given or by default."""
    return [[a.id, a.type, given.get(a.id, a.value)] for a in blueprint.attributes]


def _level_box(id: int, thing: Thing) -> Solid:
    """Something that stands beside the road, as a solid that never moves."""
    length, width, height = (2 * half for half in thing.extent)
    name = f"static.{LABEL_NAMES.get(thing.label, 'other')}"
    blueprint = Blueprint(name, Kind.PROP, (length, width, height), label=thing.label)
    return Solid(id, blueprint, Pose(thing.x, thing.y, thing.z - thing.extent[2], 0.0, thing.yaw, 0.0), [])
