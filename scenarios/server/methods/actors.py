"""Move, push, freeze: methods on any actor. Ids of actors that are gone are answered benignly."""

from collections.abc import Callable
from typing import Any

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.poses import Pose, pose, vector
from laco.scenarios.server.rpc import Table, constant, nothing, value, void
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.walker import Walker

EMPTY_BOX = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 0]
EMPTY_TRANSFORM = Pose().wire()


def table() -> Table:
    """Methods by name."""
    return {
        "set_actor_location": void(set_location),
        "set_actor_transform": void(set_transform),
        "set_actor_target_velocity": void(set_target_velocity),
        "set_actor_target_angular_velocity": void(on_vehicle(_spin)),
        "enable_actor_constant_velocity": void(on_vehicle(_hold)),
        "disable_actor_constant_velocity": void(on_vehicle(_release)),
        "add_actor_impulse": void(on_vehicle(_impulse)),
        "add_actor_impulse_at_location": void(on_vehicle(_impulse)),
        "add_actor_force": void(on_vehicle(_force)),
        "add_actor_force_at_location": void(on_vehicle(_force)),
        "add_actor_angular_impulse": nothing,  # cars do not spin from it
        "add_actor_torque": nothing,
        "set_actor_simulate_physics": void(set_simulate_physics),
        "set_actor_collisions": void(lambda sim, id, on: sim.world.set_collisions(id, bool(on))),
        "set_actor_enable_gravity": nothing,
        "set_actor_dead": nothing,
        "set_actor_autopilot": nothing,
        "get_actor_bounding_box": value(get_bounding_box),
        "set_ignored_vehicles": nothing,
        "get_ignored_vehicles": constant([]),
        "apply_control_to_walker": void(control_walker),
        "get_actor_component_world_transform": constant(EMPTY_TRANSFORM),
        "get_actor_component_relative_transform": constant(EMPTY_TRANSFORM),
        "get_actor_socket_world_transforms": constant([]),
        "get_actor_socket_relative_transforms": constant([]),
        "get_actor_bone_world_transforms": constant([]),
        "get_actor_bone_relative_transforms": constant([]),
        "get_actor_component_names": constant([]),
        "get_actor_bone_names": constant([]),
        "get_actor_socket_names": constant([]),
        "get_vehicle_bone_world_transforms": constant([]),
        "get_bones_transform": constant([]),
        "set_bones_transform": nothing,
        "blend_pose": nothing,
        "get_pose_from_animation": nothing,
    }


def on_vehicle(function: Callable[..., object]) -> Callable[..., None]:
    """A method on a vehicle; other ids are ignored."""

    def method(sim: Simulation, id: int, *arguments: Any) -> None:
        vehicle = sim.world.actors.get(id)
        if isinstance(vehicle, Vehicle):
            function(vehicle, *arguments)

    return method


def set_location(sim: Simulation, id: int, location: list[Any]) -> None:
    """Teleport, keeping the rotation."""
    actor = sim.world.actors.get(id)
    if actor is not None:
        sim.world.teleport(id, Pose(*vector(location), actor.pitch, actor.yaw, actor.roll))


def set_transform(sim: Simulation, id: int, transform: list[Any]) -> None:
    """Teleport."""
    sim.world.teleport(id, pose(transform))


def set_target_velocity(sim: Simulation, id: int, velocity: list[Any]) -> None:
    """Take on a velocity [m/s] in the world's frame at once."""
    actor = sim.world.actors.get(id)
    x, y, _ = vector(velocity)
    if isinstance(actor, Vehicle) and not actor.simulated:
        return
    if isinstance(actor, Solid):
        actor.set_velocity(x, y)


def set_simulate_physics(sim: Simulation, id: int, on: bool) -> None:
    """Freeze a vehicle, or let it go."""
    sim.world.set_simulated(id, bool(on))


def get_bounding_box(sim: Simulation, id: int) -> list[Any]:
    """Never fails: clients ask about actors just destroyed."""
    actor = sim.world.actors.get(id)
    return actor.bounding_box() if actor is not None else EMPTY_BOX


def control_walker(sim: Simulation, id: int, control: list[Any]) -> None:
    """Walk: `[direction, speed, jump]`."""
    walker = sim.world.actors.get(id)
    if isinstance(walker, Walker):
        direction, speed, jump = control
        walker.control(vector(direction), vector([speed, 0.0, 0.0])[0], bool(jump))


def _spin(vehicle: Vehicle, rate: list[Any]) -> None:
    vehicle.set_spin(vector(rate)[2])


def _hold(vehicle: Vehicle, velocity: list[Any]) -> None:
    vehicle.hold(vector(velocity))


def _release(vehicle: Vehicle) -> None:
    vehicle.hold(None)


def _impulse(vehicle: Vehicle, impulse: list[Any], *_where: Any) -> None:
    x, y, _ = vector(impulse)
    vehicle.push(x, y)


def _force(vehicle: Vehicle, force: list[Any], *_where: Any) -> None:
    x, y, _ = vector(force)
    vehicle.force(x, y)
