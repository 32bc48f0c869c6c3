"""The doubles of the evaluators that are LangCoop's neighbours, with agents that have no model."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from double import hosting, single

TEAM = Path(hosting.__file__).parent / "team"


def test_an_ego_that_is_through_is_gone_and_the_others_go_on(v2xverse: Path, inside: Any, tmp_path: Path) -> None:
    out = inside(v2xverse)
    assert importlib.util.find_spec("team_code") is importlib.util.find_spec("vlmdrive") is None
    ways = [[(0.0, 0.0), (25.0, 0.0)], [(5.0, -20.0), (5.0, -12.0)]]
    routes = hosting.routes_of_each(tmp_path / "r1_town05_ins_c", ways)
    drive = hosting.drive(TEAM / "plain_fleet_agent.py", tmp_path, 2, routes, out, single=True)
    first, second = drive.egos
    while drive.evaluator.manager.running and len(drive.seen) < 200:
        drive.tick()
    finished = next(i for i, seen in enumerate(drive.seen) if seen.answer[1] is None)
    assert 20 < finished < len(drive.seen) - 20
    assert not second.vehicle.is_alive
    assert first.progress.percent == second.progress.percent == 100.0
    assert "speed_1" not in drive.agent.sensor_interface.get_data()


def test_a_crash_is_a_collision_of_both(v2xverse: Path, inside: Any, tmp_path: Path) -> None:
    out = inside(v2xverse)
    routes = hosting.routes_of_each(tmp_path / "r1", [[(0.0, 0.0), (40.0, 0.0)], [(20.0, -20.0), (20.0, 20.0)]])
    drive = hosting.drive(TEAM / "plain_fleet_agent.py", tmp_path, 2, routes, out, single=True)
    drive.tick(80)
    scores = [ego.scores() for ego in drive.egos]
    assert [score["score_penalty"] for score in scores] == [0.6, 0.6]
    assert all(score["score_composed"] == pytest.approx(0.6 * score["score_route"]) for score in scores)


@pytest.mark.parametrize("kind", ["scenario_runner", "leaderboard1", "leaderboard2"])
def test_one_vehicle_drives(one: Any, tmp_path: Path, kind: str) -> None:
    drive = one(kind, TEAM / "plain_single_agent.py", tmp_path, [(0.0, 0.0), (0.0, 120.0)])
    drive.tick(20)
    assert drive.car.y > 0.5
    assert set(drive.agent.seen[0]) == {"front", "gps"}
    assert len(drive.agent._global_plan) == {"scenario_runner": 5, "leaderboard1": 4, "leaderboard2": 2}[kind]
    assert drive.agent.config == str(tmp_path)


@pytest.mark.parametrize(
    ("kind", "sensor", "error"),
    [
        ("scenario_runner", {"type": "sensor.speedometer", "id": "speed"}, TimeoutError),
        ("leaderboard1", {"type": "sensor.speedometer", "id": "gps"}, ValueError),
        ("leaderboard1", {"type": "sensor.camera.semantic_segmentation", "id": "x"}, ValueError),
        ("leaderboard1", {"type": "sensor.other.imu", "id": "imu", "x": 4.0}, ValueError),
    ],
)
def test_sensors_that_an_evaluator_has_not(one: Any, tmp_path: Path, kind: str, sensor: Any, error: Any) -> None:
    drive = one(kind, TEAM / "plain_single_agent.py", tmp_path, [(0.0, 0.0), (0.0, 120.0)])
    listed = [*drive.agent.sensors(), sensor]
    drive.agent.sensors = lambda: listed
    with pytest.raises(error):
        single.check(kind, drive.agent)
