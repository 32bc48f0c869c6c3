"""CoLMDriver's evaluator: folders with a file per vehicle, fleets of different sizes, InterDrive's score."""

import json
from pathlib import Path

import pytest
import yaml

from laco.langcoop import records
from laco.langcoop.checkout import Checkout
from laco.scenarios.routes.scores import SUCCESS

from .conftest import HERE, Place, command, route_file


@pytest.fixture
def colmdriver(place: Place) -> Place:
    """As it differs from LangCoop's: --routes_dir, no game timeout, other scenario files."""
    board = place.langcoop / "simulation/leaderboard"
    (place.langcoop / "vlmdrive").rename(place.langcoop / "codriving")
    text = (HERE / "stand_in.py").read_text().replace("--routes --", "--routes_dir --").replace("--game_timeout", "")
    text = text.replace("ElementTree.parse(told.routes)", 'ElementTree.parse(told.routes_dir + "/x_0.xml")')
    (board / "leaderboard/leaderboard_evaluator_parameter.py").write_text(text)
    (board / "data/scenarios/no_scenarios.json").write_text("{}")
    for name, vehicles in (("r1_town05_ins_c", 2), ("r2_town05_ins_ss", 3)):
        for idx in range(vehicles):
            route_file(board / f"data/Interdrive/{name}/x_{idx}.xml", "1")
    return place


def test_folders_of_different_fleets(colmdriver: Place, tmp_path: Path) -> None:
    names = "r1_town05_ins_c,r2_town05_ins_ss"
    options = ("--driver", "llm", "--model", "owner/name", "--routes-dir", names, "--out", str(tmp_path / "out"))
    done = command("run", *colmdriver.options, *options)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out/results.json").read_bytes())
    channel = found["channels"]["latent"]
    assert found["evaluator"] == "CoLMDriver"
    assert [ego["routes"] for ego in channel["egos"]] == ["2/2", "2/2", "1/1"]
    assert channel["routes"] == "2/2"
    joint = channel["interdrive"]
    assert joint["kinds"]["ins_c"]["driving"] == pytest.approx(60.0)  # the first one's red light does not count
    assert joint["kinds"]["ins_ss"]["driving"] == pytest.approx(36.0)
    assert joint["groups"]["IC"]["routes"] == joint["groups"]["LM"]["routes"] == 1
    assert joint["all"]["success"] == 0.0
    start = json.loads((tmp_path / "out/latent/r2_town05_ins_ss/start.json").read_bytes())
    told = dict(option.removeprefix("--").split("=", 1) for option in start["command"][2:])
    assert told["ego-num"] == "3"
    assert not {"game_timeout", "routes"} & told.keys()
    assert told["agent"].endswith("entry/colmdriver/laco_v2xverse_agent.py")
    assert told["scenarios"].endswith("no_scenarios.json")
    config = yaml.safe_load(Path(told["agent-config"]).read_text())  # the neighbours' agent takes the planner in it
    assert config["simulation"] == {"skip_frames": 4}
    assert config["model"]["type"] == "LacoPlanner"
    assert list(config["model"]["endpoints"]) == ["ego0", "ego1", "ego2"]


def test_more_egos_than_files(colmdriver: Place, tmp_path: Path) -> None:
    options = ("--driver", "llm", "--model", "owner/name", "--routes-dir", "r1_town05_ins_c", "--egos", "3")
    done = command("run", *colmdriver.options, *options, "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert done.stderr.endswith("r1_town05_ins_c has files for 2 vehicles, not for 3\n")


def test_success_is_a_clean_route_of_all() -> None:
    clean = {"scores": {"score_route": 100.0, "score_penalty": 1.0}, "meta": {"duration_game": 5.0}, "infractions": {}}
    signed = {**clean, "scores": {"score_route": 100.0, "score_penalty": 0.8 * 0.7 * 0.7}}
    signed["infractions"] = {"stop_infraction": ["ran one"], "red_light": ["ran one", "and another"]}
    assert records.together([signed, clean]).driving > SUCCESS
    assert records.together([clean, signed]).driving == pytest.approx(39.2)


def test_ids_are_looked_up_in_the_benchmark(colmdriver: Place) -> None:
    checkout = Checkout.at(colmdriver.langcoop)
    assert checkout.evaluator.name == "colmdriver"
    whole = checkout.routes([str(colmdriver.langcoop / "simulation/leaderboard/data/Interdrive")])
    assert [(routes.name, routes.vehicles) for routes in whole] == [("r1_town05_ins_c", 2), ("r2_town05_ins_ss", 3)]
