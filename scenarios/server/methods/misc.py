"""Rays, traffic managers, and the many methods for which a benign answer is right: no street lights, recorder, ROS
or g-buffers."""

from typing import Any

from laco.scenarios.server.errors import ActorGoneError
from laco.scenarios.server.poses import vector
from laco.scenarios.server.rays import hits
from laco.scenarios.server.rpc import Table, constant, nothing, value, void
from laco.scenarios.server.shapes import ID, PORT, number, text
from laco.scenarios.server.simulation import Simulation

NO_RECORDER = "the embedded server has no recorder"


def table() -> Table:
    """Methods by name."""
    return {
        **dict.fromkeys(_IGNORED, nothing),
        **dict.fromkeys(_EMPTY, constant([])),
        **dict.fromkeys(_NO_TEXT, constant(NO_RECORDER)),
        "cast_ray": value(
            lambda sim, start, end: [h.wire() for h in hits(sim.world, vector(start), vector(end))]
        ),
        "project_point": value(project_point),
        "get_imui_gravity": value(lambda sim: sim.remembered.imu_gravity),
        "set_imui_gravity": void(set_imu_gravity),
        "enable_sensor_for_ros": void(lambda sim, stream: sim.remembered.ros_streams.add(ID(stream))),
        "disable_sensor_for_ros": void(lambda sim, stream: sim.remembered.ros_streams.discard(stream)),
        "is_sensor_enabled_for_ros": value(lambda sim, stream: stream in sim.remembered.ros_streams),
        "are_gbuffers_enabled": constant(False),
        "get_gbuffer_token": value(gbuffer_token),
        "is_traffic_manager_running": value(lambda sim, port: port in sim.traffic_managers),
        "get_traffic_manager_running": value(traffic_manager),
        "add_traffic_manager_running": value(add_traffic_manager),
        "destroy_traffic_manager": value(lambda sim, port: sim.traffic_managers.pop(port, None) is not None),
    }


_IGNORED = (
    "draw_debug_shape", "clear_debug_shape", "clear_debug_string", "update_lights_state", "update_day_night_cycle",
    "set_annotations_traverse_translucency", "stop_recorder", "stop_replayer", "set_replayer_time_factor",
    "set_replayer_ignore_hero", "set_replayer_ignore_spectator", "enable_gbuffers", "send",
)  # fmt: skip
_EMPTY = ("query_lights_state",)  # there are no street lights
_NO_TEXT = (
    "start_recorder", "show_recorder_file_info", "show_recorder_collisions", "show_recorder_actors_blocked",
    "replay_file",
)  # fmt: skip


def project_point(sim: Simulation, start: list[Any], direction: list[Any], distance: float) -> list[Any]:
    """`[hit, LabelledPoint]`: the first thing that way."""
    x, y, z = vector(start)
    dx, dy, dz = vector(direction)
    found = hits(sim.world, (x, y, z), (x + dx * distance, y + dy * distance, z + dz * distance))
    return [True, found[0].wire()] if found else [False, [[x, y, z], 0]]


def gbuffer_token(sim: Simulation, id: int, _buffer: int) -> bytes:
    """A token of the stream that never sends anything; raises `RefusedError` for what is no sensor."""
    actor = sim.world.actors.get(id)
    if actor is None:
        raise ActorGoneError("get_gbuffer_token", id)
    return sim.token(0)


def set_imu_gravity(sim: Simulation, gravity: float) -> None:
    """What an IMU at rest shows [m/s^2]."""
    sim.remembered.imu_gravity = number(gravity)


def traffic_manager(sim: Simulation, port: int) -> list[Any]:
    """`[host, port]` of a client's traffic manager; empty and zero when there is none."""
    host = sim.traffic_managers.get(port)
    return ["", 0] if host is None else [host, port]


def add_traffic_manager(sim: Simulation, where: list[Any]) -> bool:
    """Note one; False when the port is taken."""
    host, port = text(where[0]), PORT(where[1])
    if port in sim.traffic_managers:
        return False
    sim.traffic_managers[port] = host
    return True
