"""The client in LangCoop's loop, with servers that answer as told: every trap of the contract."""

import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from double import checkouts, hosting
from double.hosting import journal

OWN = Path(hosting.__file__).parent / "team"
CLIENT = Path(__file__).parents[2] / "agents/langcoop"
AGENT = CLIENT / "laco_langcoop/entry/langcoop/laco_langcoop_agent.py"
BARE = OWN / "laco_plain_agent.py"  # LangCoop's own agent, and the planner
Begin = Callable[..., hosting.Drive]


@pytest.mark.parametrize(
    ("agent", "egos"), [(AGENT, 2), (AGENT, 3), (BARE, 2)], ids=["two", "three", "two, the planner alone"]
)
def test_thirteen_ticks(begin: Begin, told: Any, agent: Path, egos: int) -> None:
    drive = begin(egos, agent)
    drive.tick(13)
    drive.legal()
    names = [f"ego{i}" for i in range(egos)]
    for i, name in enumerate(names):
        server = told[name]
        (hello,) = server.of("hello")
        assert hello["vehicle"] == name
        assert hello["period"] == pytest.approx(0.2)
        assert set(hello["fleet"]) == set(names)
        assert [r["moment"] for r in server.of("observe")] == [r["moment"] for r in server.of("decide")] == [0, 1, 2, 3]
        assert all(sorted(r["present"]) == names for r in server.of("observe"))
        assert drive.egos[i].vehicle.speed > 1.0
    runs = {r["run"] for server in told.values() for r in server.requests if "run" in r}
    assert len(runs) == 1
    assert len(journal()) == 4 * egos


@pytest.mark.parametrize(
    ("agent", "way"),
    [
        (AGENT, [(3.0, 4.0), (63.0, 84.0)]),
        (AGENT, [(9.0, 9.0), (-90.0, 9.0)]),
        (BARE, [(0.0, 0.0), (0.0, -90.0)]),
        (BARE, [(3.0, 4.0), (63.0, 84.0)]),
    ],
)
def test_pose_and_speed_are_the_vehicles_own(begin: Begin, told: Any, agent: Path, way: Any) -> None:
    """To the cm although the bank tells a point 13.3 m ahead; m/s although it tells no speed and steps of 0.2 s."""
    told["ego0"].script.plan = {"curvature": [3.0] * 5}
    drive = begin(2, agent, way=way)
    drive.tick(25)
    for i in range(2):
        before = None
        for seen, request in zip(drive.seen[::4], told[f"ego{i}"].of("observe"), strict=True):
            x, y, yaw, speed = seen.places[i]
            assert request["pose"][:2] == pytest.approx([x, y], abs=0.01)
            assert math.remainder(request["pose"][2] - yaw, 2 * math.pi) == pytest.approx(0, abs=1e-3)
            driven = 0.0 if before is None else math.dist(before, (x, y)) / 0.2
            assert request["speed"] == pytest.approx(speed if agent == AGENT else driven, abs=0.02)
            before = (x, y)
        assert drive.egos[i].vehicle.speed > 2.0


def test_route_image_and_the_rest_of_what_is_seen(begin: Begin, told: Any) -> None:
    drive = begin(2, way=[(0.0, 0.0), (30.0, 0.0), (30.0, 50.0)])
    drive.tick(9)
    for i in range(2):
        request = told[f"ego{i}"].of("observe")[-1]
        frame = drive.agent.infer.perception_memory_bank[-1]
        image = request["image"]
        assert (image["width"], image["height"]) == (800, 600)
        assert image["rgb"] == frame["rgb_front"][i].tobytes()
        route = request["route"]
        assert math.dist(route[0], request["pose"][:2]) < 1.0
        assert pytest.approx(min(route, key=lambda p: math.dist(p, (30, 10))), abs=3.0) == [30.0, 10.0]
        assert request["remaining"] == pytest.approx(
            drive.egos[i].progress.length - request["pose"][0] + 12 * i, abs=1.5
        )
        assert request["limit"] == 8.0
        assert request["objects"] == []
        assert request["time"] == pytest.approx(0.4)


