"""A person on foot: walks as told, and is pushed aside by what runs into them."""

import math
from typing import Any

from laco.scenarios.server.actors import GRIP, Solid
from laco.scenarios.server.blueprints import Blueprint
from laco.scenarios.server.poses import ZERO, Pose, Vector

JUMP = 4.2  # [m/s] upwards: 0.9 m high


class Walker(Solid):
    """Kinematic: velocity is the wish plus what a collision left, which friction eats."""

    def __init__(self, id: int, blueprint: Blueprint, pose: Pose, attributes: list[list[Any]]) -> None:
        super().__init__(id, blueprint, pose, attributes)
        self.inverse_mass = 1.0 / blueprint.mass
        self.falls = True
        self.direction: Vector = ZERO
        self.speed = 0.0  # [m/s]
        self.jump = False
        self.slide_x = self.slide_y = 0.0  # [m/s]

    def control(self, direction: Vector, speed: float, jump: bool) -> None:
        """Walk that way [unit vector] at `speed` [m/s] from the next step on."""
        self.direction, self.speed, self.jump = direction, speed, jump
        self.moving = True
        self.renew()
        if jump and self.held and not self.vz:
            self.launch(JUMP)

    def set_velocity(self, vx: float, vy: float) -> None:
        """Be thrown: the part that is not walking decays."""
        self.slide_x, self.slide_y = vx - self.direction[0] * self.speed, vy - self.direction[1] * self.speed
        self.vx, self.vy = vx, vy
        self.moving = True

    def step(self, dt: float) -> None:
        """Move on by `dt` [s], facing the way one walks."""
        slide = math.hypot(self.slide_x, self.slide_y)
        keep = max(0.0, slide - GRIP * dt) / slide if slide else 0.0
        self.slide_x, self.slide_y = self.slide_x * keep, self.slide_y * keep
        wish_x, wish_y = self.direction[0] * self.speed, self.direction[1] * self.speed
        vx, vy = wish_x + self.slide_x, wish_y + self.slide_y
        self.ax, self.ay = (vx - self.vx) / dt, (vy - self.vy) / dt
        self.vx, self.vy = vx, vy
        self.x += vx * dt
        self.y += vy * dt
        if wish_x or wish_y:
            self.yaw = math.degrees(math.atan2(wish_y, wish_x))
        self.moving = bool(vx or vy or self.ax or self.ay or self.vz or self.az)
        self.touch()
