"""`laco langcoop doctor`: each thing that is missing has a line with its remedy."""

import json
import os
import sys
from pathlib import Path

import pytest
import yaml

from laco.cli.main import main
from laco.langcoop import campaign, carla_root
from laco.langcoop.checkout import Checkout
from laco.langcoop.doctor import configs, environment, files, machine
from laco.langcoop.doctor.check import Check
from laco.langcoop.evaluators import EVALUATORS
from laco.langcoop.fleet import Mind, Seat, elsewhere
from laco.langcoop.interpreter import Interpreter

from .conftest import Place, command

LANGCOOP = EVALUATORS["langcoop"]


def interpreter(*version: int) -> Interpreter:
    return Interpreter("/opt/python", version)  # type: ignore[arg-type]


def only(checks: list[Check], name: str) -> Check:
    found = [check for check in checks if check.name == name]
    assert len(found) == 1, [check.name for check in checks]
    return found[0]


def test_the_probe_imports_for_real(tmp_path: Path) -> None:
    """In this very interpreter: what is there, what is not, what ends it, what does not come back."""
    (tmp_path / "fine.py").write_text("__version__ = '1.2'\nprint('noise')\n")
    (tmp_path / "deadly.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit('go away')\n")
    asked = Interpreter.at(None)
    assert asked.version == sys.version_info[:3]
    found = asked.ask(["fine", "absent", "deadly", "slow", "leaving", "yaml"], [tmp_path], limit=4.0)
    assert found["fine"]["version"] == "1.2"
    assert found["fine"]["file"] == str(tmp_path / "fine.py")
    assert found["absent"]["error"] == "ModuleNotFoundError: No module named 'absent'"
    assert found["deadly"]["error"] == "it ended the interpreter (status -9)"
    assert found["slow"]["error"] == "it did not come back within 4 s"
    assert found["leaving"]["error"] == "SystemExit: go away"
    assert found["yaml"]["version"] == yaml.__version__


def test_our_own_path_does_not_reach_another_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ours.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "error" in Interpreter.at(None).ask(["ours"], [])["ours"]


@pytest.mark.parametrize("version", ["3.7", "3.8"])
def test_the_probe_runs_in_old_interpreters(version: str) -> None:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    path = next(pyenv.glob(f"{version}.*/bin/python"), None)
    if path is None:
        pytest.skip(f"no Python {version} of pyenv here")
    asked = Interpreter.at(str(path))
    assert f"{asked.short[0]}.{asked.short[1]}" == version
    found = asked.ask(["json", "laco_langcoop"], [])
    assert found["json"]["version"] == "2.0.9"
    assert "error" in found["laco_langcoop"]


@pytest.mark.parametrize(
    ("version", "level"),
    [((2, 7), "missing"), ((3, 7), "warning"), ((3, 8), "ok"), ((3, 11), "warning"), ((3, 12), "missing")],
)
def test_versions_of_python(version: tuple[int, ...], level: str) -> None:
    assert environment.version(interpreter(*version, 1), LANGCOOP).level == level


def test_modules_and_their_remedies() -> None:
    answers = {name: {"module": name, "version": "1.0"} for name in environment.modules_of(LANGCOOP)}
    answers["torch"] |= {"version": "1.13.1+cu116", "cuda": False, "built": "11.6", "boards": []}
    answers["numpy"]["version"] = "1.26.4"
    answers["carla"]["version"] = "0.9.16"
    answers["laco_langcoop"] = {"module": "laco_langcoop", "error": "ModuleNotFoundError: No module"}
    answers["carla_birdeye_view"] = {"module": "carla_birdeye_view", "error": "ImportError: undefined symbol"}
    found = list(environment.modules(interpreter(3, 8, 18), answers, LANGCOOP))
    assert only(found, "import torch").level == "ok"
    assert only(found, "import numpy") == Check("import numpy", "warning", "1.26.4", "LangCoop's README pins 1.24.4")
    assert only(found, "import carla").level == "warning"
    assert only(found, "import laco_langcoop").remedy == campaign.installing("/opt/python")
    assert "carla-birdeye-view==1.1.1" in only(found, "import carla_birdeye_view").remedy
    assert only(found, "cuda").level == "missing"
    neighbour = list(environment.modules(interpreter(3, 7, 16), answers, EVALUATORS["v2xverse"]))
    assert only(neighbour, "cuda").level == "warning"
    assert not any(check.name == "import opencood" for check in neighbour)


def test_the_egg_is_for_one_python(place: Place) -> None:
    eggs = carla_root.eggs(place.carla)
    assert environment.egg(interpreter(3, 7, 16), eggs, {}).level == "ok"
    broken = {"carla": {"error": "ImportError: dynamic module does not define init function"}}
    assert environment.egg(interpreter(3, 8, 18), eggs, broken).level == "missing"
    own = {"carla": {"file": "/site-packages/carla/__init__.py"}}
    assert environment.egg(interpreter(3, 8, 18), eggs, own).level == "ok"