def test_without_the_team_agent_the_route_leads_to_the_target(begin: Begin, told: Any) -> None:
    drive = begin(1, BARE, way=[(0.0, 0.0), (0.0, 20.0)])
    drive.tick(1)
    (request,) = told["ego0"].of("observe")
    assert request["route"][0] == pytest.approx([0.0, 0.0], abs=0.01)
    assert request["route"][-1] == pytest.approx([0.0, 20.0], abs=0.01)


def test_a_plan_reaches_the_pedals_as_it_is(begin: Begin, told: Any) -> None:
    told["ego0"].script.plan = {"curvature": [10.0, 5.0, 0.0, -5.0, -10.0], "speed": [4.0, 5.0, 6.0, 7.0, 8.0]}
    told["ego1"].script.plan = {"speed": [0.0] * 5, "curvature": [-10.0] * 5}
    drive = begin(2)
    drive.tick(4)
    first, second = zip(*drive.controls, strict=True)
    assert first[0][1] == pytest.approx(0.2)  # right of the first pair
    assert first[3][1] < 0  # buffer index 3 is the fourth pair
    assert second[0][:2] == (0.0, pytest.approx(-0.2))
    plan = drive.agent.infer.predicted_result_list_buffer[0]
    assert list(plan["target_speed"]) == [4.0, 5.0, 6.0, 7.0, 8.0]
    assert plan["dt"] == 0.5


@pytest.mark.parametrize(
    "answer",
    [
        {"speed": [1.0], "curvature": [0.0]},
        {"speed": None},
        {"speed": ["fast"] * 5},
        {"speed": [float("nan")] * 5},
        {"curvature": [float("inf")] * 5},
        {"curvature": {}},
        {"moment": 77},
        {"type": "error", "reason": "no\nidea"},
        {"type": 5},
        {"failed": True, "speed": [0.0] * 5},
    ],
    ids=lambda answer: json.dumps(answer)[:30],
)
def test_whatever_a_server_answers_the_plan_is_legal(begin: Begin, told: Any, answer: dict[str, Any]) -> None:
    told["ego0"].script.plan = answer
    drive = begin(2, planner={"deadline": 0.3})
    drive.tick(5)
    drive.legal()
    plan, other = drive.agent.infer.predicted_result_list_buffer
    assert len(plan["target_speed"]) == len(plan["curvature"]) == 5
    assert max(plan["target_speed"]) == 0.0
    assert min(other["target_speed"]) == 6.0
    assert {entry["status"] for entry in journal(0)} <= {"failed", "braked"}


@pytest.mark.parametrize("egos", [2, 3])
def test_a_finished_ego_stands_and_the_others_go_on(begin: Begin, told: Any, egos: int) -> None:
    drive = begin(egos, way=[(0.0, 0.0), (16.0, 0.0)])
    while drive.evaluator.manager.running and len(drive.seen) < 300:
        drive.tick()
    drive.legal()
    assert [ego.progress.percent for ego in drive.egos] == [100.0] * egos
    last = told["ego0"].of("observe")[-1]
    assert "ego1" not in last["present"]
    assert len(told["ego1"].of("observe")) < len(told["ego0"].of("observe"))
    assert {entry["status"] for entry in journal()} == {"planned"}


def test_an_ego_that_never_was_there_is_missed_by_nobody(begin: Begin, told: Any) -> None:
    drive = begin(3)
    from srunner.scenariomanager.carla_data_provider import CarlaDataProvider

    drive.evaluator.manager._agent.del_ego_sensor(1)
    CarlaDataProvider.remove_actor_by_id(drive.egos[1].vehicle.id)
    drive.tick(25)
    drive.legal()
    assert told["ego1"].of("observe") == []
    assert {tuple(r["present"]) for r in told["ego0"].of("observe")} == {("ego0", "ego2")}
    assert drive.egos[2].vehicle.speed > 2.0


def test_two_routes_in_one_second(begin: Begin, told: Any) -> None:
    """An agent a route, and result folders that are named to the second; each route is a run of its own."""
    drive = begin(1)
    drive.tick(5)
    drive.agent.destroy()
    drive.evaluator.start(drive.evaluator.routes[0])
    drive.watch()
    drive.tick(5)
    runs = [r["run"] for r in told["ego0"].of("hello")]
    assert len(set(runs)) == 2
    assert [r["run"] for r in told["ego0"].of("bye")] == runs[:1]
    assert [r["moment"] for r in told["ego0"].of("decide")] == [0, 1, 0, 1]


