"""A driven vehicle: the physics of `physics.py`, plus what collisions, teleports and overrides do to it.

Its velocity has two parts: what its wheels roll (`motion.speed` along its heading) and a slide across the
ground that a crash or an impulse left, which friction eats.
"""

import math
from array import array
from dataclasses import dataclass
from typing import Any

from laco.scenarios.server import bodies
from laco.scenarios.server.actors import GRIP, Solid
from laco.scenarios.server.blueprints import Blueprint
from laco.scenarios.server.bodies import column
from laco.scenarios.server.physics import CAR, Motion, VehicleModel, advance, roll, slip_angle
from laco.scenarios.server.poses import Pose, Vector

GREEN = 2  # TrafficLightState
LIGHTEST = 1.0  # [kg]
SPIN_DECAY = 6.0  # [rad/s^2] what friction takes off a spin
HEAVY = VehicleModel(front_axle=0.0, rear_axle=4.2, steer_gain=0.60, traction=2.5, power=14.0, brake=6.0)
MOTORCYCLE = VehicleModel(
    front_axle=0.0, rear_axle=1.4, steer_gain=0.40, traction=5.0, power=150.0, brake=7.0
)
BICYCLE = VehicleModel(front_axle=0.0, rear_axle=1.1, steer_gain=0.40, traction=1.5, power=3.0, brake=4.0)
MODELS = {"truck": HEAVY, "bus": HEAVY, "motorcycle": MOTORCYCLE, "bicycle": BICYCLE}


@dataclass(slots=True)
class Control:
    """Pedals in 0..1, steer in -1..1 (positive is right); the fields of carla.VehicleControl in its order."""

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False
    manual_gear_shift: bool = False
    gear: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.throttle <= 1.0:  # many are made per tick, and nearly all are in range
            self.throttle = within(self.throttle, 0.0, 1.0)
        if not -1.0 <= self.steer <= 1.0:
            self.steer = within(self.steer, -1.0, 1.0)
        if not 0.0 <= self.brake <= 1.0:
            self.brake = within(self.brake, 0.0, 1.0)
        if not (type(self.gear) is int and -1 <= self.gear <= 100):
            self.gear = int(within(self.gear, -1, 100))
        self.hand_brake, self.manual_gear_shift = bool(self.hand_brake), bool(self.manual_gear_shift)
        self.reverse = self.gear < 0 if self.manual_gear_shift else bool(self.reverse)


@dataclass(slots=True)
class Ackermann:
    """A wish for speed [m/s] and wheel angle [rad]; zero limits mean as fast as it can."""

    steer: float = 0.0
    steer_speed: float = 0.0
    speed: float = 0.0
    acceleration: float = 0.0
    jerk: float = 0.0


def _constants(model: VehicleModel) -> "array[float]":
    """Its part of the row."""
    return array("d", [model.rear_axle, model.traction, model.power, model.brake, model.drag, model.rolling])


def within(value: float, low: float, high: float) -> float:
    """`value` cut to a range; what is not a number becomes zero."""
    value = float(value)
    return min(max(value, low), high) if value == value else 0.0


class RowMotion(Motion):
    """The motion of a solid's row: `physics` reads and writes it there."""

    __slots__ = ("_solid",)

    def __init__(self, solid: Solid) -> None:
        self._solid = solid

    @property
    def row(self) -> bodies.Row:
        """The solid's row, wherever it is now."""
        return self._solid.row

    x, y, yaw = column(bodies.X), column(bodies.Y), column(bodies.HEADING)
    speed, yaw_rate = column(bodies.SPEED), column(bodies.TURN)


