"""What stands beside the road: its boxes, and switching it off and on, thing by thing or layer by layer."""

from typing import Any

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.rpc import Table, value, void
from laco.scenarios.server.shapes import many, whole
from laco.scenarios.server.simulation import Simulation

ANY = 255  # CityObjectLabel
LAYERS = {  # bit of carla.MapLayer: the tags of what lies on it
    1: (3,),  # buildings
    4: (9,),  # foliage
    16: (14, 15, 16, 18, 19),  # parked vehicles
    64: (5, 20),  # props: fences, things
    128: (6,),  # street lights
    256: (4, 28),  # walls
}


def table() -> Table:
    """Methods by name."""
    return {
        "get_all_level_BBs": value(
            lambda sim, label: [_box(solid) for solid in sim.world.level if _is(solid, label)]
        ),
        "get_environment_objects": value(environment_objects),
        "enable_environment_objects": void(enable_environment_objects),
        "get_names_of_all_objects": value(_names),
        "load_map_layer": void(lambda sim, layers: switch_layers(sim, layers, True)),
        "unload_map_layer": void(lambda sim, layers: switch_layers(sim, layers, False)),
        "apply_color_texture_to_objects": void(apply_texture),
        "apply_float_color_texture_to_objects": void(apply_texture),
    }


def environment_objects(sim: Simulation, label: int) -> list[Any]:
    """EnvironmentObjects with that tag, also those switched off: one must be able to name them."""
    return [
        [solid.pose.wire(), _box(solid), -solid.id, name, solid.blueprint.label]
        for solid, name in zip(sim.world.everything_level, _names(sim), strict=True)
        if _is(solid, label)
    ]


def enable_environment_objects(sim: Simulation, ids: list[int], on: bool) -> None:
    """Switch things off or on by the ids that `environment_objects` gives."""
    sim.world.enable_level([-id for id in many(whole(64))(ids)], bool(on))


def apply_texture(sim: Simulation, names: list[str], *_what: Any) -> None:
    """Nothing here has a texture; names of nothing are refused as by CARLA."""
    if not set(names) & set(_names(sim)):
        raise RefusedError("unable to find Actor to apply the texture")


def switch_layers(sim: Simulation, layers: int, on: bool) -> None:
    """Switch everything on some layers off or on."""
    tags = {tag for bit, labels in LAYERS.items() if layers & bit for tag in labels}
    sim.world.enable_level([s.id for s in sim.world.everything_level if s.blueprint.label in tags], on)


def _names(sim: Simulation) -> list[str]:
    """One for each thing; those without a name of their own are called after their kind."""
    things = zip(sim.world.everything_level, sim.world.roads.things, strict=True)
    return [thing.name or f"{solid.blueprint.id}_{-solid.id}" for solid, thing in things]


def _box(solid: Solid) -> list[Any]:
    """The BoundingBox in the world's frame."""
    half = solid.height / 2
    extent = [solid.half_length, solid.half_width, half]
    return [[solid.x, solid.y, solid.z + half], extent, [0.0, solid.yaw, 0.0], 0]


def _is(solid: Solid, label: int) -> bool:
    return label in (solid.blueprint.label, ANY)
