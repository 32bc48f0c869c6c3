"""How a car moves: a kinematic bicycle with constants fitted to CARLA, and a textbook force balance.

Lateral: the axle distances and steering gain published with "Learning to drive from a world on rails"
(Chen, Koltun, Kraehenbuehl, ICCV 2021), fitted to CARLA's default car at 20 Hz. Full lock turns in 3.7 m.
Longitudinal: traction limited by tyres and engine power, air drag and rolling resistance (Rajamani, "Vehicle
Dynamics and Control", ch. 4) with round figures of a mid-size saloon; braking is proportional to the pedal.
CARLA's frame: x forward, y right, yaw clockwise from above.
"""

import math
from dataclasses import dataclass

MAX_STEP = 0.05  # [s] the constants were fitted at 20 Hz; longer ticks are cut


@dataclass(frozen=True, slots=True)
class VehicleModel:
    """Constants of one kind of car."""

    front_axle: float = -0.090769015  # [m] from the reference point
    rear_axle: float = 1.4178275  # [m]
    steer_gain: float = 0.36848336  # [rad] wheel angle at full steer
    traction: float = 5.0  # [m/s^2] what the tyres transmit at full throttle
    power: float = 100.0  # [W/kg] engine power over mass
    brake: float = 8.0  # [m/s^2] at full pedal, and what the hand brake gives
    drag: float = 2.1e-4  # [1/m] 0.5 rho c_d A / m
    rolling: float = 0.15  # [m/s^2]


CAR = VehicleModel()


@dataclass(slots=True)
class Motion:
    """Planar state of a car: position [m], yaw [rad], signed speed [m/s], yaw rate [rad/s]."""

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0
    speed: float = 0.0
    yaw_rate: float = 0.0


def slip_angle(steer: float, model: VehicleModel) -> float:
    """Angle between nose and velocity [rad] at a steer in -1..1."""
    share = model.rear_axle / (model.front_axle + model.rear_axle)
    return math.atan(share * math.tan(model.steer_gain * steer)) if steer else 0.0


def advance(
    motion: Motion,
    throttle: float,
    steer: float,
    brake: float,
    dt: float,
    *,
    reverse: bool = False,
    hand_brake: bool = False,
    model: VehicleModel = CAR,
) -> None:
    """Move `motion` on by `dt` [s], in place. Pedals in 0..1, steer in -1..1 (positive is right)."""
    slip = slip_angle(steer, model)
    steps = max(1, math.ceil(dt / MAX_STEP - 1e-9))
    for _ in range(steps):
        roll(motion, throttle, slip, 1.0 if hand_brake else brake, dt / steps, reverse, model)


def roll(
    motion: Motion,
    throttle: float,
    slip: float,
    brake: float,
    dt: float,
    reverse: bool,
    model: VehicleModel,
    slope: float = 0.0,
) -> None:
    """One step of at most `MAX_STEP` [s] at a known slip angle [rad]: what `advance` repeats. `slope`: what gravity
    adds along the road [m/s^2]."""
    speed = motion.speed
    heading = motion.yaw + slip
    motion.x += speed * math.cos(heading) * dt
    motion.y += speed * math.sin(heading) * dt
    motion.yaw_rate = speed / model.rear_axle * math.sin(slip) if slip else 0.0
    motion.yaw += motion.yaw_rate * dt
    pace = speed if speed >= 0.0 else -speed
    drive = throttle * min(model.traction, model.power / pace) if pace > 1.0 else throttle * min(
        model.traction, model.power
    )
    driven = speed + ((-drive if reverse else drive) + slope) * dt
    resist = (brake * model.brake + model.rolling + model.drag * driven * driven) * dt
    motion.speed = math.copysign(max(0.0, abs(driven) - resist), driven)
