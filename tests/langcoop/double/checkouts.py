"""Folders that look like checkouts of LangCoop and its neighbours, and like a CARLA installation; routes and YAMLs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
CONTROL = "vlmdrive/controller/hypes_yaml/speed_curvature.yaml"
ASK = "You drive. <IMAGE_PLACEHOLDER>\n"
PROMPTS = {
    "scene_prompt_template": {"concise": ASK + "Describe the scene.", "default": ASK + "Describe everything."},
    "object_prompt_template": {"concise": ASK + "Name two road users.", "default": ASK + "Name all road users."},
    "intention_prompt_template": {"concise": ASK + "{target_description}\nWhat will you do?", "default": ASK + "Well?"},
    "target_prompt_template": {
        "default": "The target is {x_distance} m to your {x_direction} and {y_distance} m to your {y_direction}."
    },
    "sys_message": None,
    "comb_prompt": {
        "default": ASK
        + "Scene: {scene_description}\nObjects: {object_description}\nHistory: {ego_history_prompt}\n"
        + "Intent: {intent_description}\nOthers: {collab_agent_description}\n{target_description}\n"
        + 'Answer {{"predicted_speeds_curvatures": [[speed, curvature], ...]}} with five pairs.'
    },
}
USAGE = {
    "scene_prompt_template": "concise",
    "object_prompt_template": "concise",
    "intention_prompt_template": "concise",
    "target_prompt_template": "default",
    "comb_prompt": "default",
}


def langcoop(folder: Path) -> Path:
    """A LangCoop checkout with its own YAMLs and a route."""
    neighbour(folder)
    for name in ("vlmdrive", "common"):
        (folder / name).symlink_to(HERE / "langcoop" / name)
    (folder / "simulation/leaderboard/team_code").symlink_to(HERE / "langcoop/team_code")
    board = folder / "simulation/leaderboard"
    write_routes(board / "data/evaluation_routes/town05_short_r0.xml", STRAIGHT)
    scenarios = {"available_scenarios": [{"Town05": []}]}
    (board / "data/scenarios").mkdir()
    (board / "data/scenarios/town05_all_scenarios_2.json").write_text(json.dumps(scenarios), encoding="utf-8")
    return folder


def neighbour(folder: Path) -> Path:
    """A V2Xverse or CoLMDriver checkout: the same leaderboard, nothing of LangCoop's."""
    for inside, target in {"leaderboard/leaderboard": "leaderboard", "scenario_runner/srunner": "srunner"}.items():
        link = folder / "simulation" / inside
        link.parent.mkdir(parents=True)
        link.symlink_to(HERE / target)
    return folder


def carla_root(folder: Path) -> Path:
    """A CARLA installation: the plane for a simulator, `agents.navigation`, and `carla` where there is no wheel."""
    (folder / "PythonAPI/carla").mkdir(parents=True)
    (folder / "PythonAPI/plane").symlink_to(HERE / "plane")
    (folder / "PythonAPI/carla/agents").symlink_to(HERE / "agents")
    (folder / "PythonAPI/standin").symlink_to(HERE / "standin")
    return folder


def python_path(checkout: Path, carla: Path) -> list[str]:
    """What section 1.1 of the contract puts on PYTHONPATH."""
    simulation = checkout / "simulation"
    paths = [carla / "PythonAPI", carla / "PythonAPI/carla", simulation / "leaderboard"]
    paths += [simulation / "leaderboard/team_code", simulation / "scenario_runner", checkout]
    if find_spec("carla") is None:
        paths.append(carla / "PythonAPI/standin")
    return [str(path) for path in paths]


STRAIGHT = [[(0.0, 0.0), (80.0, 0.0)]]


def write_routes(path: Path, routes: Sequence[Sequence[tuple[float, float]]]) -> Path:
    """Routes of points [m], in the leaderboards' XML."""
    lines = ["<?xml version='1.0' encoding='UTF-8'?>", "<routes>"]
    for number, points in enumerate(routes):
        lines.append(f'  <route id="{number}" town="Town05">')
        lines += [f'    <waypoint x="{x}" y="{y}" z="0.0" pitch="0.0" yaw="0.0" roll="0.0"/>' for x, y in points]
        lines.append("  </route>")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, "</routes>\n"]), encoding="utf-8")
    return path


def write_config(
    folder: Path,
    planners: Sequence[dict[str, Any]],
    choice: Sequence[int],
    modalities: Sequence[str] = ("image", "intent"),
    **simulation: Any,
) -> Path:
    """An agent YAML. planners: the `model` of each planner YAML; choice: which one each ego has."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [_yaml(folder / f"planner{i}.yaml", {"model": model}) for i, model in enumerate(planners)]
    config = {
        "control": {"control_config": str(HERE / "langcoop" / CONTROL)},
        "RSU": {"change_rsu_frame": 5, "rsu_height": 7.5, "rsu_lane_side": "right", "rsu_distance": 12},
        "simulation": {"ego_num": len(choice), "skip_frames": 4, **simulation},
        "heter": {"avail_heter_planner_configs": files, "ego_planner_choice": list(choice)},
        "collab": {"sharing_modalities": list(modalities)},
        "perception": {"core_method": None, "detection_range": [36, 12, 12, 12]},
        "planning": {
            "core_method": "coopenemma",
            "planner_config": files[0],
            "prompt_usage": USAGE,
            "prompt_template": PROMPTS,
        },
    }
    return Path(_yaml(folder / "agent.yaml", config))


def _yaml(path: Path, content: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)
