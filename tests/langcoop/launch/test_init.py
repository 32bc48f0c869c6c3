"""`laco langcoop init`: YAMLs that are read back, and commands that work."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from laco.langcoop import yamls
from laco.langcoop.campaign import installing
from laco.langcoop.checkout import Checkout

from .conftest import Place, command

BASE = {
    "control": {"control_config": "vlmdrive/controller/hypes_yaml/waypoints.yaml", "target_point_distance": 10},
    "simulation": {"ego_num": 4, "skip_frames": 4, "comm_latency": 8},
    "collab": {"sharing_modalities": ["intent"]},
    "perception": {"core_method": None, "detection_range": [36, 12, 12, 12]},
    "planning": {"core_method": "coopenemma", "prompt_template": {"comb_prompt": {"default": "{scene_description}"}}},
}


def init(place: Place, *more: str):
    done = command("init", *place.options[:-2], "--driver", "llm", "--model", "owner/name", *more)
    assert done.returncode == 0, done.stderr
    return done


def test_what_is_written_is_what_langcoop_reads(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "yamls"
    options = ("--egos", "3", "--vehicle", "ego2=llm:other/model", "--channel", "language", "--charge", "measured")
    found = json.loads(init(place, "--out", str(out), *options, "--json").stdout)
    config = yaml.safe_load(Path(found["agent"]).read_text())
    assert config["simulation"] == {"skip_frames": 4, "ego_num": 3}
    assert config["collab"]["sharing_modalities"] == ["image", "intent"]
    assert config["heter"]["avail_heter_planner_configs"] == [str(out / "planner_0.yaml"), str(out / "planner_1.yaml")]
    assert config["heter"]["ego_planner_choice"] == [0, 0, 1]
    assert Path(config["control"]["control_config"]).is_file()
    assert config["perception"]["core_method"] is None
    assert config["planning"]["core_method"] == "coopenemma"
    assert "prompt_template" not in config["planning"]  # so that servers use LACO's own
    planner = yaml.safe_load((out / "planner_1.yaml").read_text())["model"]
    ends = {"ego0": "tcp://127.0.0.1:7400", "ego1": "tcp://127.0.0.1:7400", "ego2": "tcp://127.0.0.1:7401"}
    assert planner == {
        "type": "LacoPlanner", "name": "laco", "channel": "language", "endpoints": ends, "deadline": 10.0, "wait": 5.0,
        "radio": "ideal", "seed": 0, "limit": 8.0, "charge": "measured", "objects": None, "run": None, "log": None,
    }  # fmt: skip


def test_the_commands_work(place: Place, tmp_path: Path) -> None:
    """The servers are not called by the stand-in, so that the evaluator's lines can be run as they are."""
    out = tmp_path / "yamls"
    lines = init(place, "--out", str(out), "--routes", "0").stdout.splitlines()
    begin = lines.index("# the servers, each in a shell of its own")
    said = "laco agent --wire langcoop --vehicles ego0,ego1 --driver llm --model owner/name --bind 127.0.0.1:7400"
    assert lines[begin + 1] == said
    script = "\n".join(["set -e", *lines[lines.index("# the evaluator") + 1 :]])
    planner = out / "planner.yaml"
    planner.write_text(planner.read_text().replace("log: null", f"log: {tmp_path / 'log.jsonl'}"))
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (out / "run/ego_vehicle_1/results.json").is_file()


def test_a_relative_carla_root_is_as_for_run(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command is called; only the default lies in the checkout."""
    monkeypatch.chdir(tmp_path)
    options = place.options
    options[options.index(str(place.carla))] = str(place.carla.relative_to(tmp_path))
    told = ("--driver", "llm", "--model", "owner/name", "--routes", "0", "--out", str(tmp_path / "yamls"))
    done = command("init", *options[:-2], *told)
    assert f"export CARLA_ROOT={place.carla}" in done.stdout.splitlines(), done.stdout
    link = place.langcoop / "external_paths/carla_root"
    link.parent.mkdir()
    link.symlink_to(place.carla)
    where = options.index("--carla-root")
    done = command("init", *options[:where], *options[where + 2 : -2], *told)
    assert f"export CARLA_ROOT={link.resolve()}" in done.stdout.splitlines(), done.stdout


def test_a_base_keeps_its_prompts_and_loses_what_is_broken(place: Place) -> None:
    checkout = Checkout.at(place.langcoop)
    found = yamls.agent(checkout, 2, [Path("/a/planner.yaml")], [0, 0], BASE)
    assert found["planning"]["prompt_template"] == BASE["planning"]["prompt_template"]
    assert found["control"]["control_config"].endswith("speed_curvature.yaml")
    assert found["control"]["target_point_distance"] == 10
    assert found["simulation"] == {"ego_num": 2, "skip_frames": 4, "comm_latency": 8}
    assert found["collab"]["sharing_modalities"] == ["image", "intent"]
    assert BASE["simulation"]["ego_num"] == 4  # the given one is left as it was


def test_without_the_client_yamls_are_written_all_the_same(place: Place, tmp_path: Path) -> None:
    options = [*place.options[:-2], "--driver", "llm", "--model", "owner/name"]
    options[options.index(str(place.client))] = str(tmp_path)
    done = command("init", *options, "--out", str(tmp_path / "yamls"))
    assert done.returncode == 0
    assert (tmp_path / "yamls/agent.yaml").is_file()
    assert done.stdout.splitlines()[-1].startswith("# not yet: ")
    assert done.stdout.strip().endswith(installing(sys.executable))


def test_a_dry_run_starts_nothing(place: Place, tmp_path: Path) -> None:
    options = ("--driver", "llm", "--model", "owner/name", "--routes", "_partial", "--channel", "silent,visual")
    done = command("run", *place.options, *options, "--out", str(tmp_path / "out"), "--dry-run", SERVER="fail")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("leaderboard_evaluator_parameter.py") == 2
    assert done.stdout.startswith("laco agent --wire langcoop --vehicles ego0,ego1 --driver llm --model owner/name")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["langcoop", "v2xverse"])
def test_a_checkout_is_known_by_what_it_holds(name: str, place: Place) -> None:
    if name == "v2xverse":
        (place.langcoop / "vlmdrive").rename(place.langcoop / "gone")
    assert Checkout.at(place.langcoop).evaluator.name == name
