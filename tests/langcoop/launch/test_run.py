"""`laco langcoop run` from its options to its table, on a checkout whose evaluator is ours."""

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from .conftest import Place, command, made

pytestmark = pytest.mark.timeout(120)
LLM = ("--driver", "llm", "--model", "owner/name")


def run(place: Place, out: Path, *more: str, **variables: str):
    return command("run", *place.options, *LLM, "--out", str(out), *more, **variables)


def results(out: Path) -> dict:
    return json.loads((out / "results.json").read_bytes())


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Path, str]]:
    """Two channels on two routes: the place, the output folder and what was printed."""
    folder = tmp_path_factory.mktemp("driven")
    with made(folder) as place:
        done = run(place, folder / "out", "--routes", "_partial", "--channel", "silent,latent", "--charge", "120")
        assert done.returncode == 0, done.stderr
        yield place, folder / "out", done.stdout


def test_two_channels_make_one_table(driven: tuple[Place, Path, str]) -> None:
    out = driven[1]
    found = results(out)
    assert list(found["channels"]) == ["silent", "latent"]
    latent = found["channels"]["latent"]
    assert latent["outcome"] == "finished"
    assert latent["routes"] == "2/2"
    # by hand: each of two egos, on two routes: 70 and 60
    assert latent["scores"]["all"]["driving"] == pytest.approx(65.0)
    assert [ego["scores"]["driving"] for ego in latent["egos"]] == pytest.approx([70.0, 60.0])
    assert latent["infractions"] == {"collisions_vehicle": 2, "red_light": 2}
    # InterDrive's: P is 0.7 x 0.6 with the first ego's red light forgiven
    assert latent["interdrive"]["all"]["driving"] == pytest.approx(60.0)
    figures = latent["messages"]["all"]
    assert figures["decisions"] == 16
    assert figures["failed_plans"] == 4
    assert figures["messages"]["count"] == 16
    assert figures["messages"]["air_per_message"] == 1000.0
    assert figures["messages"]["air_per_s"] == 16 * 1000.0 / 20.0  # two routes of 10 s
    assert figures["messages"]["socket"] == 16 * 1100
    assert figures["heard"]["used"] == 0.5
    assert latent["messages"]["egos"]["1"]["round_trip_ms"]["p50"] == pytest.approx(200.0)
    assert figures["round_trip_ms"]["count"] == 12
    silent = found["channels"]["silent"]["messages"]["all"]
    assert silent["messages"]["count"] == 0
    assert silent["messages"]["air_per_message"] is None
    assert silent["beacons"]["air"] == 16 * 90


def test_files_and_shown_table_say_the_same(driven: tuple[Place, Path, str]) -> None:
    _, out, shown = driven
    table = (out / "results.md").read_text()
    assert shown.startswith("| channel | ego | outcome | routes | DS |")
    assert all(line in table for line in shown.splitlines() if line.startswith("|"))
    assert "| latent | mean | finished | 2/2 | 65.00 | 100.00 | 0.650 | 0/2/0 | 1000 | 800 |" in table
    with (out / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["ego"] for row in rows] == ["mean", "0", "1"] * 2
    assert float(rows[3]["DS"]) == pytest.approx(65.0)
    assert not list(out.rglob("*.part"))


def test_results_are_not_mixed_with_older_ones(driven: tuple[Place, Path, str]) -> None:
    place, out, _ = driven
    again = run(place, out, "--routes", "_partial")
    assert again.returncode == 2
    assert again.stderr == f"laco: {out}/latent/town05_short_r_partial holds a run already: choose another --out\n"


