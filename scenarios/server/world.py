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

import numpy as np

from laco.geometry import overlap
from laco.scenarios.server import kernels
from laco.scenarios.server.actors import Actor, Solid
from laco.scenarios.server.blueprints import Blueprint, Kind, library
from laco.scenarios.server.bodies import BURIED, Bodies
from laco.scenarios.server.collisions import Collisions, Contact
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.opendrive import Thing
from laco.scenarios.server.physics import MAX_STEP
from laco.scenarios.server.poses import Pose, compose
from laco.scenarios.server.prop import Prop
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
BODIES: dict[Kind, type[Actor]] = {Kind.VEHICLE: Vehicle, Kind.WALKER: Walker, Kind.PROP: Prop}
WHEELBASE, TRACK = 0.6, 0.8  # shares of length and width
GRAVITY = 9.81  # [m/s^2]


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
        self.news: set[Actor] = set()  # whose records have to be packed again
        self.revision = 0  # counts arrivals and departures
        self.contacts: list[Contact] = []  # of the last step
        self.everything_level = [_level_box(-1 - i, thing) for i, thing in enumerate(self.roads.things)]
        self.level = self.everything_level  # what is there, without the things a client has switched off
        self.level_revision = 0  # counts such switches
        self._collisions = Collisions(self.level)
        self.bodies = Bodies()
        self.gravity = GRAVITY
        self._carriers: list[Solid] = []  # that something is mounted on
        self._left = np.zeros(0, dtype=np.int64)
        self.spectator = self._add(Actor(self._new_id(), Blueprint("spectator", Kind.OTHER), Pose(), []))

    def spawn(
        self,
        blueprint: str,
        pose: Pose,
        attributes: dict[str, str] | None = None,
        parent: int = 0,
    ) -> Actor:
        """Put a new actor into the world; `pose` is relative to `parent`, if given. What drives or walks falls to the
        ground from the next step on, or is lifted onto it at once (10 m at most). Raises `RefusedError` for an
        unknown blueprint or parent and when something is in the way."""
        plan = self.library.get(blueprint)
        if plan is None:
            raise RefusedError(f"unknown blueprint: {blueprint}")
        holder = self.actors.get(parent)
        if parent and holder is None:
            raise RefusedError("unable to attach actor: parent actor not found")
        mount, pose = pose, compose(holder.pose, pose) if holder else pose
        if plan.kind in (Kind.VEHICLE, Kind.WALKER):
            pose = self._on_or_above_ground(pose)
        actor = BODIES.get(plan.kind, Actor)(self.next_id, plan, pose, _attributes(plan, attributes or {}))
        if isinstance(actor, Solid) and holder is None:
            self._refuse_overlap(actor)
        self._new_id()
        if holder is not None:
            actor.parent, actor.mount = holder, mount
            holder.children.append(actor)
            if isinstance(holder, Solid) and holder not in self._carriers:
                self._carriers.append(holder)
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
            self.bodies.leave(actor)
            if actor in self._carriers:
                self._carriers.remove(actor)
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
            pose = self._on_or_above_ground(pose)
        if actor.parent is not None:  # CARLA, too, reads the transform of a mounted actor as relative
            actor.mount, pose = pose, compose(actor.parent.pose, pose)
        actor.place(pose)
        if isinstance(actor, Solid):
            self._drop(actor)

    def set_collisions(self, id: int, on: bool) -> None:
        """Let others pass through an actor, or not."""
        actor = self.actors.get(id)
        if isinstance(actor, Solid):
            actor.collides = on

    def set_simulated(self, id: int, on: bool) -> None:
        """Freeze a vehicle or a prop, or give it to physics: it then falls to the ground."""
        actor = self.actors.get(id)
        if isinstance(actor, Vehicle | Prop):
            actor.simulate(on)
            if on:
                self.teleport(id, actor.pose)

    def enable_level(self, ids: Collection[int], on: bool) -> None:
        """Take things of the level away, or put them back: nothing collides with, sees or lists what is away."""
        there = {solid.id for solid in self.level}
        there = there | set(ids) if on else there - set(ids)
        self.level = [solid for solid in self.everything_level if solid.id in there]
        self.level_revision += 1
        self._collisions = Collisions(self.level)

    def step(self, dt: float, substeps: int = 1) -> None:
        """Move everything on by `dt` [s] as one frame. The car model was fitted at 20 Hz, so longer frames than
        0.05 s are cut into equal parts; within a part bodies go straight on, and `substeps` of the frame is how
        often it is looked whether they met."""
        parts = max(1, math.ceil(dt / MAX_STEP - 1e-9))
        looks = max(1, math.ceil(substeps / parts))
        self.contacts = []
        for _ in range(parts):
            self._part(dt / parts, looks)
        self.frame += 1
        self.elapsed += dt

    def _part(self, dt: float, looks: int) -> None:
        bodies, level = self.bodies, self.roads.level
        count = len(bodies)
        if not count:
            return
        if len(self._left) < count:
            self._left = np.zeros(len(bodies.rows), dtype=np.int64)
        where = self._collisions
        left = kernels.step(
            bodies.rows, count, self._left, self.gravity, dt, level, looks, where.boxes, where.grid, where.found
        )
        for i in self._left[:left].tolist() if left > 0 else ():
            solid = bodies.solids[i]
            solid.gravity = self.gravity
            solid.step(dt)
            if not level:
                self._feel_ground(solid)
            solid.fall(dt)
        if left:
            self.contacts += where.resolve(bodies, looks, dt)
        for solid in self._carriers:
            solid.touch()

    def _add(self, actor: Actor) -> Actor:
        self.actors[actor.id] = actor
        actor.news = self.news
        if isinstance(actor, Solid):
            self.bodies.enter(actor)
            self._drop(actor)
        self.revision += 1
        return actor

    def _drop(self, solid: Solid) -> None:
        """Let what gravity pulls find the ground from the next step on."""
        if solid.falls:
            self._feel_ground(solid)
            solid.held = solid.grounded and solid.z <= solid.ground
            if not solid.held or solid.pitch:
                solid.moving = True

    def _feel_ground(self, solid: Solid) -> None:
        """Height of the road below, and for what stands on it, its slope under the wheels."""
        ground = self.roads.ground
        x, y, yaw, length, width = solid.box()
        z = solid.z
        solid.ground = ground(x, y, z)
        if self.roads.level or not isinstance(solid, Vehicle):
            return
        if solid.grounded and solid.simulated:
            c, s = math.cos(yaw), math.sin(yaw)
            length, width = WHEELBASE * length, TRACK * width
            nose = ground(x + c * length, y + s * length, z) - ground(x - c * length, y - s * length, z)
            right = ground(x - s * width, y + c * width, z) - ground(x + s * width, y - c * width, z)
            solid.pitch = math.degrees(math.atan2(nose, 2 * length))
            solid.roll = -math.degrees(math.atan2(right, 2 * width))

    def _new_id(self) -> int:
        self.next_id += 1
        return self.next_id - 1

    def _on_or_above_ground(self, pose: Pose) -> Pose:
        ground = self.roads.ground(pose.x, pose.y, pose.z)
        height = ground if ground - BURIED <= pose.z <= ground else pose.z
        return Pose(pose.x, pose.y, height, 0.0, pose.yaw, 0.0)

    def _refuse_overlap(self, solid: Solid) -> None:
        for other in self.bodies.solids + self._collisions.level_near(solid, 0.0):
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
