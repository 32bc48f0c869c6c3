"""A car on the plane."""

from __future__ import annotations

import math

import carla

HALF_LENGTH, HALF_WIDTH, HALF_HEIGHT = 2.45, 1.06, 0.75  # [m]
REAR, FRONT = 1.4178275, -0.090769015  # [m] axles of the bicycle that others have fitted to CARLA's cars
WHEEL = 0.36848336  # [rad] of its front wheel at steer 1
PUSH, GRIP, DRAG = 4.0, 8.0, 0.05  # [m/s2] at full throttle, at full brake; [1/s]


class Vehicle:
    """Bicycle kinematics; the control holds until the next one, as CARLA's does."""

    type_id = "vehicle.lincoln.mkz2017"

    def __init__(self, number: int, role: str, x: float, y: float, yaw: float) -> None:
        """x, y [m], yaw [rad] clockwise from +x seen from above."""
        self.id = number
        self.attributes = {"role_name": role}
        self.x, self.y, self.yaw, self.speed = x, y, yaw, 0.0
        self.pull = 0.0  # [m/s2]
        self.control = carla.VehicleControl()
        self.is_alive = True
        extent = carla.Vector3D(HALF_LENGTH, HALF_WIDTH, HALF_HEIGHT)
        self.bounding_box = carla.BoundingBox(carla.Location(0.0, 0.0, HALF_HEIGHT), extent)

    def apply_control(self, control: carla.VehicleControl) -> None:
        if not isinstance(control, carla.VehicleControl):
            raise TypeError(f"apply_control takes a VehicleControl, not {type(control).__name__}")
        self.control = control

    def advance(self, seconds: float) -> None:
        control = self.control
        self.pull = PUSH * control.throttle - DRAG * self.speed - (GRIP * control.brake if self.speed > 0 else 0.0)
        self.speed = max(0.0, self.speed + self.pull * seconds)
        self.yaw += self.turn * seconds
        self.x += self.speed * math.cos(self.yaw) * seconds
        self.y += self.speed * math.sin(self.yaw) * seconds

    @property
    def turn(self) -> float:
        """[rad/s] clockwise."""
        slip = math.atan(REAR / (FRONT + REAR) * math.tan(WHEEL * self.control.steer))
        return self.speed / REAR * math.sin(slip)

    def get_transform(self) -> carla.Transform:
        return carla.Transform(carla.Location(self.x, self.y, 0.0), carla.Rotation(yaw=math.degrees(self.yaw)))

    def get_location(self) -> carla.Location:
        return self.get_transform().location

    def get_velocity(self) -> carla.Vector3D:
        return carla.Vector3D(self.speed * math.cos(self.yaw), self.speed * math.sin(self.yaw), 0.0)

    def get_acceleration(self) -> carla.Vector3D:
        return carla.Vector3D(self.pull * math.cos(self.yaw), self.pull * math.sin(self.yaw), 0.0)

    def get_angular_velocity(self) -> carla.Vector3D:
        return carla.Vector3D(0.0, 0.0, math.degrees(self.turn))

    def touches(self, other: Vehicle) -> bool:
        """Whether two cars overlap: no axis of either's sides separates them."""
        corners = [self.corners(), other.corners()]
        for yaw in (self.yaw, self.yaw + math.pi / 2, other.yaw, other.yaw + math.pi / 2):
            spans = [[x * math.cos(yaw) + y * math.sin(yaw) for x, y in four] for four in corners]
            if max(spans[0]) < min(spans[1]) or max(spans[1]) < min(spans[0]):
                return False
        return True

    def corners(self) -> list[tuple[float, float]]:
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        ends = [(a, b) for a in (-HALF_LENGTH, HALF_LENGTH) for b in (-HALF_WIDTH, HALF_WIDTH)]
        return [(self.x + a * c - b * s, self.y + a * s + b * c) for a, b in ends]