def test_the_evaluator_is_told_what_its_own_scripts_tell_it(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(place, out, "--routes", "0", "--egos", "3", "--vehicle", "ego1=llm:other/model", "--radio", "dsrc_6m")
    assert done.returncode == 0, done.stderr
    folder = out / "latent/town05_short_r0"
    note = json.loads((folder / "start.json").read_bytes())
    board = place.langcoop / "simulation/leaderboard"
    carla = place.carla / "PythonAPI"
    egg = carla / "carla/dist/carla-0.9.10-py3.7-linux-x86_64.egg"
    folders = [carla, carla / "carla", egg, board, board / "team_code", place.langcoop / "simulation/scenario_runner"]
    assert note["PYTHONPATH"] == [str(path) for path in (place.client, *folders, place.langcoop)]
    assert note["cwd"] == str(place.langcoop)
    told = dict(option.removeprefix("--").split("=", 1) for option in note["command"][2:])
    assert told["trafficManagerSeed"] == told["carlaProviderSeed"] == "2000"
    assert (told["port"], told["trafficManagerPort"]) == (str(place.port), str(place.free))
    assert (told["ego-num"], told["game_timeout"], told["resume"], told["skip_existed"]) == ("3", "300", "0", "0")
    assert told["agent"] == str(place.client / "laco_langcoop/entry/langcoop/laco_langcoop_agent.py")
    sets = dict(text.split("=", 1) for text in note["environment"])
    assert sets["ROUTES"] == told["routes"]
    assert sets["SAVE_PATH"].startswith(str(out))
    assert sets["CHECKPOINT_ENDPOINT"] == told["checkpoint"]
    config = yaml.safe_load((folder / "agent.yaml").read_text())
    assert config["heter"]["ego_planner_choice"] == [0, 1, 0]
    paths = config["heter"]["avail_heter_planner_configs"]
    planners = [yaml.safe_load(Path(path).read_text())["model"] for path in paths]
    assert [planner["radio"] for planner in planners] == ["dsrc_6m"] * 2
    assert list(planners[0]["endpoints"]) == ["ego0", "ego1", "ego2"]
    assert planners[0]["endpoints"]["ego0"] == planners[0]["endpoints"]["ego2"] != planners[0]["endpoints"]["ego1"]
    assert [server["model"] for server in note["servers"]] == ["owner/name", "other/model"]
    assert note["sha256"][told["routes"]] == hashlib.sha256(Path(told["routes"]).read_bytes()).hexdigest()


def test_a_crash_is_a_result_with_its_last_words(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(place, out, "--routes", "_partial", "--channel", "silent,latent", STAND_IN="crash")
    assert done.returncode == 1
    found = results(out)["channels"]["latent"]
    assert (found["outcome"], found["routes"]) == ("crashed", "1/2")
    assert found["scores"]["all"]["driving"] == pytest.approx(65.0)  # of what was driven
    assert "Spawn failed because of collision" in found["runs"][0]["detail"]
    assert "RuntimeError" in found["runs"][0]["tail"][-1]
    errors = [line for line in done.stderr.splitlines() if line.startswith("laco: ")]
    assert len(errors) == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("how", "outcome", "why"),
    [("silent", "incomplete", "time-out of 600000ms"), ("agent", "crashed", "'Failed - Agent crashed'")],
)
def test_status_zero_is_not_believed(place: Place, tmp_path: Path, how: str, outcome: str, why: str) -> None:
    done = run(place, tmp_path / "out", "--routes", "_partial", STAND_IN=how)
    assert done.returncode == 1
    found = results(tmp_path / "out")["channels"]["latent"]
    assert found["outcome"] == outcome
    assert why in found["runs"][0]["detail"]


def test_a_silent_evaluator_is_ended(place: Place, tmp_path: Path) -> None:
    done = run(place, tmp_path / "out", "--routes", "0", "--stall", "1", STAND_IN="hang")
    assert done.returncode == 1
    found = results(tmp_path / "out")["channels"]["latent"]
    assert found["outcome"] == "stalled"
    assert found["runs"][0]["tail"][-1] == "hanging now"
    assert found["scores"]["all"] is None
    assert "| latent | mean | stalled | 0/1 | - | - | - |" in (tmp_path / "out/results.md").read_text()


def test_repetitions_and_json(place: Place, tmp_path: Path) -> None:
    done = run(place, tmp_path / "out", "--routes", "_partial", "--repetitions", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found == results(tmp_path / "out")
    assert found["channels"]["latent"]["routes"] == "4/4"
    assert [result["route"] for result in found["channels"]["latent"]["runs"][0]["results"]] == ["0", "1"] * 2
    assert found["provenance"]["command"][:2] == ["laco", "langcoop"]
