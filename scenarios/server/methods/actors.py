"""Move, push, freeze: methods on any actor. What the client sends without waiting is ignored for an actor that is
gone; what it waits for is refused as CARLA refuses it, but for what its Traffic Manager asks about the dead."""

import math
from collections.abc import Callable
from typing import Any

from laco.scenarios.server.actors import Actor, Solid
from laco.scenarios.server.errors import ActorGoneError
from laco.scenarios.server.poses import Pose, pose, vector
from laco.scenarios.server.prop import Prop
from laco.scenarios.server.rpc import Table, nothing, value, void
from laco.scenarios.server.shapes import ID, many
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.vehicle import Control, Vehicle
from laco.scenarios.server.walker import Walker

Body = Vehicle | Prop
EMPTY_BOX = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 0]
WHOLE_BODY = Pose().wire()  # the one component there is lies where its actor does
BARE_LISTS = (  # no actor has bones or sockets
    "get_actor_socket_world_transforms", "get_actor_socket_relative_transforms", "get_actor_socket_names",
    "get_actor_bone_world_transforms", "get_actor_bone_relative_transforms", "get_actor_bone_names",
    "get_actor_component_names", "get_vehicle_bone_world_transforms",
)  # fmt: skip


def table() -> Table:
    """Methods by name."""
    return {
        **{name: value(about(name, lambda sim, actor: [])) for name in BARE_LISTS},
        "set_actor_location": void(set_location),
        "set_actor_transform": void(set_transform),
        "set_actor_target_velocity": void(set_target_velocity),
        "set_actor_target_angular_velocity": void(on_body(_spin)),
        "enable_actor_constant_velocity": void(on_vehicle(_hold)),
        "disable_actor_constant_velocity": void(on_vehicle(_release)),
        "add_actor_impulse": void(on_body(_impulse)),
        "add_actor_impulse_at_location": void(on_body(_impulse_at)),
        "add_actor_force": void(for_a_tick(_impulse)),
        "add_actor_force_at_location": void(for_a_tick(_impulse_at)),
        "add_actor_angular_impulse": void(on_body(_angular_impulse)),
        "add_actor_torque": void(for_a_tick(_angular_impulse)),
        "set_actor_simulate_physics": void(about("set_actor_simulate_physics", _simulate)),
        "set_actor_collisions": void(about("set_actor_collisions", _collide)),
        "set_actor_enable_gravity": void(enable_gravity),
        "set_actor_dead": void(set_dead),
        "set_actor_autopilot": nothing,  # drivers are in the clients
        "get_actor_bounding_box": value(get_bounding_box),
        "set_ignored_vehicles": void(about("set_ignored_vehicles", _ignore)),
        "get_ignored_vehicles": value(lambda sim, id: sim.remembered.ignored.get(id, [])),
        "get_actor_component_world_transform": value(
            about("get_actor_component_world_transform", lambda sim, actor, name: actor.pose.wire())
        ),
        "get_actor_component_relative_transform": value(
            about("get_actor_component_relative_transform", lambda sim, actor, name: WHOLE_BODY)
        ),
    }


def about(method: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A method on an actor that the client waits for; raises `ActorGoneError` when there is none."""

    def call(sim: Simulation, id: int, *arguments: Any) -> Any:
        actor = sim.world.actors.get(id)
        if actor is None:
            raise ActorGoneError(method, id)
        return function(sim, actor, *arguments)

    return call


def on_vehicle(function: Callable[..., object]) -> Callable[..., None]:
    """A method on a vehicle; other ids are ignored."""

    def method(sim: Simulation, id: int, *arguments: Any) -> None:
        vehicle = sim.world.actors.get(id)
        if isinstance(vehicle, Vehicle):
            function(vehicle, *arguments)

    return method


def on_body(function: Callable[..., object]) -> Callable[..., None]:
    """A method on what physics can push: vehicles and props; others are ignored, walkers as on CARLA."""

    def method(sim: Simulation, id: int, *arguments: Any) -> None:
        body = sim.world.actors.get(id)
        if isinstance(body, Vehicle | Prop):
            function(body, *arguments)

    return method


def for_a_tick(push: Callable[..., object]) -> Callable[..., None]:
    """What acts during the next tick: the impulse that comes of it, given before."""

    def method(sim: Simulation, id: int, force: list[Any], *where: Any) -> None:
        on_body(push)(sim, id, [share * sim.dt for share in vector(force)], *where)

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
    x, y, z = vector(velocity)
    if isinstance(actor, Vehicle) and not actor.simulated:
        return
    if isinstance(actor, Solid):
        actor.set_velocity(x, y)
        if z or (actor.vz and not actor.held):
            actor.launch(z)


def enable_gravity(sim: Simulation, id: int, on: bool) -> None:
    """Whether it falls when there is no ground below."""
    actor = sim.world.actors.get(id)
    if isinstance(actor, Vehicle | Walker | Prop):
        actor.falls = bool(on)
        actor.moving = actor.moving or bool(on)


def get_bounding_box(sim: Simulation, id: int) -> list[Any]:
    """Never fails: clients ask about actors just destroyed."""
    actor = sim.world.actors.get(id)
    return actor.bounding_box() if actor is not None else EMPTY_BOX


def set_dead(sim: Simulation, id: int) -> None:
    """A dead walker stands still, a dead car is parked."""
    actor = sim.world.actors.get(id)
    if isinstance(actor, Walker):
        actor.control((0.0, 0.0, 0.0), 0.0, False)
    elif isinstance(actor, Vehicle):
        actor.apply(Control(hand_brake=True))


def _simulate(sim: Simulation, actor: Actor, on: bool) -> None:
    sim.world.set_simulated(actor.id, bool(on))


def _collide(sim: Simulation, actor: Actor, on: bool) -> None:
    sim.world.set_collisions(actor.id, bool(on))


def _ignore(sim: Simulation, actor: Actor, ids: list[int]) -> None:
    sim.remembered.ignored[actor.id] = many(ID)(ids)


def _spin(body: Body, rate: list[Any]) -> None:
    body.set_spin(vector(rate)[2])


def _hold(vehicle: Vehicle, velocity: list[Any]) -> None:
    vehicle.hold(vector(velocity))


def _release(vehicle: Vehicle) -> None:
    vehicle.hold(None)


def _impulse(body: Body, impulse: list[Any]) -> None:
    """In N s: what the client sends is in kg m/s."""
    body.push(*vector(impulse))


def _impulse_at(body: Body, impulse: list[Any], where: list[Any]) -> None:
    """At a place in the world: it turns the body, too."""
    _impulse(body, impulse)
    (x, y, _), (px, py, _) = vector(impulse), vector(where)
    _turn(body, (px - body.x) * y - (py - body.y) * x)


def _angular_impulse(body: Body, impulse: list[Any]) -> None:
    """In kg cm^2 deg/s, the unit in which the engine under CARLA takes it."""
    _turn(body, math.radians(vector(impulse)[2]) / 1e4)


def _turn(body: Body, angular_impulse: float) -> None:
    """Add an angular impulse about the vertical [N m s] to a box of even density."""
    body.turn(angular_impulse / body.inertia)
