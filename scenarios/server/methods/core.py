"""Connect, map, spawn, tick: the methods without which nothing runs."""

from typing import Any

from laco.errors import LacoError
from laco.scenarios.server.actors import Actor
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.methods.level import switch_layers
from laco.scenarios.server.poses import pose
from laco.scenarios.server.rpc import Table, bare, constant, value, void
from laco.scenarios.server.shapes import ID, SETTINGS, WEATHER, text
from laco.scenarios.server.simulation import OPENDRIVE_MAP, Simulation
from laco.scenarios.server.soundness import admit
from laco.scenarios.server.streaming import EPISODE_STREAM
from laco.scenarios.server.versions import VERSION

ALL_LAYERS = 0xFFFF  # carla.MapLayer


def table() -> Table:
    """Methods by name."""
    return {
        "version": constant(VERSION),
        "get_episode_info": value(lambda sim: [sim.episode, [sim.token(EPISODE_STREAM)]]),
        "get_sensor_token": value(lambda sim, stream_id: [sim.token(ID(stream_id))]),
        "get_episode_settings": value(lambda sim: sim.settings),
        "set_episode_settings": value(set_episode_settings),
        "get_map_info": value(get_map_info),
        "get_map_data": value(lambda sim: sim.world.roads.xodr),
        "get_required_files": constant([]),
        "request_file": constant(b""),
        "get_navigation_mesh": constant(b""),
        "get_available_maps": value(lambda sim: [f"/Game/Carla/Maps/{name}" for name in sim.maps]),
        "get_actor_definitions": value(get_actor_definitions),
        "get_spectator": value(lambda sim: sim.world.spectator.wire()),
        "get_actors_by_id": value(get_actors_by_id),
        "spawn_actor": value(lambda sim, description, where: spawn(sim, description, where).wire()),
        "spawn_actor_with_parent": value(spawn_with_parent),
        "destroy_actor": value(destroy_actor),
        "tick_cue": bare(tick_cue),
        "get_weather_parameters": value(lambda sim: sim.weather),
        "set_weather_parameters": void(set_weather),
        "load_new_episode": void(load_new_episode),
        "copy_opendrive_to_file": void(copy_opendrive_to_file),
    }


def set_episode_settings(sim: Simulation, settings: list[Any]) -> int:
    """Answers the present frame: the client waits until it has seen it."""
    given = SETTINGS([*settings, *sim.settings[len(settings) :]])  # older clients know fewer
    sim.configure(given)
    return sim.world.frame


def get_map_info(sim: Simulation) -> list[Any]:
    """Name and spawn points."""
    world = sim.world
    return [f"Carla/Maps/{world.name}", [point.wire() for point in world.roads.spawn_points]]


def get_actor_definitions(sim: Simulation) -> list[Any]:
    """The blueprint library."""
    return [blueprint.wire(uid) for uid, blueprint in enumerate(sim.world.library.values(), 1)]


def get_actors_by_id(sim: Simulation, ids: list[int]) -> list[Any]:
    """Those that exist."""
    actors = sim.world.actors
    return [actors[id].wire() for id in ids if id in actors]


def spawn(sim: Simulation, description: list[Any], where: list[Any], parent: int = 0) -> Actor:
    """A new actor, with its stream if it sends data. Raises `RefusedError`."""
    _, name, attributes, *_ = description
    given = {text(a[0]): text(a[2]) for a in attributes}
    actor = sim.world.spawn(name, pose(where), given, parent)
    sim.add_stream(actor)
    return actor


def spawn_with_parent(
    sim: Simulation, description: list[Any], where: list[Any], parent: int, *_attachment: Any
) -> list[Any]:
    """All attachments are rigid."""
    if not parent:
        raise RefusedError("unable to attach actor: parent actor not found")
    return spawn(sim, description, where, parent).wire()


def destroy_actor(sim: Simulation, id: int) -> bool:
    """Raises `RefusedError` when there is no such actor: the client then says False."""
    if not sim.destroy(id):
        raise RefusedError("unable to destroy actor: not found")
    return True


def tick_cue(sim: Simulation) -> list[Any]:
    """One tick, told on the stream before it is answered. A server that runs freely says where it is."""
    return [[1, sim.tick() if sim.lockstep else sim.world.frame]]


def set_weather(sim: Simulation, weather: list[Any]) -> None:
    """Kept and answered; it changes nothing else yet."""
    sim.weather = WEATHER([*weather, *sim.weather[len(weather) :]])


def load_new_episode(sim: Simulation, name: str, reset_settings: bool, layers: int = ALL_LAYERS) -> None:
    """Start over on the named map, or on the present one; things on layers left out are not there."""
    sim.load(text(name), bool(reset_settings))
    if layers != ALL_LAYERS:
        switch_layers(sim, ~layers & ALL_LAYERS, False)


def copy_opendrive_to_file(sim: Simulation, xodr: str, _parameters: list[Any]) -> None:
    """The document that the next `load_new_episode("OpenDriveMap")` loads; refused when it is of no use."""
    try:
        sim.maps[OPENDRIVE_MAP] = xodr if xodr in sim.maps.values() else admit(xodr, OPENDRIVE_MAP)
    except LacoError as error:
        raise RefusedError(f"opendrive could not be correctly parsed: {error}") from error
