"""The client needs nothing of the double or of the main package, and of evaluators what the contract says they have."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "agents/langcoop/laco_langcoop"
FILES = sorted(CLIENT.rglob("*.py"))
OWN = {"laco_langcoop", "numpy", "zmq", "msgpack", "yaml"}
# What a module of an evaluator is known to have, and what of `carla` all versions since 0.9.10 have.
UPSTREAM = {
    "vlmdrive": {"VLMDRIVE_REGISTRY"},
    "team_code.vlm_agent": {"VLM_Agent"},
    "leaderboard.autoagents": {"autonomous_agent"},
    "srunner.autoagents": {"autonomous_agent"},
    "srunner.scenariomanager.carla_data_provider": {"CarlaDataProvider"},
    "carla": {"VehicleControl", "Location", "Rotation", "Transform", "Vector3D"},
}
MEMBERS = {
    "CarlaDataProvider": {"get_hero_actor", "get_world"},
    "autonomous_agent": {"AutonomousAgent", "Track"},
    "carla": UPSTREAM["carla"],
}
# Of VLM_Agent and VLM_Infer.
ATTRIBUTES = {"ego_vehicles_num", "config", "infer", "step", "heter_planning_models"}
INFER = {"get_action_from_list_inter", "prev_control", "perception_memory_bank"}


def imports(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Modules, and what is taken from them by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, set()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", {alias.name for alias in node.names}


def test_there_is_something_to_look_at() -> None:
    assert {path.name for path in FILES} >= {"planner.py", "laco_langcoop_agent.py", "laco_v2xverse_agent.py"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CLIENT).as_posix())
def test_it_uses_what_upstream_has(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for module, names in imports(tree):
        top = module.split(".")[0]
        if top in OWN or top in sys.stdlib_module_names:
            continue
        assert "entry" in path.parts or module == "vlmdrive", f"{path.name} imports {module}"
        assert module in UPSTREAM, f"{path.name} imports {module}"
        assert names <= UPSTREAM[module]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in MEMBERS:
            assert node.attr in MEMBERS[node.value.id], f"{node.value.id}.{node.attr}"


def test_the_team_agent_reads_what_langcoops_has() -> None:
    tree = ast.parse((CLIENT / "entry/langcoop/laco_langcoop_agent.py").read_text(encoding="utf-8"))
    (agent,) = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    own = {node.name for node in agent.body if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(agent):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            assert node.attr in ATTRIBUTES | own or node.attr.startswith("_"), node.attr
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "infer":
            assert node.attr in INFER
