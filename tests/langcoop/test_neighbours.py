"""The client under V2Xverse's and CoLMDriver's evaluator and under those of one vehicle, with servers as told."""

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import pytest
from double import hosting, scripted

ENTRY = Path(__file__).parents[2] / "agents/langcoop/laco_langcoop/entry"
AGENT = ENTRY / "colmdriver/laco_v2xverse_agent.py"
SINGLE = ENTRY / "leaderboard/laco_leaderboard_agent.py"


def write(folder: Path, servers: dict[str, scripted.Scripted], egos: int, **more: Any) -> Path:
    """An agent file of those that stand alone."""
    endpoints = {name: servers[name].endpoint for name in sorted(servers)[:egos]}
    path = folder / "laco.json"
    model = {"type": "LacoPlanner", "name": "laco", "endpoints": endpoints, "deadline": 3.0, **more}
    path.write_text(json.dumps({"model": model}), encoding="utf-8")
    return path


@pytest.fixture
def colmdriver(v2xverse: Path, inside: Any, told: Any, tmp_path: Path) -> Any:
    """A route with an XML for each ego."""

    def begin(ways: list[list[tuple[float, float]]], **more: Any) -> hosting.Drive:
        out = inside(v2xverse)
        assert importlib.util.find_spec("vlmdrive") is importlib.util.find_spec("opencood") is None
        routes = hosting.routes_of_each(tmp_path / "r1_town05_ins_c", ways)
        config = write(tmp_path, told, len(ways), **more)
        return hosting.drive(AGENT, config, len(ways), routes, out, single=True)

    return begin


APART = [[(0.0, 0.0), (90.0, 0.0)], [(5.0, 400.0), (5.0, 310.0)], [(9.0, -20.0), (-50.0, -20.0)]]


@pytest.mark.parametrize("egos", [2, 3])
def test_v2xverse_and_colmdriver(colmdriver: Any, told: Any, egos: int) -> None:
    drive = colmdriver(APART[:egos])
    drive.tick(29)
    for i in range(egos):
        requests = told[f"ego{i}"].of("observe")
        assert [r["moment"] for r in requests] == list(range(8))
        for seen, request in zip(drive.seen[::4], requests, strict=True):
            x, y, yaw, speed = seen.places[i]
            assert request["pose"][:2] == pytest.approx([x, y], abs=0.02)
            assert math.remainder(request["pose"][2] - yaw, 2 * math.pi) == pytest.approx(0, abs=1e-3)
            assert request["speed"] == pytest.approx(speed, abs=0.01)
            assert len(request["image"]["rgb"]) == 600 * 800 * 3
        assert drive.egos[i].vehicle.speed > 1.0


def test_its_own_controller_follows_the_plan(colmdriver: Any, told: Any) -> None:
    """Right is plus, and what is too fast brakes."""
    told["ego0"].script.plan = {"curvature": [4.0] * 5}
    told["ego1"].script.plan = {"speed": [2.0] * 5, "curvature": [-4.0] * 5}
    drive = colmdriver(APART[:2])
    drive.tick(80)
    first, second = (ego.vehicle for ego in drive.egos)
    assert first.yaw > 0.2
    assert second.yaw < -math.pi / 2 - 0.05
    assert 5.0 < first.speed < 6.6
    assert 1.5 < second.speed < 2.4


def test_a_finished_ego_has_none_and_the_others_go_on(colmdriver: Any, told: Any) -> None:
    drive = colmdriver([[(0.0, 0.0), (25.0, 0.0)], [(5.0, -20.0), (5.0, -13.0)]])
    while drive.evaluator.manager.running and len(drive.seen) < 300:
        drive.tick()
    assert [ego.progress.percent for ego in drive.egos] == [100.0, 100.0]
    assert told["ego0"].of("observe")[-1]["present"] == ["ego0"]
    assert drive.seen[-1].answer[1] is None


def test_latency_is_charged_here_too(colmdriver: Any, told: Any) -> None:
    drive = colmdriver(APART[:2], charge=300)
    drive.tick(12)
    moving = [seen.answer[0].throttle > 0 for seen in drive.seen]
    assert moving == [False] * 6 + [True] * 6
    assert [round(r["time"] / 0.05) for r in told["ego0"].of("observe")] == [0, 8]


def test_a_dead_server_stops_its_vehicle_alone(colmdriver: Any, told: Any) -> None:
    drive = colmdriver(APART[:2], deadline=0.4)
    drive.tick(21)
    told["ego1"].stop()
    drive.tick(60)
    assert drive.egos[1].vehicle.speed == 0.0
    assert drive.egos[0].vehicle.speed > 4.0


@pytest.mark.parametrize("kind", ["scenario_runner", "leaderboard1", "leaderboard2"])
def test_one_vehicle(one: Any, told: Any, tmp_path: Path, kind: str) -> None:
    drive = one(kind, SINGLE, write(tmp_path, told, 1), [(50.0, 30.0), (50.0, 150.0)])
    places = []
    for _ in range(41):
        places.append((drive.car.x, drive.car.y, drive.car.yaw, drive.car.speed))
        drive.tick()
    requests = told["ego0"].of("observe")
    assert len(requests) == 11
    for (x, y, yaw, speed), request in zip(places[::4], requests, strict=True):
        assert request["pose"][:2] == pytest.approx([x, y], abs=0.02)
        assert math.remainder(request["pose"][2] - yaw, 2 * math.pi) == pytest.approx(0, abs=0.01)
        assert request["speed"] == pytest.approx(speed, abs=0.02 if kind != "scenario_runner" else 1.5)
    assert drive.car.speed > 2.0
    assert requests[-1]["route"][-1] == pytest.approx([50.0, drive.car.y + 60], abs=4.0)
