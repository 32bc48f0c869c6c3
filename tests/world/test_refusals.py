"""What goes wrong as it does on CARLA: the same exceptions with the same words."""

import socket
from collections.abc import Callable
from typing import Any

import carla
import pytest

Spawn = Callable[..., carla.Actor]
Act = Callable[[carla.Client, carla.World], Any]
EMPTY = '<OpenDRIVE><header revMajor="1" revMinor="4"/></OpenDRIVE>'
GONE = "Responding error from function {}: Actor could not be found in the registry.  Actor Id: "


def _spawn(
    world: carla.World, blueprint: str, x: float = 0.0, parent: carla.Actor | None = None
) -> carla.Actor:
    where = carla.Transform(carla.Location(x=x, y=60.0))
    return world.spawn_actor(world.get_blueprint_library().find(blueprint), where, attach_to=parent)


def _twice(world: carla.World) -> carla.Actor:
    _spawn(world, "vehicle.tesla.model3")
    return _spawn(world, "vehicle.audi.tt", x=1.0)


def _dead(world: carla.World) -> carla.Actor:
    car = _spawn(world, "vehicle.tesla.model3")
    world.tick()
    car.destroy()
    world.tick()
    return car


def _dying(client: carla.Client, world: carla.World) -> carla.Actor:
    """A car that is gone on the server, and of which the client does not know it yet."""
    car = _spawn(world, "vehicle.tesla.model3")
    world.tick()
    client.apply_batch_sync([carla.command.DestroyActor(car.id)])
    return car


def _settings(world: carla.World, **values: object) -> int:
    settings = world.get_settings()
    for name, value in values.items():
        setattr(settings, name, value)
    return int(world.apply_settings(settings))


TABLE: dict[str, tuple[Act, type[Exception], str]] = {
    "unknown map": (lambda c, w: c.load_world("Atlantis"), RuntimeError, "Map 'Atlantis' not found"),
    "no OpenDRIVE": (
        lambda c, w: c.generate_opendrive_world("nonsense", carla.OpendriveGenerationParameters()),
        RuntimeError,
        "opendrive could not be correctly parsed",
    ),
    "OpenDRIVE without roads": (
        lambda c, w: c.generate_opendrive_world(EMPTY, carla.OpendriveGenerationParameters()),
        RuntimeError,
        "opendrive could not be correctly parsed",
    ),
    "unknown blueprint": (
        lambda c, w: w.get_blueprint_library().find("vehicle.none"),
        IndexError,
        "blueprint 'vehicle.none' not found",
    ),
    "occupied spawn point": (
        lambda c, w: _twice(w),
        RuntimeError,
        "Spawn failed because of collision at spawn position",
    ),
    "dead parent": (
        lambda c, w: _spawn(w, "sensor.other.collision", parent=_dead(w)),
        RuntimeError,
        "unable to attach actor: parent actor not found",
    ),
    "physics of a dead car": (
        lambda c, w: _dying(c, w).set_simulate_physics(True),
        RuntimeError,
        GONE.format("set_actor_simulate_physics"),
    ),
    "collisions of a dead car": (
        lambda c, w: _dying(c, w).set_collisions(True),
        RuntimeError,
        GONE.format("set_actor_collisions"),
    ),
    "telemetry of a dead car": (
        lambda c, w: _dying(c, w).get_telemetry_data(),
        RuntimeError,
        GONE.format("get_telemetry_data"),
    ),
    "a dead car": (
        lambda c, w: _dead(w).set_location(carla.Location()),
        RuntimeError,
        "trying to operate on a destroyed actor",  # the client's own words
    ),
    "texture of nothing": (
        lambda c, w: w.apply_color_texture_to_object(
            "nobody", carla.MaterialParameter.Diffuse, carla.TextureColor(1, 1)
        ),
        RuntimeError,
        "unable to find Actor to apply the texture",
    ),
    "a tick too long": (
        lambda c, w: _settings(w, fixed_delta_seconds=11.0),
        RuntimeError,
        "fixed_delta_seconds is 11.0, not within 0 to 10 s",  # CARLA has no such check
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_it_is_refused_in_carlas_words_and_the_world_goes_on(
    client: carla.Client, world: carla.World, case: str
) -> None:
    act, kind, words = TABLE[case]
    episode = world.id
    with pytest.raises(kind) as refusal:
        act(client, world)
    assert str(refusal.value).startswith(words)
    assert client.get_world().id == episode
    assert world.tick() > 0


def test_what_is_not_waited_for_is_ignored_for_a_dead_car(client: carla.Client, world: carla.World) -> None:
    car = _dying(client, world)
    car.apply_control(carla.VehicleControl(throttle=1.0))
    car.set_location(carla.Location(x=5.0))
    car.set_target_velocity(carla.Vector3D(x=5.0))
    car.add_impulse(carla.Vector3D(x=5.0))
    car.set_light_state(carla.VehicleLightState.NONE)
    assert world.tick() > 0
    assert car.id not in {actor.id for actor in world.get_actors()}
    assert car.destroy() is False


def test_an_occupied_place_is_none_when_only_tried(world: carla.World, spawn: Spawn) -> None:
    spawn()
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    assert world.try_spawn_actor(blueprint, carla.Transform()) is None


def test_nobody_listens_is_a_time_out() -> None:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(0.3)
    with pytest.raises(RuntimeError, match=r"^time-out of 300ms while waiting for the simulator"):
        client.get_world()
