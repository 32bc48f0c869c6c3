"""What a vehicle answers about its mechanics: the protocol's physics control and telemetry structs."""

import math
from typing import Any

from laco.scenarios.server.poses import axes, to_world
from laco.scenarios.server.vehicle import Vehicle

WHEELBASE_SHARE = 0.6  # of the length, a round figure


def full_lock(vehicle: Vehicle) -> float:
    """Wheel angle [deg] at full steer: the one that gives the turning circle driven, for the wheelbase
    told."""
    model = vehicle.model
    slip = math.atan(model.rear_axle / (model.front_axle + model.rear_axle) * math.tan(model.steer_gain))
    radius = model.rear_axle / math.sin(slip)
    return math.degrees(math.atan(WHEELBASE_SHARE * vehicle.half_length * 2 / radius))


def physics_control(vehicle: Vehicle) -> list[Any]:
    """The VehiclePhysicsControl: what the client last set, or round figures."""
    if vehicle.physics_control is not None:
        return vehicle.physics_control
    torque = [[0.0, 400.0], [1890.0, 500.0], [5730.0, 400.0]]
    gears = [[ratio, 0.5, 0.65] for ratio in (4.0, 2.5, 1.6, 1.2, 0.9)]
    steering = [[0.0, 1.0], [20.0, 1.0], [120.0, 1.0]]
    return [
        torque, 6000.0, 1.0, 0.15, 2.0, 0.35, True, 0.5, 10.0, 4.0, gears, vehicle.mass, 0.3,
        [0.0, 0.0, 0.0], steering, _wheels(vehicle), False,
    ]  # fmt: skip


def _wheels(vehicle: Vehicle) -> list[list[Any]]:
    """WheelPhysicsControl of each wheel, front left first; positions in centimetres, world frame."""
    lock, frame = full_lock(vehicle), axes(vehicle.pose)
    x, y = WHEELBASE_SHARE * vehicle.half_length, 0.8 * vehicle.half_width
    places = [(x, -y), (x, y), (-x, -y), (-x, y)] if vehicle.blueprint.wheels != 2 else [(x, 0.0), (-x, 0.0)]
    wheels = []
    for forward, right in places:
        dx, dy, dz = to_world(frame, (forward, right, 0.36))
        centre = [100 * (vehicle.x + dx), 100 * (vehicle.y + dy), 100 * (vehicle.z + dz)]
        turn = lock if forward > 0 else 0.0
        wheels.append(
            [3.5, 0.25, turn, 36.0, 1500.0, 0.0 if forward > 0 else 3000.0, 3.0, 20.0, 3000.0, centre]
        )
    return wheels


def telemetry(vehicle: Vehicle) -> list[Any]:
    """The VehicleTelemetryData: what the simple model knows, the rest zero."""
    control, speed = vehicle.control, vehicle.motion.speed
    drag = vehicle.model.drag * vehicle.mass * speed * speed
    wheels = [[3.5, 0.0, 0.0, speed / 0.36] + [0.0] * 7 for _ in range(max(vehicle.blueprint.wheels, 2))]
    return [
        speed, control.steer, control.throttle, control.brake, 800.0 + 150.0 * abs(speed),
        control.gear, drag, wheels,
    ]  # fmt: skip
