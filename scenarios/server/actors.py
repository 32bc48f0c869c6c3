"""The things in the world: a bodiless actor, a solid one, and what they say about themselves on the wire."""

import math
from typing import Any

from laco.geometry import Box
from laco.scenarios.server.blueprints import Blueprint
from laco.scenarios.server.poses import Pose, Vector, compose

GRIP = 7.0  # [m/s^2] what friction takes off a body that slides


class Actor:
    """Anything with an id and a pose [m], [deg]; spectator, controllers and sensors are no more than this."""

    inverse_mass = 0.0  # [1/kg] zero: nothing moves it
    moving = False  # whether `step` has to be called

    def __init__(self, id: int, blueprint: Blueprint, pose: Pose, attributes: list[list[Any]]) -> None:
        self.id = id
        self.blueprint = blueprint
        self.attributes = attributes  # [[id, type, value]]
        self.x, self.y, self.z, self.pitch, self.yaw, self.roll = pose
        self.parent: Actor | None = None
        self.mount = Pose()  # relative to the parent
        self.children: list[Actor] = []
        self.stream_id = 0
        self.token = b""
        self.changed = True  # since its record was last packed

    @property
    def pose(self) -> Pose:
        """Position and rotation."""
        return Pose(self.x, self.y, self.z, self.pitch, self.yaw, self.roll)

    def place(self, pose: Pose) -> None:
        """Put it there; what is mounted on it follows."""
        self.x, self.y, self.z, self.pitch, self.yaw, self.roll = pose
        self.touch()

    def touch(self) -> None:
        """Note that its state changed; mounted actors take their new pose."""
        self.changed = True
        for child in self.children:
            child.place(compose(self.pose, child.mount))

    def step(self, dt: float) -> None:
        """Move on by `dt` [s]."""

    def union(self) -> bytes:
        """The last part of its record on the episode's stream, which depends on its kind (54 bytes at most)."""
        return b""

    def bounding_box(self) -> list[Any]:
        """The protocol's BoundingBox in the actor's own frame."""
        length, width, height = self.blueprint.size
        return [[0.0, 0.0, height / 2], [length / 2, width / 2, height / 2], [0.0, 0.0, 0.0], max(self.id, 0)]

    def wire(self) -> list[Any]:
        """The protocol's Actor."""
        label = bytes([self.blueprint.label]) if self.blueprint.label else b""
        parent = self.parent.id if self.parent else 0
        description = [0, self.blueprint.id, self.attributes]
        return [max(self.id, 0), parent, description, self.bounding_box(), label, self.token]


class Solid(Actor):
    """An actor with a body: a box on the ground plane that others cannot enter."""

    def __init__(self, id: int, blueprint: Blueprint, pose: Pose, attributes: list[list[Any]]) -> None:
        super().__init__(id, blueprint, pose, attributes)
        self.half_length, self.half_width = blueprint.size[0] / 2, blueprint.size[1] / 2
        self.height = blueprint.size[2]
        self.radius = math.hypot(self.half_length, self.half_width)
        self.collides = True
        self.puppet = False  # whether `pull` moves it, and nothing else
        self.vx = self.vy = (
            0.0  # [m/s] kept as plain numbers: they are read and written for every body and tick
        )
        self.ax = self.ay = 0.0  # [m/s^2]
        self.yaw_rate = 0.0  # [deg/s]

    @property
    def velocity(self) -> Vector:
        """In the world's frame [m/s]."""
        return self.vx, self.vy, 0.0

    @property
    def acceleration(self) -> Vector:
        """In the world's frame [m/s^2]."""
        return self.ax, self.ay, 0.0

    def box(self) -> Box:
        """Its oriented box on the ground plane."""
        return self.x, self.y, math.radians(self.yaw), self.half_length, self.half_width

    def set_velocity(self, vx: float, vy: float) -> None:
        """Take on a velocity [m/s]; a thing that stands ignores it."""

    def pull(self, pose: Pose, vx: float, vy: float, yaw_rate: float) -> None:
        """Be moved from outside: a pose, the velocity there [m/s] and the turn [deg/s]; no longer by physics."""
        self.puppet, self.inverse_mass = True, 0.0
        self.moving = bool(vx or vy)
        self.place(pose)
        self.vx, self.vy, self.yaw_rate = vx, vy, yaw_rate

    def shift(self, dx: float, dy: float) -> None:
        """Move sideways out of another body [m]."""
        self.x += dx
        self.y += dy
        self.touch()
