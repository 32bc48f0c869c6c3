"""A plan becomes pedals and a steering wheel, ten lines of feedback each."""

import math
from dataclasses import dataclass

import numpy as np

from laco.agents.drivers.plan import DT, STEPS, Plan

AXLE = 1.4178275  # [m] rear axle distance of the bicycle that the steering gain belongs to
SHARE = 1.4178275 / (1.4178275 - 0.090769015)
STEER_GAIN = 0.36848336  # [rad]
LOOK = 0.3  # [s] how far ahead in the plan the wanted speed is read


@dataclass(frozen=True)
class Pedals:
    """throttle and brake in 0..1, steer in -1..1 (right positive): the fields of `carla.VehicleControl`."""

    throttle: float
    steer: float
    brake: float


def follow(plan: Plan, time: float, speed: float) -> Pedals:
    """Pedals at `time` [s] for a vehicle at `speed` [m/s]; after the plan's end it stops."""
    age = time - plan.time
    if age > DT * STEPS:
        return Pedals(0.0, 0.0, 1.0)
    grid = DT * np.arange(1, STEPS + 1)
    wanted = float(np.interp(age + LOOK, grid, plan.speed))
    curvature = float(np.interp(age, grid, plan.curvature))
    pull = 2.0 * (wanted - speed)
    if wanted < 0.3 and speed < 1.0:
        return Pedals(0.0, steering(curvature), 1.0)
    if pull < -0.3:
        return Pedals(0.0, steering(curvature), min(1.0, -pull / 8.0))
    return Pedals(min(1.0, max(0.0, pull) / 5.0), steering(curvature), 0.0)


def steering(curvature: float) -> float:
    """Steer for an arc of `curvature` [deg/m], the bicycle model inverted."""
    slip = math.asin(min(0.38, max(-0.38, math.radians(curvature) * AXLE)))
    return min(1.0, max(-1.0, math.atan(math.tan(slip) / SHARE) / STEER_GAIN))