def test_files_that_a_clone_may_lack(place: Place) -> None:
    checkout = Checkout.at(place.langcoop)
    assert {check.level for check in files.files(checkout)} == {"ok"}
    large = place.langcoop / LANGCOOP.scenarios
    large.write_text("version https://git-lfs.github.com/spec/v1\n")
    assert files.scenarios(checkout).remedy == "git lfs pull"
    large.unlink()
    (place.langcoop / "simulation/leaderboard/team_code/vlm_agent.py").unlink()
    gone = [check.name for check in files.files(checkout) if check.level == "missing"]
    assert gone == ["simulation/leaderboard/team_code/vlm_agent.py", LANGCOOP.scenarios]


SOUND = {
    "control": {"control_config": "vlmdrive/controller/hypes_yaml/speed_curvature.yaml"},
    "simulation": {"ego_num": 2, "skip_frames": 4},
    "heter": {"avail_heter_planner_configs": ["planner.yaml"], "ego_planner_choice": [0, 0]},
    "collab": {"sharing_modalities": ["image", "intent"]},
    "perception": {"core_method": None},
    "planning": {"core_method": "coopenemma"},
}
FLAWS = [
    ("control", {"control_config": "vlmdrive/controller/hypes_yaml/waypoints.yaml"}, "VLMControllerWaypoint is broken"),
    ("control", {"control_config": "nowhere.yaml"}, "nowhere.yaml: not there"),
    ("heter", {"avail_heter_planner_configs": ["planner.yaml"], "ego_planner_choice": [0]}, "1 choices for 2 egos"),
    ("heter", {"avail_heter_planner_configs": ["planner.yaml"], "ego_planner_choice": [0, 1]}, "[0, 1] of 1 planners"),
    ("heter", {}, "not there"),
    ("collab", {"sharing_modalities": ["intent"]}, "lacks image"),
    ("simulation", {"ego_num": 2, "skip_frames": 4, "comm_latency": 6}, "6"),
    ("simulation", {"ego_num": 2, "skip_frames": 8}, "8"),
    ("perception", {"core_method": "late", "perception_model_dir": "ckpt/late"}, "ckpt/late: not there"),
    ("planning", {"core_method": "guess"}, "guess"),
]


@pytest.mark.parametrize(("key", "value", "said"), FLAWS, ids=[said for *_, said in FLAWS])
def test_flaws_of_an_agent_yaml(key: str, value: dict, said: str, place: Place, tmp_path: Path) -> None:
    checkout = Checkout.at(place.langcoop)
    (place.langcoop / "planner.yaml").write_text("model: {type: LacoPlanner, channel: latent}")
    path = tmp_path / "agent.yaml"
    path.write_text(yaml.safe_dump(SOUND))
    assert {check.level for check in configs.config(checkout, path)} == {"ok"}
    path.write_text(yaml.safe_dump({**SOUND, key: value}))
    bad = [check for check in configs.config(checkout, path) if check.level != "ok"]
    assert len(bad) == 1, bad
    assert said in bad[0].found
    assert bad[0].remedy


def test_memory_of_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def levels(ram: int, board: int) -> list[str]:
        monkeypatch.setattr(machine, "available", lambda: ram * 2**30)
        monkeypatch.setattr(machine, "boards", lambda: [board * 2**30, 2**30])
        return [
            check.level for check in machine.memory([Seat("a", Mind("vlm", "Qwen/Qwen2.5-VL-7B-Instruct"), ("ego0",))])
        ]

    assert levels(64, 24) == ["ok", "ok"]
    assert levels(16, 24) == ["missing", "ok"]
    assert levels(64, 12) == ["ok", "missing"]
    (tmp_path / "model.safetensors").write_bytes(b"x" * 1000)
    assert machine.weights_of(str(tmp_path)) == 1000
    unknown = list(machine.memory([Seat("a", Mind("vlm", "nobody/knows"), ("ego0",))]))
    assert [check.level for check in unknown] == ["warning"]


def test_agent_servers_that_are_not_there(place: Place) -> None:
    found = list(machine.servers(elsewhere([f"127.0.0.1:{place.free}"], 2), 0.3))
    assert [check.level for check in found] == ["missing"]


def test_the_command(place: Place, tmp_path: Path) -> None:
    agent = tmp_path / "agent.yaml"
    agent.write_text("just text")
    done = command("doctor", *place.options, "--config", str(agent))
    assert done.returncode == 1
    found = done.stdout.splitlines()
    assert "ok      import laco_langcoop: 0.1.0" in found
    assert any(
        line.startswith("MISSING import opencood: ModuleNotFoundError: No mod") and " -> " in line for line in found
    )
    assert f"MISSING agent.yaml: {agent} is no agent or planner YAML" in done.stdout
    assert found[-1].endswith(f"{len(found) - 1} looked at")


def test_the_command_for_machines(place: Place, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "modules_of", lambda _: ("yaml", "torch_of_nobody"))
    monkeypatch.setattr(sys, "argv", ["laco", "langcoop", "doctor", *place.options, "--json"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    found = {check["name"]: check["level"] for check in json.loads(capsys.readouterr().out)}
    assert (found["import yaml"], found["import torch_of_nobody"], found["carla server"]) == ("ok", "missing", "ok")