class Vehicle(Solid):
    """A car, truck or bicycle. While nothing but its pedals moves it, `kernels` rolls its row; else `step` does."""

    def __init__(self, id: int, blueprint: Blueprint, pose: Pose, attributes: list[list[Any]]) -> None:
        super().__init__(id, blueprint, pose, attributes)
        base = next((a.value for a in blueprint.attributes if a.id == "base_type"), "car")
        self.model = MODELS.get(base, CAR)
        self.row[bodies.REAR_AXLE : bodies.ROLLING + 1] = _constants(self.model)
        self.motion: Motion = RowMotion(self)
        self.simulated = True
        self.falls = True
        self._control, self._slip_steer, self._slip = Control(), 0.0, 0.0
        self.ackermann: Ackermann | None = None
        self.mass = blueprint.mass
        self.inverse_mass = 1.0 / self.mass
        self.constant: Vector | None = None  # [m/s] own frame
        self.slide_x = self.slide_y = 0.0  # [m/s] world frame
        self.spin = 0.0  # [rad/s]
        self.lights = 0
        self.speed_limit = 50.0  # [km/h]
        self.light_state, self.light_id = GREEN, 0  # of the traffic light it stands at; id 0: none
        self.physics_control: list[Any] | None = None  # as the client last set it
        self.ackermann_settings = [0.15, 0.0, 0.25, 0.01, 0.0, 0.01]
        self.unusual = False

    @property
    def control(self) -> Control:
        """The pedals and the wheel."""
        return self._control

    @control.setter
    def control(self, control: Control) -> None:
        row, self._control = self.row, control
        row[bodies.THROTTLE], row[bodies.SLIP] = control.throttle, self._slip_angle()
        row[bodies.BRAKE] = 1.0 if control.hand_brake else control.brake
        row[bodies.REVERSE] = control.reverse
        self.renew()

    @property
    def unusual(self) -> bool:
        """Whether anything but the pedals moves it."""
        return not self.row[bodies.ROLLS]

    @unusual.setter
    def unusual(self, unusual: bool) -> None:
        self.row[bodies.ROLLS] = self.simulated and not unusual

    def apply(self, control: Control) -> None:
        """Drive with these pedals from the next step on."""
        self.control = control
        self.ackermann = None
        self.moving = True

    def heed(self, speed_limit: float, light_state: int = GREEN, light_id: int = 0) -> None:
        """What applies where it is: the speed limit [km/h], and the traffic light it stands at, if any."""
        if (speed_limit, light_state, light_id) != (self.speed_limit, self.light_state, self.light_id):
            self.speed_limit, self.light_state, self.light_id = speed_limit, light_state, light_id
            self.renew()

    def follow(self, wish: Ackermann) -> None:
        """Let the built-in controller hold a speed and a wheel angle from the next step on."""
        self.ackermann = wish
        self.moving = self.unusual = True

    def hold(self, velocity: Vector | None) -> None:
        """Keep a velocity [m/s] of its own frame from now on, whatever happens; None: no longer."""
        self.constant = velocity
        if velocity is not None and self.simulated:
            c, s = math.cos(self.motion.yaw), math.sin(self.motion.yaw)
            self.set_velocity(c * velocity[0] - s * velocity[1], s * velocity[0] + c * velocity[1])

    def place(self, pose: Pose) -> None:
        """Teleport; the velocity stays as it is in the world, as on CARLA."""
        super().place(pose)
        self.set_velocity(self.vx, self.vy)

    def set_velocity(self, vx: float, vy: float) -> None:
        """Take on a velocity [m/s]: its part along the wheels' way is rolled, the rest slides."""
        heading = self.motion.yaw + self._slip_angle()
        c, s = math.cos(heading), math.sin(heading)
        speed = vx * c + vy * s
        self.motion.speed = speed
        self.slide_x, self.slide_y = vx - speed * c, vy - speed * s
        if abs(self.slide_x) + abs(self.slide_y) < 1e-9:
            self.slide_x = self.slide_y = 0.0
        self.vx, self.vy = vx, vy
        self.moving = self.unusual = True

    def push(self, x: float, y: float, z: float = 0.0) -> None:
        """An impulse [N s]."""
        if self.simulated:
            self.set_velocity(self.vx + x * self.inverse_mass, self.vy + y * self.inverse_mass)
            if z:
                self.launch(self.vz + z * self.inverse_mass)

    def pull(self, pose: Pose, vx: float, vy: float, yaw_rate: float) -> None:
        """Be moved from outside; its speed is what its wheels would roll."""
        super().pull(pose, vx, vy, yaw_rate)
        row = self.row
        row[bodies.SPEED] = vx * math.cos(row[bodies.HEADING]) + vy * math.sin(row[bodies.HEADING])

    def turn(self, rate: float) -> None:
        """Spin faster by `rate` [rad/s]."""
        if self.simulated and rate:
            self.set_spin(math.degrees(self.spin + rate))
            self.yaw_rate += math.degrees(rate)

    def set_spin(self, rate: float) -> None:
        """Turn at `rate` [deg/s] on top of what the wheels do; friction eats it."""
        if self.simulated:
            self.spin = math.radians(rate)
            self.moving = self.unusual = True

    def simulate(self, on: bool) -> None:
        """Freeze it where it stands, or let physics have it again (from rest)."""
        self.simulated = self.falls = on
        self.unusual = False
        self.inverse_mass = 1.0 / self.mass if on else 0.0
        self.motion.speed = self.slide_x = self.slide_y = self.spin = self.vx = self.vy = 0.0
        self.ax = self.ay = self.vz = self.az = self.yaw_rate = 0.0
        self.moving = on

    def set_mass(self, mass: float) -> None:
        """Weigh that much [kg] in collisions."""
        self.mass = max(within(mass, LIGHTEST, 1e6), LIGHTEST)
        self.inverse_mass = 1.0 / self.mass if self.simulated else 0.0

    def step(self, dt: float) -> None:
        """Move on by `dt` [s], at most 0.05."""
        if not self.simulated:
            self.moving = False
        elif not self.grounded and self.constant is None:
            self._fly(dt)
        elif self.unusual:
            self._unusual_step(dt)
        else:
            self._drive(dt)
            self._settle(dt)

    def _drive(self, dt: float) -> None:
        control = self._control
        brake = 1.0 if control.hand_brake else control.brake
        slope = -self.gravity * math.sin(math.radians(self.pitch)) if self.pitch else 0.0
        roll(self.motion, control.throttle, self._slip_angle(), brake, dt, control.reverse, self.model, slope)

    def _fly(self, dt: float) -> None:
        """In the air nothing but gravity acts: it keeps its velocity over the ground and its spin."""
        row = self.row
        row[bodies.X] += row[bodies.VX] * dt
        row[bodies.Y] += row[bodies.VY] * dt
        row[bodies.HEADING] += self.spin * dt
        row[bodies.YAW] = math.remainder(math.degrees(row[bodies.HEADING]), 360.0)
        self.ax = self.ay = 0.0
        self.yaw_rate = math.degrees(self.spin)
        self.moving = True

    def _unusual_step(self, dt: float) -> None:
        """A step of a vehicle that is pushed, skids, spins, or does not follow its pedals."""
        if self.ackermann is not None:
            self._track(self.ackermann, dt)
        if self.constant is not None:
            self._cruise(self.constant, dt)
        else:
            self._drive(dt)
        if self.slide_x or self.slide_y or self.spin:
            self._skid(dt)
        self._settle(dt)
        self.unusual = bool(self.constant or self.ackermann or self.slide_x or self.slide_y or self.spin)
        self.moving = self.moving or self.unusual

    def _settle(self, dt: float) -> None:
        """Work out the state that clients see from the motion just made."""
        row = self.row
        yaw, speed = row[bodies.HEADING], row[bodies.SPEED]
        heading = yaw + self._slip_angle()
        vx = speed * math.cos(heading) + self.slide_x
        vy = speed * math.sin(heading) + self.slide_y
        self.ax, self.ay = (vx - self.vx) / dt, (vy - self.vy) / dt
        self.vx, self.vy = vx, vy
        self.yaw_rate = math.degrees(row[bodies.TURN] + self.spin)
        row[bodies.YAW] = math.remainder(math.degrees(yaw), 360.0)
        # A body that has just come to rest takes one more step, in which its acceleration ends.
        self.moving = bool(
            vx or vy or self._control.throttle or self.ax or self.ay or self.pitch or self.vz or self.az
        )

    def _cruise(self, velocity: Vector, dt: float) -> None:
        """Hold a velocity given in the vehicle's frame; the wheels still steer."""
        motion = self.motion
        motion.speed = velocity[0]
        advance(motion, 0.0, self.control.steer, 0.0, dt, model=self.model)
        motion.speed = velocity[0]
        self.slide_x, self.slide_y = 0.0, 0.0
        if velocity[1]:
            self.slide_x, self.slide_y = (
                -velocity[1] * math.sin(motion.yaw),
                velocity[1] * math.cos(motion.yaw),
            )

    def _skid(self, dt: float) -> None:
        motion = self.motion
        motion.x += self.slide_x * dt
        motion.y += self.slide_y * dt
        motion.yaw += self.spin * dt
        slide = math.hypot(self.slide_x, self.slide_y)
        if slide and self.constant is None:
            keep = max(0.0, slide - GRIP * dt) / slide
            self.slide_x, self.slide_y = self.slide_x * keep, self.slide_y * keep
        self.spin = math.copysign(max(0.0, abs(self.spin) - SPIN_DECAY * dt), self.spin)

    def _slip_angle(self) -> float:
        """Angle between nose and velocity [rad] at the present steer, kept until the steer changes."""
        steer = self._control.steer
        if steer != self._slip_steer:
            self._slip_steer, self._slip = steer, slip_angle(steer, self.model)
        return self._slip

    def _track(self, wish: Ackermann, dt: float) -> None:
        """Turn an Ackermann wish into pedals: proportional in speed, inverting the force balance."""
        model, speed, old = self.model, self.motion.speed, self.control
        steer = within(wish.steer / model.steer_gain, -1.0, 1.0)
        if wish.steer_speed > 0.0:
            turn = wish.steer_speed / model.steer_gain * dt
            steer = within(steer, old.steer - turn, old.steer + turn)
        reverse = wish.speed < 0.0
        error = abs(wish.speed) - (-speed if reverse else speed)
        limit = abs(wish.acceleration) or model.brake
        wanted = within(error / max(dt, 0.05), -limit, limit)
        force = wanted + (model.rolling + model.drag * speed * speed if wish.speed else 0.0)
        strongest = min(model.traction, model.power / max(abs(speed), 1.0))
        throttle = within(force / strongest, 0.0, 1.0) if force > 0 else 0.0
        brake = within(-force / model.brake, 0.0, 1.0) if force < 0 else 0.0
        if wish.speed == 0.0 and abs(speed) < 0.05:
            throttle, brake = 0.0, 1.0
        self.control = Control(throttle, steer, brake, False, reverse, False, -1 if reverse else 1)
