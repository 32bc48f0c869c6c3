"""The few values of the `carla` client that a team agent touches, for interpreters that have no wheel of it."""

from __future__ import annotations

import math


class Vector3D:
    def __init__(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> None:
        self.x, self.y, self.z = float(x), float(y), float(z)


class Location(Vector3D):
    def distance(self, other: Location) -> float:
        return math.sqrt((self.x - other.x) ** 2 + (self.y - other.y) ** 2 + (self.z - other.z) ** 2)


class Rotation:
    """Degrees."""

    def __init__(self, pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0) -> None:
        self.pitch, self.yaw, self.roll = float(pitch), float(yaw), float(roll)

    def get_forward_vector(self) -> Vector3D:
        return Vector3D(math.cos(math.radians(self.yaw)), math.sin(math.radians(self.yaw)), 0.0)


class Transform:
    def __init__(self, location: Location | None = None, rotation: Rotation | None = None) -> None:
        self.location, self.rotation = location or Location(), rotation or Rotation()

    def get_forward_vector(self) -> Vector3D:
        return self.rotation.get_forward_vector()

    def transform(self, point: Vector3D) -> Vector3D:
        """Into the world, in place, on a plane: pitch and roll are not looked at."""
        c, s = math.cos(math.radians(self.rotation.yaw)), math.sin(math.radians(self.rotation.yaw))
        x, y = self.location.x + point.x * c - point.y * s, self.location.y + point.x * s + point.y * c
        point.x, point.y, point.z = x, y, point.z + self.location.z
        return point


class BoundingBox:
    def __init__(self, location: Location, extent: Vector3D) -> None:
        self.location, self.extent = location, extent


class VehicleControl:
    def __init__(
        self,
        throttle: float = 0.0,
        steer: float = 0.0,
        brake: float = 0.0,
        hand_brake: bool = False,
        reverse: bool = False,
        manual_gear_shift: bool = False,
        gear: int = 0,
    ) -> None:
        self.throttle, self.steer, self.brake = throttle, steer, brake
        self.hand_brake, self.reverse, self.manual_gear_shift, self.gear = hand_brake, reverse, manual_gear_shift, gear
