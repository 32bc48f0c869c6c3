"""Positions and rotations in CARLA's left-handed frame: x forward, y right, z up; [m] and [deg], yaw
clockwise."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from laco.scenarios.server.errors import RefusedError

Vector = tuple[float, float, float]
ZERO: Vector = (0.0, 0.0, 0.0)
Axes = tuple[Vector, Vector, Vector]
LARGEST = 1e9  # of any coordinate a client may send: farther makes no sense and overflows 32-bit floats


class Pose(NamedTuple):
    """Position [m] and rotation [deg]."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0

    def wire(self) -> list[list[float]]:
        """As the protocol's Transform."""
        return [[self.x, self.y, self.z], [self.pitch, self.yaw, self.roll]]


def vector(values: Sequence[Any]) -> Vector:
    """Three sensible numbers of the wire; raises `RefusedError` for others."""
    x, y, z = (float(value) for value in values[:3])
    if not abs(x) + abs(y) + abs(z) <= LARGEST:  # catches what is not a number, too
        raise RefusedError(f"not a usable vector: {x:g}, {y:g}, {z:g}")
    return x, y, z


def pose(transform: Sequence[Any]) -> Pose:
    """A Transform of the wire; raises `RefusedError` when it is not finite."""
    return Pose(*vector(transform[0]), *vector(transform[1]))


def axes(rotation: Pose) -> Axes:
    """Forward, right and up unit vectors of a pose, in world coordinates."""
    cp, sp = math.cos(math.radians(rotation.pitch)), math.sin(math.radians(rotation.pitch))
    cy, sy = math.cos(math.radians(rotation.yaw)), math.sin(math.radians(rotation.yaw))
    cr, sr = math.cos(math.radians(rotation.roll)), math.sin(math.radians(rotation.roll))
    return (
        (cp * cy, cp * sy, sp),
        (sr * sp * cy - cr * sy, sr * sp * sy + cr * cy, -sr * cp),
        (-cr * sp * cy - sr * sy, -cr * sp * sy + sr * cy, cr * cp),
    )


def to_world(frame: Axes, v: Vector) -> Vector:
    """A vector given along the axes of `frame`, in world coordinates."""
    f, r, u = frame
    return (
        f[0] * v[0] + r[0] * v[1] + u[0] * v[2],
        f[1] * v[0] + r[1] * v[1] + u[1] * v[2],
        f[2] * v[0] + r[2] * v[1] + u[2] * v[2],
    )


def compose(parent: Pose, relative: Pose) -> Pose:
    """World pose of something mounted at `relative` on `parent`."""
    if not (parent.pitch or parent.roll):  # a car on the ground: only the yaw turns
        c, s = math.cos(math.radians(parent.yaw)), math.sin(math.radians(parent.yaw))
        return Pose(
            parent.x + c * relative.x - s * relative.y,
            parent.y + s * relative.x + c * relative.y,
            parent.z + relative.z,
            relative.pitch,
            math.remainder(parent.yaw + relative.yaw, 360.0),
            relative.roll,
        )
    frame = axes(parent)
    x, y, z = to_world(frame, (relative.x, relative.y, relative.z))
    forward, right, up = (to_world(frame, axis) for axis in axes(relative))
    return Pose(
        parent.x + x,
        parent.y + y,
        parent.z + z,
        math.degrees(math.atan2(forward[2], math.hypot(forward[0], forward[1]))),
        math.degrees(math.atan2(forward[1], forward[0])),
        math.degrees(math.atan2(-right[2], up[2])),
    )
