"""Drive: methods on vehicles. What CARLA's Traffic Manager asks about vehicles that are gone is answered as a
standing one would: a refusal ends its process."""

import math
from collections.abc import Callable
from typing import Any

from laco.scenarios.server.blueprints import Blueprint, Kind
from laco.scenarios.server.errors import ActorGoneError, WrongKindError
from laco.scenarios.server.methods.actors import on_vehicle
from laco.scenarios.server.physics_control import full_lock, physics_control, telemetry
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.rpc import Table, nothing, value, void
from laco.scenarios.server.shapes import ACKERMANN_SETTINGS, LIGHT_FLAGS, PHYSICS_CONTROL, number
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.vehicle import Ackermann, Control, Vehicle

MASS = 11  # place of the mass in VehiclePhysicsControl
PEDALS, WISHES = 7, 5  # fields of VehicleControl and of VehicleAckermannControl


def table() -> Table:
    """Methods by name."""
    ignored = (  # doors do not open, and the cars are ours: no CarSim, no Chrono
        "open_vehicle_door", "close_vehicle_door", "show_vehicle_debug_telemetry", "enable_carsim",
        "use_carsim_road", "enable_chrono_physics", "restore_physx_physics",
    )  # fmt: skip
    return {
        **dict.fromkeys(ignored, nothing),
        "apply_control_to_vehicle": void(on_vehicle(_control)),
        "apply_ackermann_control_to_vehicle": void(on_vehicle(_ackermann)),
        "get_ackermann_controller_settings": value(
            of_vehicle("get_ackermann_controller_settings", lambda sim, vehicle: vehicle.ackermann_settings)
        ),
        "apply_ackermann_controller_settings": void(on_vehicle(_tune)),
        "get_physics_control": value(_or_a_standing_one(physics_control)),
        "apply_physics_control": void(on_vehicle(_rebuild)),
        "get_vehicle_light_state": value(_or_a_standing_one(lambda vehicle: [vehicle.lights])),
        "set_vehicle_light_state": void(on_vehicle(_light)),
        "get_vehicle_light_states": value(light_states),
        "set_wheel_steer_direction": void(set_wheel_steer),
        "set_wheel_pitch_angle": void(set_wheel_pitch),
        "get_wheel_steer_angle": value(of_vehicle("get_wheel_steer_angle", _wheel_steer)),
        "get_wheel_pitch_angle": value(of_vehicle("get_wheel_pitch_angle", _wheel_pitch)),
        "get_telemetry_data": value(
            of_vehicle("get_telemetry_data", lambda sim, vehicle: telemetry(vehicle))
        ),
    }


def of_vehicle(method: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A question about a vehicle; raises `RefusedError` for what is none."""

    def ask(sim: Simulation, id: int, *arguments: Any) -> Any:
        vehicle = sim.world.actors.get(id)
        if vehicle is None:
            raise ActorGoneError(method, id)
        if not isinstance(vehicle, Vehicle):
            raise WrongKindError(method, "Vehicle", id)
        return function(sim, vehicle, *arguments)

    return ask


def _or_a_standing_one(function: Callable[[Vehicle], Any]) -> Callable[[Simulation, int], Any]:
    """A question about a vehicle that must be answered even when there is none."""

    def ask(sim: Simulation, id: int) -> Any:
        vehicle = sim.world.actors.get(id)
        return function(vehicle if isinstance(vehicle, Vehicle) else _stand_in())

    return ask


def set_wheel_steer(sim: Simulation, id: int, wheel: int, angle: float) -> None:
    """Turn a wheel of a frozen vehicle [deg]; physics turns those of the others, here as on CARLA."""
    _set_wheel(sim, sim.remembered.wheel_steer, id, wheel, angle)


def set_wheel_pitch(sim: Simulation, id: int, wheel: int, angle: float) -> None:
    """Roll a wheel of a frozen vehicle to an angle [deg]."""
    _set_wheel(sim, sim.remembered.wheel_pitch, id, wheel, angle)


def _set_wheel(
    sim: Simulation, angles: dict[tuple[int, int], float], id: int, wheel: int, angle: float
) -> None:
    vehicle = sim.world.actors.get(id)
    if (
        isinstance(vehicle, Vehicle)
        and not vehicle.simulated
        and 0 <= wheel < max(vehicle.blueprint.wheels, 2)
    ):
        angles[id, wheel] = number(angle)


def light_states(sim: Simulation) -> list[Any]:
    """`[id, flags]` of every vehicle."""
    return [[actor.id, actor.lights] for actor in sim.world.actors.values() if isinstance(actor, Vehicle)]


def _stand_in() -> Vehicle:
    return Vehicle(0, Blueprint("vehicle.none", Kind.VEHICLE, (4.5, 1.8, 1.5), 1500.0, 14, 4), Pose(), [])


def _control(vehicle: Vehicle, control: list[Any]) -> None:
    vehicle.apply(Control(*control[:PEDALS]))


def _ackermann(vehicle: Vehicle, wish: list[Any]) -> None:
    numbers = [float(share) for share in wish[:WISHES]]
    if all(math.isfinite(share) for share in numbers):
        vehicle.follow(Ackermann(*numbers))


def _tune(vehicle: Vehicle, settings: list[Any]) -> None:
    vehicle.ackermann_settings = ACKERMANN_SETTINGS(settings)


def _rebuild(vehicle: Vehicle, control: list[Any]) -> None:
    vehicle.physics_control = PHYSICS_CONTROL(control)
    vehicle.set_mass(float(control[MASS]))


def _light(vehicle: Vehicle, state: list[Any]) -> None:
    vehicle.lights = LIGHT_FLAGS(state)[0]


def _wheel_steer(sim: Simulation, vehicle: Vehicle, wheel: int) -> float:
    if not vehicle.simulated:
        return sim.remembered.wheel_steer.get((vehicle.id, wheel), 0.0)
    steers = wheel in ((0, 1) if vehicle.blueprint.wheels > 2 else (0,))
    return vehicle.control.steer * full_lock(vehicle) if steers else 0.0


def _wheel_pitch(sim: Simulation, vehicle: Vehicle, wheel: int) -> float:
    return sim.remembered.wheel_pitch.get((vehicle.id, wheel), 0.0)