def test_a_modality_that_is_missing_is_said_once(begin: Begin, told: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        drive = begin(2, modalities=["intent"])
        drive.tick(9)
    said = [r.getMessage() for r in caplog.records if "sharing_modalities" in r.getMessage()]
    assert len(said) == 1
    assert "image" in said[0]
    assert drive.agent.heter_planning_models[0].forward_single_intent(
        drive.agent.infer.perception_memory_bank, drive.agent.config, 1
    )  # LACO's vehicles speak all the same


def test_a_mixed_fleet_reads_each_other(start: Begin, told: Any) -> None:
    """Ego 1 has a planner of LangCoop's kind, which reads idx, position and intent_description; ego 2 sends nothing."""
    laco = {"type": "LacoPlanner", "name": "laco", "endpoints": {"ego0": told["ego0"].endpoint}}
    # LangCoop's own classes are there before LACO's planner is: registered by an agent that knows both
    drive = start(OWN / "mixed_agent.py", [laco, {"type": "PlainPlanner"}, {"type": "BarePlanner"}], [0, 1, 2])
    drive.tick(13)
    drive.legal()
    _, plain, bare = drive.agent.heter_planning_models
    x = drive.seen[12].places[0][0]
    for heard in (plain.heard[-1], bare.heard[-1]):
        (idx, position, _) = heard[0]
        assert idx == 0
        assert position == pytest.approx([0.0, x + 13.3], abs=0.01)
    assert set(told["ego0"].of("observe")[-1]["present"]) == {"ego0"}
    assert all(ego.vehicle.speed > 1.0 for ego in drive.egos)


def test_prompts_are_the_agent_yamls(begin: Begin, told: Any) -> None:
    drive = begin(1, planner={"channel": "language"})
    drive.tick(1)
    (hello,) = told["ego0"].of("hello")
    assert hello["channel"] == "language"
    assert "Name two road users." in hello["prompts"]["object"]
    assert "{collab_agent_description}" in hello["prompts"]["comb"]
    assert hello["prompts"]["sys_message"] is None


def test_a_whole_evaluation_as_a_process(langcoop: Path, carla_root: Path, told: Any, tmp_path: Path) -> None:
    """Started as LangCoop's script does, from the checkout, with its options: two routes, results and messages."""
    endpoints = {name: told[name].endpoint for name in ("ego0", "ego1")}
    config = checkouts.write_config(tmp_path, [{"type": "LacoPlanner", "endpoints": endpoints}], [0, 0])
    routes = checkouts.write_routes(tmp_path / "r.xml", [[(0.0, 0.0), (40.0, 0.0)], [(9.0, 9.0), (9.0, 49.0)]])
    script = langcoop / "simulation/leaderboard/leaderboard/leaderboard_evaluator_parameter.py"
    paths = [*checkouts.python_path(langcoop, carla_root), str(CLIENT)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "ROUTES": str(routes)}
    env |= {"SAVE_PATH": str(tmp_path / "save"), "RESULT_ROOT": str(tmp_path)}
    env.pop("PYTHONSAFEPATH", None)
    options = ["--agent", AGENT, "--agent-config", config, "--ego-num", "2", "--routes", routes]
    options += ["--game_timeout", "1", "--checkpoint", tmp_path / "out/results.json"]
    command = [sys.executable, script, *options]
    done = subprocess.run(command, cwd=langcoop, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for i in range(2):
        saved = json.loads((tmp_path / f"out/ego_vehicle_{i}/results.json").read_text(encoding="utf-8"))
        assert len(saved["values"]) == len(saved["labels"]) == 12
        records = saved["_checkpoint"]["records"]
        assert [record["route_id"] for record in records] == ["RouteScenario_0", "RouteScenario_1"]
        for record in records:
            assert 0 < record["scores"]["score_composed"] == record["scores"]["score_route"] < 100
            assert record["meta"]["duration_game"] == pytest.approx(1)
    lines = (tmp_path / "save/laco-messages.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 * 2 * 5  # routes, egos, decisions
    assert len({json.loads(line)["run"] for line in lines}) == 2
    assert len(list((tmp_path / "save").glob("r_*/meta"))) == 2
