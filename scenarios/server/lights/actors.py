"""Lights and signs as clients see them. They have no body; what they rule is their bounding box."""

import math
import struct
from typing import TYPE_CHECKING, Any

from laco.scenarios.server.actors import Actor
from laco.scenarios.server.blueprints import Blueprint, Kind
from laco.scenarios.server.lights.signals import LIGHT, SPEED_LIMIT, STOP, Signal
from laco.scenarios.server.vehicle import GREEN, Vehicle

if TYPE_CHECKING:
    from laco.scenarios.server.lights.cycle import Controller

RED, YELLOW, OFF, UNKNOWN = 0, 1, 3, 4  # TrafficLightState, with GREEN = 2
LIGHT_LABEL, SIGN_LABEL = 7, 8  # CityObjectLabel
_UNION = struct.Struct("<32s4fIBB")
_ID = 31  # bytes of a signal's id that a record holds, and a closing zero
HEIGHT = 3.0  # [m] of the box that a signal rules


class Sign(Actor):
    """A sign beside the road; its x axis points across the road."""

    def __init__(self, id: int, signal: Signal) -> None:
        super().__init__(id, _blueprint(signal), signal.pose, [["role_name", 3, ""]])
        self.signal = signal
        self._name = signal.id.encode()[:_ID].ljust(_ID + 1, b"\0")

    def union(self) -> bytes:
        """The sign's OpenDRIVE id."""
        return self._name

    def bounding_box(self) -> list[Any]:
        """The trigger volume: the stretch before the stop line, in the sign's own frame."""
        approach = self.signal.approach
        x, y = approach.centre()
        yaw = math.radians(self.yaw)
        c, s, dx, dy = math.cos(yaw), math.sin(yaw), x - self.x, y - self.y
        where = [dx * c + dy * s, dy * c - dx * s, HEIGHT / 2]
        return [where, [approach.half_width, approach.depth / 2, HEIGHT / 2], [0.0, 0.0, 0.0], self.id]


class TrafficLight(Sign):
    """A light: shows what its controller, or a client, tells it to."""

    def __init__(self, id: int, signal: Signal) -> None:
        super().__init__(id, signal)
        self.state = RED
        self.pole = 0  # its number among the lights of its junction
        self.controller: Controller | None = None
        self.held: list[Vehicle] = []  # who stands in its trigger volume

    def show(self, state: int) -> None:
        """Change to a state at once, and tell who stands before it."""
        self.state = state
        self.renew()
        for vehicle in self.held:
            self.tell(vehicle)

    def tell(self, vehicle: Vehicle) -> None:
        """As on CARLA, a green light holds nobody: its id is told only while it is not green."""
        vehicle.heed(vehicle.speed_limit, self.state, 0 if self.state == GREEN else self.id)

    def union(self) -> bytes:
        """Id, times [s], state."""
        control = self.controller
        if control is None:
            return _UNION.pack(self._name, 0.0, 0.0, 0.0, 0.0, self.pole, 0, self.state)
        group = control.group
        return _UNION.pack(
            self._name, *control.times, group.elapsed, self.pole, group.frozen, self.state
        )  # fmt: skip

    def light_boxes(self) -> list[Any]:
        """The box of its head, in the world's frame; the head looks at those who drive towards it."""
        width, height = self.signal.size
        where = [self.x, self.y, self.z + self.signal.head]
        facing = [0.0, math.remainder(self.signal.approach.yaw + 180.0, 360.0), 0.0]
        return [[where, [width / 2, width / 2, height / 2], facing, self.id]]


def release(vehicle: Vehicle) -> None:
    """Tell a vehicle that it stands at no light."""
    vehicle.heed(vehicle.speed_limit, GREEN, 0)


def _blueprint(signal: Signal) -> Blueprint:
    if signal.type == LIGHT:
        return Blueprint("traffic.traffic_light", Kind.OTHER, label=LIGHT_LABEL)
    if signal.type == SPEED_LIMIT:
        return Blueprint(f"traffic.speed_limit.{signal.value}", Kind.OTHER, label=SIGN_LABEL)
    name = "traffic.stop" if signal.type == STOP else "traffic.yield"
    return Blueprint(name, Kind.OTHER, label=SIGN_LABEL)
