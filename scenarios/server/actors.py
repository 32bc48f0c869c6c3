"""The things in the world: a bodiless actor, a solid one, and what they say about themselves on the wire."""

import math
from array import array
from typing import Any

from laco.geometry import Box
from laco.scenarios.server import bodies
from laco.scenarios.server.blueprints import Blueprint
from laco.scenarios.server.bodies import BURIED, REACH, column
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
        self.news: set[Actor] = set()  # of the world it is in: whose records have to be packed again

    @property
    def pose(self) -> Pose:
        """Position and rotation."""
        return Pose(self.x, self.y, self.z, self.pitch, self.yaw, self.roll)

    def place(self, pose: Pose) -> None:
        """Put it there; what is mounted on it follows."""
        self.x, self.y, self.z, self.pitch, self.yaw, self.roll = pose
        self.touch()

    def touch(self) -> None:
        """Note that its pose changed; mounted actors take theirs."""
        self.renew()
        for child in self.children:
            child.place(compose(self.pose, child.mount))

    def renew(self) -> None:
        """Note that its record has to be packed again; what a solid's row holds is packed in every tick."""
        self.news.add(self)

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
    """An actor with a body: an upright box that others cannot enter. Its numbers are a row of `bodies`."""

    x, y, z = column(bodies.X), column(bodies.Y), column(bodies.Z)
    pitch, roll = column(bodies.PITCH), column(bodies.ROLL)
    vx, vy, vz = column(bodies.VX), column(bodies.VY), column(bodies.VZ)
    ax, ay, az = column(bodies.AX), column(bodies.AY), column(bodies.AZ)
    pitch_rate, roll_rate, yaw_rate = column(bodies.WY), column(bodies.WX), column(bodies.WZ)
    half_length, half_width = column(bodies.HALF_LENGTH), column(bodies.HALF_WIDTH)
    height, radius = column(bodies.HEIGHT), column(bodies.RADIUS)
    inverse_mass = column(bodies.INVERSE_MASS)
    moving, collides, puppet = column(bodies.MOVING), column(bodies.COLLIDES), column(bodies.PUPPET)
    falls = column(bodies.FALLS)

    def __init__(self, id: int, blueprint: Blueprint, pose: Pose, attributes: list[list[Any]]) -> None:
        self.row: bodies.Row = bodies.own_row()
        super().__init__(id, blueprint, pose, attributes)
        self.half_length, self.half_width = blueprint.size[0] / 2, blueprint.size[1] / 2
        self.height = blueprint.size[2]
        self.radius = math.hypot(self.half_length, self.half_width)
        self.row[bodies.START_X], self.row[bodies.START_Y] = pose.x, pose.y
        self.collides = True
        self.ground = 0.0  # [m] height of the road below
        self.gravity = 9.81  # [m/s^2]
        self.held = False  # whether it stood on the ground at the end of the last step

    def touch(self) -> None:
        """Let mounted actors take their new pose."""
        if self.children:
            pose = self.pose
            for child in self.children:
                child.place(compose(pose, child.mount))

    def place(self, pose: Pose) -> None:
        """Put it there; what is mounted on it follows."""
        super().place(pose)
        self.row[bodies.START_X], self.row[bodies.START_Y] = pose.x, pose.y

    @property
    def yaw(self) -> float:
        """[deg]"""
        return self.row[bodies.YAW]

    @yaw.setter
    def yaw(self, yaw: float) -> None:
        self.row[bodies.YAW], self.row[bodies.HEADING] = yaw, math.radians(yaw)

    @property
    def velocity(self) -> Vector:
        """In the world's frame [m/s]."""
        return self.vx, self.vy, self.vz

    @property
    def acceleration(self) -> Vector:
        """In the world's frame [m/s^2]."""
        return self.ax, self.ay, self.az

    @property
    def grounded(self) -> bool:
        """Whether it can push off from the ground."""
        return -BURIED <= self.z - self.ground <= REACH  # type: ignore[no-any-return]

    def fall(self, dt: float) -> None:
        """Drop towards the ground, or go up and down with it while standing. Who is under it falls on and on."""
        before, z = self.vz, self.z
        gap = z - self.ground
        if not self.falls:
            self.z, self.az = z + before * dt, 0.0
            return
        buried = gap < -BURIED
        if not buried and ((gap <= 0.0 and before <= 0.0) or (self.held and gap < REACH)):
            self.z, self.vz = self.ground, (self.ground - z) / dt if self.held else 0.0
            self.held = True
        else:
            self.z, self.vz = z + before * dt - self.gravity * dt * dt / 2, before - self.gravity * dt
            self.held = not buried and self.z <= self.ground
            if self.held:
                self.z, self.vz = self.ground, 0.0
        self.az = (self.vz - before) / dt
        if self.vz or self.az:
            self.moving = True

    def launch(self, vz: float) -> None:
        """Take on a vertical velocity [m/s]."""
        self.vz, self.held = vz, False
        self.moving = True

    @property
    def inertia(self) -> float:
        """About the vertical, of a box of even density [kg m^2]; infinite when nothing moves it."""
        if not self.inverse_mass:
            return math.inf
        square: float = self.half_length * self.half_length + self.half_width * self.half_width
        return square / 3 / float(self.inverse_mass)

    def box(self) -> Box:
        """Its oriented box on the ground plane."""
        row = self.row
        return (
            row[bodies.X], row[bodies.Y], row[bodies.HEADING], row[bodies.HALF_LENGTH], row[bodies.HALF_WIDTH]
        )  # fmt: skip

    def set_velocity(self, vx: float, vy: float) -> None:
        """Take on a velocity [m/s]; a thing that stands ignores it."""

    def turn(self, rate: float) -> None:
        """Turn faster by `rate` [rad/s]; a thing that stands ignores it."""

    def pull(self, pose: Pose, vx: float, vy: float, yaw_rate: float) -> None:
        """Be moved from outside: a pose, the velocity there [m/s] and the turn [deg/s]; no longer by physics."""
        row = self.row
        row[bodies.X : bodies.VZ] = array("d", (*pose, vx, vy))  # the columns lie in this order
        row[bodies.HEADING], row[bodies.WZ] = math.radians(pose.yaw), yaw_rate
        row[bodies.START_X], row[bodies.START_Y] = pose.x, pose.y
        row[bodies.PUPPET] = row[bodies.MOVING] = 1.0
        row[bodies.INVERSE_MASS] = 0.0
        self.touch()

    def shift(self, dx: float, dy: float) -> None:
        """Move sideways out of another body [m]."""
        self.x += dx
        self.y += dy
        self.touch()

    def back_to(self, share: float) -> None:
        """Undo the end of the step just made: only this share of its way is gone."""
        row = self.row
        x0, y0 = row[bodies.START_X], row[bodies.START_Y]
        self.shift((share - 1.0) * (row[bodies.X] - x0), (share - 1.0) * (row[bodies.Y] - y0))
