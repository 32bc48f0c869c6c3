"""A thing that stands where it was put, until physics may have it: then crashes push it about."""

import math
from typing import Any

from laco.scenarios.server.actors import GRIP, Solid
from laco.scenarios.server.blueprints import Blueprint
from laco.scenarios.server.poses import Pose

DENSITY = 60.0  # [kg/m^3] of its box: a barrier of 0.5 m^3 weighs 30 kg
LIGHTEST = 2.0  # [kg]
SPIN_DECAY = 6.0  # [rad/s^2]


class Prop(Solid):
    """Slides and spins to rest once it is simulated and has been hit."""

    def __init__(self, id: int, blueprint: Blueprint, pose: Pose, attributes: list[list[Any]]) -> None:
        super().__init__(id, blueprint, pose, attributes)
        length, width, height = blueprint.size
        self.mass = max(LIGHTEST, DENSITY * length * width * height)
        self.simulated = False

    def simulate(self, on: bool) -> None:
        """Let physics move it, or hold it where it is."""
        self.simulated = self.falls = self.moving = on
        self.inverse_mass = 1.0 / self.mass if on else 0.0
        if not on:
            self.vx = self.vy = self.vz = self.ax = self.ay = self.az = self.yaw_rate = 0.0

    def set_velocity(self, vx: float, vy: float) -> None:
        """Take on a velocity [m/s], which friction eats."""
        if self.simulated:
            self.vx, self.vy, self.moving = vx, vy, True

    def push(self, x: float, y: float, z: float = 0.0) -> None:
        """An impulse [N s]."""
        self.set_velocity(self.vx + x * self.inverse_mass, self.vy + y * self.inverse_mass)
        if z and self.simulated:
            self.launch(self.vz + z * self.inverse_mass)

    def set_spin(self, rate: float) -> None:
        """Turn at `rate` [deg/s]; friction eats it."""
        if self.simulated:
            self.yaw_rate, self.moving = rate, True

    def turn(self, rate: float) -> None:
        """Spin faster by `rate` [rad/s]."""
        if self.simulated:
            self.yaw_rate += math.degrees(rate)
            self.moving = True

    def step(self, dt: float) -> None:
        """Move on by `dt` [s]."""
        self.x += self.vx * dt
        self.y += self.vy * dt
        self.yaw = math.remainder(self.yaw + self.yaw_rate * dt, 360.0)
        speed = math.hypot(self.vx, self.vy)
        keep = max(0.0, speed - GRIP * dt) / speed if speed and self.held else 1.0
        vx, vy = self.vx * keep, self.vy * keep
        self.ax, self.ay = (vx - self.vx) / dt, (vy - self.vy) / dt
        self.vx, self.vy = vx, vy
        if self.held:
            spin = max(0.0, abs(self.yaw_rate) - math.degrees(SPIN_DECAY) * dt)
            self.yaw_rate = math.copysign(spin, self.yaw_rate)
        self.moving = bool(vx or vy or self.yaw_rate or self.vz or self.az or self.ax or self.ay)
        self.touch()
