"""The protocol's methods, as its description lists them (`methods.json`), against those the server answers."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest

from laco.scenarios.maps import read_map
from laco.scenarios.server.methods import table
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.rpc import Dialogue
from laco.scenarios.server.simulation import Simulation

GROUPS: dict[str, dict[str, list[Any]]] = json.loads(Path(__file__).with_name("methods.json").read_text())
SHEET = {name: arguments for group in GROUPS.values() for name, arguments in group.items()}
XODR = read_map("crossing")
# What the sheet's own arguments are refused for, as by CARLA: no road in the document, no such object.
REFUSED = {
    "copy_opendrive_to_file": "opendrive could not be correctly parsed",
    "apply_color_texture_to_objects": "unable to find Actor to apply the texture",
    "apply_float_color_texture_to_objects": "unable to find Actor to apply the texture",
}
# Methods without a result; every other has one.
VOID = (
    "set_actor_", "enable_actor_", "disable_actor_", "add_actor_", "apply_", "set_", "show_vehicle", "open_",
    "close_", "enable_", "use_", "restore_", "blend_", "get_pose_from", "freeze_", "reset_", "draw_", "clear_",
    "load_", "unload_", "update_", "stop_", "disable_", "send", "copy_",
)  # fmt: skip
VALUE = ("apply_batch", "set_episode_settings")

Ask = Callable[..., Any]


@pytest.fixture
def ask() -> Ask:
    """Calls a method on a synchronous world with a car and a walker: `ask(method, *arguments)` is `[error, result]`;
    the names of the actors stand for their ids."""
    simulation = Simulation({"crossing": XODR}, "crossing")
    simulation.configure([True, *simulation.settings[1:]])
    ids = {
        "car": simulation.world.spawn("vehicle.tesla.model3", Pose(y=40.0)).id,
        "walker": simulation.world.spawn("walker.pedestrian.0001", Pose(y=60.0)).id,
        "light": simulation.world.spawn("static.prop.bin", Pose(y=80.0)).id,
    }
    simulation.tick()
    dialogue = Dialogue(table(), simulation)

    def named(value: Any) -> Any:
        if isinstance(value, list):
            return [named(part) for part in value]
        return ids.get(value, value) if isinstance(value, str) else value

    def call(method: str, *arguments: Any) -> Any:
        request = msgpack.packb([0, 5, method, [[False], *named(list(arguments))]], use_bin_type=True)
        (answer,) = (answer for answer in dialogue.receive(request) if answer)
        kind, number, error, result = msgpack.unpackb(answer)
        assert (kind, number) == (1, 5)
        return [error, result]

    return call


def test_the_server_answers_the_sheets_methods_and_no_others() -> None:
    assert sorted(table()) == sorted(SHEET)


@pytest.mark.parametrize("method", sorted(SHEET))
def test_each_is_answered_in_its_own_wrapping(ask: Ask, method: str) -> None:
    error, result = ask(method, *SHEET[method])
    assert error is None
    if method in REFUSED:
        assert result[0][1][0].startswith(REFUSED[method])
    elif method == "apply_batch":
        assert [entry[0][0] for entry in result] == [1]
    elif method.startswith(VOID) and method not in VALUE:
        assert result == [[False]]
    else:
        assert result[0][0] == 1
        assert len(result[0]) == 2


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("version", str),
        ("get_map_data", str),
        ("request_file", bytes),
        ("get_navigation_mesh", bytes),
        ("get_gbuffer_token", bytes),
        ("set_episode_settings", int),
        ("tick_cue", int),
        ("destroy_actor", bool),
        ("is_traffic_manager_running", bool),
        ("are_gbuffers_enabled", bool),
        ("get_imui_gravity", float),
        ("get_wheel_steer_angle", float),
        ("get_wheel_pitch_angle", float),
        ("start_recorder", str),
        ("show_recorder_file_info", str),
        ("get_vehicle_light_states", list),
        ("get_bones_transform", list),
    ],
)
def test_values_have_the_clients_types(ask: Ask, method: str, kind: type) -> None:
    """The client takes no other: a wrong one is a `std::bad_cast` there."""
    assert type(ask(method, *SHEET[method])[1][0][1]) is kind


def test_tokens_are_24_bytes(ask: Ask) -> None:
    episode, (token,) = ask("get_episode_info")[1][0][1]
    assert (episode, len(token), type(token)) == (1, 24, bytes)
    assert len(ask("get_sensor_token", 1)[1][0][1][0]) == 24
    assert len(ask("get_gbuffer_token", "car", 3)[1][0][1]) == 24


GONE = 424242
UNKNOWN_ACTOR = (
    "Responding error from function {}: Actor could not be found in the registry.  Actor Id: 424242"
)


@pytest.mark.parametrize(
    "method",
    [
        "set_actor_simulate_physics", "set_actor_collisions", "get_telemetry_data", "get_bones_transform",
        "get_wheel_steer_angle", "get_ackermann_controller_settings", "get_actor_component_names",
        "get_actor_component_world_transform", "get_actor_bone_names", "get_gbuffer_token", "set_ignored_vehicles",
    ],
)  # fmt: skip
def test_what_is_gone_is_refused_in_carlas_words(ask: Ask, method: str) -> None:
    error, ((_, (text,)),) = ask(method, GONE, *SHEET[method][1:])
    assert (error, text) == (None, UNKNOWN_ACTOR.format(method))


def test_what_is_no_vehicle_is_refused_in_carlas_words(ask: Ask) -> None:
    text = ask("get_telemetry_data", "walker")[1][0][1][0]
    assert text.startswith(
        "Responding error from function get_telemetry_data: Actor is not a Vehicle.  Actor Id:"
    )


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("get_actor_bounding_box", [[0.0] * 3, [0.0] * 3, [0.0] * 3, 0]),
        ("get_vehicle_light_state", [0]),
        ("get_ignored_vehicles", []),
    ],
)
def test_what_the_traffic_manager_asks_about_the_dead_is_answered(ask: Ask, method: str, answer: Any) -> None:
    assert ask(method, GONE) == [None, [[1, answer]]]
    assert ask("get_physics_control", GONE)[1][0][0] == 1


def test_the_traffic_managers_are_noted(ask: Ask) -> None:
    """As on CARLA: an empty host and port 0 say that there is none."""
    assert ask("get_traffic_manager_running", 8000) == [None, [[1, ["", 0]]]]
    assert ask("add_traffic_manager_running", ["127.0.0.1", 8000]) == [None, [[1, True]]]
    assert ask("add_traffic_manager_running", ["127.0.0.1", 8000]) == [None, [[1, False]]]
    assert ask("get_traffic_manager_running", 8000) == [None, [[1, ["127.0.0.1", 8000]]]]
    assert ask("destroy_traffic_manager", 8000) == [None, [[1, True]]]
    assert ask("is_traffic_manager_running", 8000) == [None, [[1, False]]]


def test_a_push_beside_the_middle_turns_the_car(ask: Ask) -> None:
    """J = 1,000 N s to the right, r = 2 m ahead of the middle, on m (L^2 + W^2) / 12: r J / I = 28.3 deg/s. The wheel
    cannot send this; C++ programs can."""
    (x, y, z), _ = ask("get_actor_component_world_transform", "car", "root")[1][0][1]
    inertia = 1845.0 * (4.79**2 + 1.85**2) / 12
    ask("add_actor_impulse_at_location", "car", [0.0, 1000.0, 0.0], [x + 2.0, y, z])
    ask("tick_cue")
    _, (_, yaw, _) = ask("get_actor_component_world_transform", "car", "root")[1][0][1]
    assert yaw == pytest.approx(math.degrees(2.0 * 1000.0 / inertia) * 0.05, rel=0.02)


def test_wheels_of_a_frozen_car_can_be_turned(ask: Ask) -> None:
    """Physics turns those of the others: the wish is then ignored, as on CARLA."""
    ask("set_wheel_steer_direction", "car", 1, 30.0)
    assert ask("get_wheel_steer_angle", "car", 1)[1] == [[1, 0.0]]
    ask("set_actor_simulate_physics", "car", False)
    ask("set_wheel_steer_direction", "car", 1, 30.0)
    ask("set_wheel_pitch_angle", "car", 2, 45.0)
    assert ask("get_wheel_steer_angle", "car", 1)[1] == [[1, 30.0]]
    assert ask("get_wheel_steer_angle", "car", 0)[1] == [[1, 0.0]]
    assert ask("get_wheel_pitch_angle", "car", 2)[1] == [[1, 45.0]]


def test_what_is_kept_for_clients_is_answered_and_ends_with_the_episode(ask: Ask) -> None:
    ask("set_imui_gravity", 1.62)
    ask("enable_sensor_for_ros", 7)
    ask("set_ignored_vehicles", "car", [3, 4])
    assert ask("get_imui_gravity")[1] == [[1, 1.62]]
    assert ask("is_sensor_enabled_for_ros", 7)[1] == [[1, True]]
    assert ask("get_ignored_vehicles", "car")[1] == [[1, [3, 4]]]
    ask("load_new_episode", "", False, 65535)
    assert ask("get_imui_gravity")[1] == [[1, 9.81]]
    assert ask("is_sensor_enabled_for_ros", 7)[1] == [[1, False]]


def test_wrong_types_of_one_client_reach_no_other(ask: Ask) -> None:
    """What is kept and told to all is checked first."""
    before = [ask(question)[1] for question in ("get_episode_settings", "get_weather_parameters")]
    assert ask("set_episode_settings", ["yes"] * 11)[0] is not None
    assert ask("set_weather_parameters", ["hot"] * 14)[0] is not None
    assert ask("apply_physics_control", "car", [1])[0] is not None
    assert ask("set_vehicle_light_state", "car", [1 << 40])[0] is not None
    assert ask("add_traffic_manager_running", [1, "x"])[0] is not None
    assert (
        ask("spawn_actor", [0, "vehicle.audi.tt", [["role_name", 4, 7]]], [[0.0] * 3, [0.0] * 3])[0]
        is not None
    )
    after = [ask(question)[1] for question in ("get_episode_settings", "get_weather_parameters")]
    assert after == before
    assert len(ask("get_physics_control", "car")[1][0][1]) == 17
