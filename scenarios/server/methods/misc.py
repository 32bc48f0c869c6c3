"""Rays, level boxes, and the many methods for which a benign answer is right (no lights, recorder, ROS,
textures)."""

from typing import Any

from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.poses import vector
from laco.scenarios.server.rays import hits
from laco.scenarios.server.rpc import Table, constant, nothing, value, void
from laco.scenarios.server.simulation import Simulation

ANY = 255  # CityObjectLabel
NO_RECORDER = "the embedded server has no recorder"


def table() -> Table:
    """Methods by name."""
    return {
        **dict.fromkeys(_IGNORED, nothing),
        **dict.fromkeys(_EMPTY, constant([])),
        **dict.fromkeys(_NO_TEXT, constant(NO_RECORDER)),
        "get_all_level_BBs": value(level_boxes),
        "cast_ray": value(
            lambda sim, start, end: [h.wire() for h in hits(sim.world, vector(start), vector(end))]
        ),
        "project_point": value(project_point),
        "get_names_of_all_objects": value(lambda sim: [thing.name for thing in sim.world.roads.things]),
        "get_imui_gravity": constant(9.81),
        "is_sensor_enabled_for_ros": constant(False),
        "are_gbuffers_enabled": constant(False),
        "get_gbuffer_token": value(lambda sim, id, number: sim.token(id)),
        "is_traffic_manager_running": value(lambda sim, port: port in sim.traffic_managers),
        "get_traffic_manager_running": value(traffic_manager),
        "add_traffic_manager_running": value(add_traffic_manager),
        "destroy_traffic_manager": void(lambda sim, port: sim.traffic_managers.pop(port, None)),
    }


_IGNORED = (
    "draw_debug_shape", "clear_debug_shape", "clear_debug_string", "enable_environment_objects",
    "load_map_layer",
    "unload_map_layer",
    "update_lights_state", "update_day_night_cycle", "set_imui_gravity",
    "set_annotations_traverse_translucency", "stop_recorder", "stop_replayer", "set_replayer_time_factor",
    "set_replayer_ignore_hero", "set_replayer_ignore_spectator", "enable_sensor_for_ros",
    "disable_sensor_for_ros",
    "enable_gbuffers", "send", "apply_color_texture_to_objects", "apply_float_color_texture_to_objects",
    "set_traffic_light_state", "set_traffic_light_green_time", "set_traffic_light_yellow_time",
    "set_traffic_light_red_time", "freeze_traffic_light", "freeze_all_traffic_lights",
    "reset_traffic_light_group",
    "reset_all_traffic_lights",
)  # fmt: skip
_EMPTY = ("get_environment_objects", "query_lights_state", "get_group_traffic_lights", "get_light_boxes")
_NO_TEXT = (
    "start_recorder", "show_recorder_file_info", "show_recorder_collisions", "show_recorder_actors_blocked",
    "replay_file",
)  # fmt: skip


def level_boxes(sim: Simulation, label: int) -> list[Any]:
    """BoundingBoxes, in the world's frame, of what stands beside the road and has that tag."""
    return [
        [[thing.x, thing.y, thing.z], list(thing.extent), [0.0, thing.yaw, 0.0], 0]
        for thing in sim.world.roads.things
        if label in (thing.label, ANY)
    ]


def project_point(sim: Simulation, start: list[Any], direction: list[Any], distance: float) -> list[Any]:
    """`[hit, LabelledPoint]`: the first thing that way."""
    x, y, z = vector(start)
    dx, dy, dz = vector(direction)
    found = hits(sim.world, (x, y, z), (x + dx * distance, y + dy * distance, z + dz * distance))
    return [True, found[0].wire()] if found else [False, [[x, y, z], 0]]


def traffic_manager(sim: Simulation, port: int) -> list[Any]:
    """`[host, port]` of a client's traffic manager."""
    if port not in sim.traffic_managers:
        raise RefusedError(f"no traffic manager on port {port}")
    return [sim.traffic_managers[port], port]


def add_traffic_manager(sim: Simulation, where: list[Any]) -> bool:
    """Note one; False when the port is taken."""
    host, port = where
    if port in sim.traffic_managers:
        return False
    sim.traffic_managers[port] = host
    return True
