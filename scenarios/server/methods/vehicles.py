"""Drive: methods on vehicles. Ids of vehicles that are gone are answered benignly."""

import math
from collections.abc import Callable
from typing import Any

from laco.scenarios.server.blueprints import Blueprint, Kind
from laco.scenarios.server.methods.actors import on_vehicle
from laco.scenarios.server.physics_control import full_lock, physics_control, telemetry
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.rpc import Table, constant, nothing, value, void
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.vehicle import Ackermann, Control, Vehicle

MASS = 11  # place of the mass in VehiclePhysicsControl


def table() -> Table:
    """Methods by name."""
    ignored = (
        "open_vehicle_door", "close_vehicle_door", "set_wheel_steer_direction", "set_wheel_pitch_angle",
        "show_vehicle_debug_telemetry", "enable_carsim", "use_carsim_road", "enable_chrono_physics",
        "restore_physx_physics",
    )  # fmt: skip
    return {
        **dict.fromkeys(ignored, nothing),
        "apply_control_to_vehicle": void(on_vehicle(_control)),
        "apply_ackermann_control_to_vehicle": void(on_vehicle(_ackermann)),
        "get_ackermann_controller_settings": value(of_vehicle(lambda vehicle: vehicle.ackermann_settings)),
        "apply_ackermann_controller_settings": void(on_vehicle(_tune)),
        "get_physics_control": value(of_vehicle(physics_control)),
        "apply_physics_control": void(on_vehicle(_rebuild)),
        "get_vehicle_light_state": value(of_vehicle(lambda vehicle: [vehicle.lights])),
        "set_vehicle_light_state": void(on_vehicle(_light)),
        "get_vehicle_light_states": value(light_states),
        "get_wheel_steer_angle": value(of_vehicle(_wheel_angle)),
        "get_wheel_pitch_angle": constant(0.0),
        "get_telemetry_data": value(of_vehicle(telemetry)),
    }


def of_vehicle(function: Callable[..., Any]) -> Callable[..., Any]:
    """A question about a vehicle; one that is gone answers as a standing one would."""

    def method(sim: Simulation, id: int, *arguments: Any) -> Any:
        vehicle = sim.world.actors.get(id)
        return function(vehicle if isinstance(vehicle, Vehicle) else _stand_in(), *arguments)

    return method


def light_states(sim: Simulation) -> list[Any]:
    """`[id, flags]` of every vehicle."""
    return [[actor.id, actor.lights] for actor in sim.world.actors.values() if isinstance(actor, Vehicle)]


def _stand_in() -> Vehicle:
    return Vehicle(0, Blueprint("vehicle.none", Kind.VEHICLE, (4.5, 1.8, 1.5), 1500.0, 14, 4), Pose(), [])


def _control(vehicle: Vehicle, control: list[Any]) -> None:
    vehicle.apply(Control(*control))


def _ackermann(vehicle: Vehicle, wish: list[Any]) -> None:
    numbers = [float(number) for number in wish]
    if all(math.isfinite(number) for number in numbers):
        vehicle.follow(Ackermann(*numbers))


def _tune(vehicle: Vehicle, settings: list[Any]) -> None:
    vehicle.ackermann_settings = [float(number) for number in settings]


def _rebuild(vehicle: Vehicle, control: list[Any]) -> None:
    vehicle.physics_control = control
    vehicle.set_mass(float(control[MASS]))


def _light(vehicle: Vehicle, state: list[Any]) -> None:
    vehicle.lights = int(state[0])


def _wheel_angle(vehicle: Vehicle, wheel: int) -> float:
    return vehicle.control.steer * full_lock(vehicle) if wheel < 2 else 0.0
