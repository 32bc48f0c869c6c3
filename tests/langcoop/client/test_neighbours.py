"""Agents for evaluators that leave sensing and control to them, against stand-ins of what they import."""

import importlib.util
import json
import math
import sys
import types
from pathlib import Path
from types import SimpleNamespace as Thing
from typing import Any

import laco_langcoop
import numpy as np
import pytest
from laco_langcoop import controller, sensors, simulator
from laco_langcoop.convoy import Convoy
from laco_langcoop.errors import LacoError
from laco_langcoop.localisation import EARTH, Localiser, Reference
from laco_langcoop.plans import Plan, brake

ORIGIN = (49.0, 8.0)  # latitude and longitude of a map's origin


def gps(x: float, y: float) -> tuple[float, float, float]:
    """What CARLA's receiver says there: Mercator at the scale of the origin, forwards."""
    scale = EARTH * math.cos(math.radians(ORIGIN[0]))
    north = scale * math.log(math.tan(math.radians(90.0 + ORIGIN[0]) / 2.0)) - y
    latitude = math.degrees(2.0 * math.atan(math.exp(north / scale))) - 90.0
    return latitude, ORIGIN[1] + math.degrees(x / scale), 0.0


def place(x: float, y: float, yaw: float = 0.0) -> Any:
    return Thing(location=Thing(x=x, y=y, z=0.0), rotation=Thing(yaw=yaw))


def plan(points: list[tuple[float, float]], yaw: float = 0.0) -> tuple[list[Any], list[Any]]:
    geo = [(dict(zip(("lat", "lon", "z"), gps(x, y), strict=True)), None) for x, y in points]
    return geo, [(place(x, y, yaw), None) for x, y in points]


@pytest.mark.parametrize("known", [(0.0, 0.0), (300.0, -900.0), (-50.0, 2000.0)])
def test_one_point_of_the_route_tells_the_reference(known: tuple[float, float]) -> None:
    latitude, longitude, _ = gps(*known)
    reference = Reference(latitude, longitude, *known)
    assert (reference.latitude, reference.longitude) == pytest.approx(ORIGIN, abs=1e-9)
    for there in [(12.5, -7.0), (-400.0, 800.0)]:
        assert reference.place(*gps(*there)[:2]) == pytest.approx(there, abs=1e-4)


def test_heading_is_the_compass_and_survives_its_silence() -> None:
    one = Localiser.along(*plan([(0.0, 0.0), (0.0, 50.0)], yaw=90.0))
    assert one.pose(gps(0.0, 0.0), math.nan, 0.0) == pytest.approx((0.0, 0.0, math.pi / 2), abs=1e-4)
    assert one.pose(gps(0.0, 0.0), math.pi / 2, 0.05)[2] == pytest.approx(0.0)  # east is +x
    assert one.pose(gps(0.0, 0.0), math.nan, 0.1)[2] == pytest.approx(0.0)
    assert one.pose(gps(0.0, 0.0), 0.0, 0.15)[2] == pytest.approx(-math.pi / 2)  # north is -y


def test_without_compass_and_speedometer_the_way_tells() -> None:
    one = Localiser.along(*plan([(0.0, 0.0), (0.0, 50.0)], yaw=90.0))
    for tick in range(9):
        pose = one.pose(gps(0.3 * tick, 0.4 * tick), None, 0.05 * tick)
    assert pose == pytest.approx((2.4, 3.2, math.atan2(4.0, 3.0)), abs=1e-3)
    assert one.speed == pytest.approx(10.0, abs=1e-3)
    one.pose(gps(2.4, 3.2), None, 1.4)
    assert one.speed == pytest.approx(0.0, abs=1e-6), "it stands"
    assert one.pose(gps(2.4, 3.2), None, 1.5)[2] == pytest.approx(math.atan2(4.0, 3.0), abs=1e-3)


def test_the_first_step_of_the_wheel_is_langcoops() -> None:
    wheel = controller.Controller().pedals(Plan(0.0, (5.0,) * 5, (10.0,) * 5), 0.0, 5.0).steer
    assert wheel == pytest.approx(0.2)
    assert controller.Controller().pedals(Plan(0.0, (5.0,) * 5, (-10.0,) * 5), 0.0, 5.0).steer == pytest.approx(-0.2)


def test_pedals() -> None:
    plan_ = Plan(0.0, (5.0,) * 5, (0.0,) * 5)
    slow, fast = (controller.Controller().pedals(plan_, 0.0, speed) for speed in (0.0, 5.6))
    assert slow == (0.75, 0.0, 0.0)
    assert fast == (0.0, 0.0, 1.0)
    assert controller.Controller().pedals(plan_, 0.0, 5.4).throttle == 0.0
    assert controller.Controller().pedals(brake(0.0), 0.0, 0.0) == (0.0, 0.0, 1.0), "it stays where it stands"
    late = Plan(0.0, (0.0, 1.0, 2.0, 3.0, 4.0), (0.0, 9.0, 18.0, 27.0, 30.0))
    assert controller.Controller().pedals(late, 1.0, 3.0).brake == 1.0, "1 s on, 2 m/s are wanted"
    assert controller.Controller().pedals(late, 1.0, 2.0).steer == pytest.approx(0.36)


def test_pictures_are_turned_to_rgb() -> None:
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[..., 0], pixels[..., 2] = 10, 30
    read = sensors.read({"rgb_front": (1, pixels), "gps": (1, np.zeros(3)), "speed": (1, {"speed": 2.5})})
    assert read is not None
    assert read.rgb[0, 0].tolist() == [30, 0, 10]
    assert read.rgb.flags.c_contiguous
    assert read.speed == 2.5
    assert read.compass is None
    assert sensors.read({"gps": (1, np.zeros(3))}) is None
    assert simulator.speedometer((1, {"move_state": {"speed": -1.0}})) == -1.0
    assert simulator.speedometer((1, {"speed": math.nan})) is None
    assert simulator.speedometer(None) is None


def actor(number: int, kind: str, x: float, y: float, speed: float = 0.0) -> Any:
    return Thing(
        id=number, type_id=kind, get_transform=lambda: place(x, y, 90.0), get_velocity=lambda: Thing(x=0.0, y=speed),
        bounding_box=Thing(extent=Thing(x=2.0, y=1.0)),
    )  # fmt: skip


NEAR = [actor(2, "walker.pedestrian.0001", 3.0, 4.0, 1.5)]


def test_the_simulators_truth_is_of_others_nearby() -> None:
    ego = actor(1, "vehicle.lincoln.mkz2017", 0.0, 0.0)
    near, far = actor(2, "walker.pedestrian.0001", 3.0, 4.0, 1.5), actor(3, "vehicle.audi.tt", 0.0, 61.0)
    world = Thing(get_actors=lambda: [ego, near, far, actor(4, "sensor.camera.rgb", 0.0, 1.0)])
    assert simulator.others(world, ego) == [pytest.approx([3.0, 4.0, math.pi / 2, 1.5, 2.0, 1.0])]


class Agent:
    """The evaluators' base: `setup` from the constructor, plans afterwards."""

    def __init__(self, path: str, *more: Any) -> None:
        self.setup(path, *more)

    def setup(self, *_: Any) -> None: ...
    def destroy(self) -> None:
        self.destroyed = True


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Any:
    """carla, the evaluator's packages and LangCoop's, as far as the team agents import them."""
    heroes: dict[int, Any] = {}
    provider = Thing(get_hero_actor=lambda hero_id=0: heroes.get(hero_id), get_world=lambda: Thing(get_actors=list))
    control = lambda throttle=0.0, steer=0.0, brake=0.0: Thing(throttle=throttle, steer=steer, brake=brake)  # noqa: E731
    modules = {
        "carla": {"VehicleControl": control},
        "leaderboard": {}, "leaderboard.autoagents": {"autonomous_agent": Thing(AutonomousAgent=Agent)},
        "srunner": {}, "srunner.autoagents": {"autonomous_agent": Thing(AutonomousAgent=Agent)},
        "srunner.scenariomanager": {}, "srunner.scenariomanager.carla_data_provider": {"CarlaDataProvider": provider},
        "team_code": {}, "team_code.vlm_agent": {"VLM_Agent": Agent},
        "vlmdrive": {"VLMDRIVE_REGISTRY": type("Registry", (dict,), {"register": lambda self, it: None})()},
    }  # fmt: skip
    for name, content in modules.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return Thing(heroes=heroes, modules=sys.modules)


def load(name: str) -> Any:
    """As evaluators load an agent: by its file's name alone."""
    path = Path(laco_langcoop.entry(name))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(folder: Path, servers: Any, count: int, **options: Any) -> tuple[str, Any]:
    made = [servers() for _ in range(count)]
    endpoints = {f"ego{i}": server.endpoint for i, server in enumerate(made)}
    file = folder / "agent.json"
    file.write_text(json.dumps({"model": {"type": "LacoPlanner", "endpoints": endpoints, "deadline": 5.0, **options}}))
    return str(file), made


def reading(x: float, y: float, suffix: str, speed: float = 5.0) -> dict[str, Any]:
    picture, imu = np.zeros((6, 8, 4), np.uint8), np.array([0.0] * 6 + [math.pi / 2])
    found = {"rgb_front": picture, "gps": np.array(gps(x, y)), "imu": imu, "speed": {"speed": speed}}
    return {name + suffix: (1, value) for name, value in found.items()}


@pytest.mark.parametrize("name", sorted(laco_langcoop.ENTRIES))
def test_entries_lie_alone_in_their_folder(stand_ins: Any, name: str) -> None:
    path = Path(laco_langcoop.entry(name))
    assert [other.name for other in path.parent.iterdir() if other.suffix == ".py"] == [path.name]
    module = load(name)
    assert issubclass(getattr(module, module.get_entry_point()), Agent)


def test_v2xverse(stand_ins: Any, servers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAVE_PATH", str(tmp_path / "out"))
    monkeypatch.setenv("ROUTES", "data/r7_0.xml")
    path, made = written(tmp_path, servers, 2)
    module = load("colmdriver")
    one = module.LacoV2XverseAgent(path, 2)
    assert one.ego_vehicles_num == 2
    assert isinstance(one.config, dict)
    assert one.get_save_path().is_dir()
    assert one.get_save_path().name.startswith("r7_0_")
    assert [sensor["id"] for sensor in one.sensors()] == ["rgb_front", "gps", "imu", "speed"]
    plans = [plan([(0.0, y), (100.0, y)]) for y in (0.0, 4.0)]
    one._global_plan, one._global_plan_world_coord = ([two[i] for two in plans] for i in (0, 1))
    stand_ins.heroes.update({0: actor(1, "vehicle.x", 0.0, 0.0), 1: actor(2, "vehicle.x", 0.0, 4.0)})
    for tick in range(9):
        if tick == 5:
            del stand_ins.heroes[1]
        data = {**reading(0.25 * tick, 0.0, "_0", 4.0), **reading(0.25 * tick, 4.0, "_1")}
        controls = one.run_step(data, 0.05 * tick)
        assert len(controls) == 2
        assert (controls[1] is None) == (tick >= 5)
        assert controls[0].throttle > 0.0
        assert controls[0].brake == 0.0
        assert 0.0 < controls[0].steer < 0.1
    assert made[0].kinds() == ["hello"] + ["observe", "decide"] * 3
    assert made[1].kinds() == ["hello"] + ["observe", "decide"] * 2
    seen = made[0].last("observe")
    assert seen["pose"] == pytest.approx([2.0, 0.0, 0.0], abs=1e-3)
    assert seen["present"] == ["ego0"]
    assert seen["remaining"] == pytest.approx(98.0, abs=1.0)
    assert seen["speed"] == 4.0
    assert seen["image"]["width"] == 8
    one.destroy()


def test_v2xverse_without_a_save_path_has_no_hook(
    stand_ins: Any, servers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAVE_PATH", raising=False)
    path, _ = written(tmp_path, servers, 1)
    assert not hasattr(load("colmdriver").LacoV2XverseAgent(path, 1), "get_save_path")


@pytest.mark.parametrize("stock", [True, False])
def test_leaderboard_and_scenario_runner(
    stand_ins: Any, servers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stock: bool
) -> None:
    if not stock:
        monkeypatch.setitem(sys.modules, "leaderboard.autoagents", None)
    path, (server,) = written(tmp_path, servers, 1)
    module = load("leaderboard")
    one = module.LacoLeaderboardAgent(path)
    assert [sensor["id"] for sensor in one.sensors()] == ["rgb_front", "gps", "imu", "speed"][: 4 if stock else 2]
    assert one.run_step({}, 0.0).brake == 1.0, "no route, no sensors"
    one._global_plan, one._global_plan_world_coord = plan([(0.0, 0.0), (200.0, 0.0)])
    for tick in range(1, 10):
        data = reading(0.25 * tick, 0.0, "")
        if not stock:
            del data["imu"], data["speed"]
        control = one.run_step(data, 0.05 * tick)
    assert server.kinds() == ["hello"] + ["observe", "decide"] * 2
    assert server.last("observe")["pose"] == pytest.approx([2.0, 0.0, 0.0], abs=1e-3)
    assert server.last("observe")["speed"] == pytest.approx(5.0, abs=1e-2)
    assert control.brake == 0.0
    assert 0.0 < control.steer < 0.1
    one.destroy()


def test_charged_time_holds_the_pedals(servers: Any, tmp_path: Path) -> None:
    path, (server,) = written(tmp_path, servers, 1, charge=300)
    one = Convoy(json.loads(Path(path).read_text()), 1)
    from laco_langcoop.convoy import Sensed
    from laco_langcoop.geometry import Route

    sensed = Sensed((0.0, 0.0, 0.0), 4.0, np.zeros((6, 8, 3), np.uint8), Route([(0.0, 0.0), (90.0, 0.0)]), [])
    found = [one.step([sensed], 0.05 * tick)[0] for tick in range(9)]
    assert [pedals is not None and pedals.brake for pedals in found] == [1.0] * 6 + [0.0] * 3
    assert found[7] == found[8], "the decision of tick 8 holds the control of tick 7"
    assert server.kinds().count("observe") == 2
    one.close()


@pytest.mark.parametrize(
    ("text", "words"), [(None, "no file"), ("[]", "in `model`"), ('{"model": {"endpoints": {}}}', "endpoints")]
)
def test_a_wrong_agent_config_is_one_line(tmp_path: Path, text: Any, words: str) -> None:
    from laco_langcoop import config

    file = tmp_path / "agent.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(LacoError, match=words):
        Convoy(config.load(str(file)), 1)


def test_langcoops_agent_is_wrapped(stand_ins: Any, monkeypatch: pytest.MonkeyPatch, board: Any) -> None:
    calls: list[Any] = []

    class Theirs(Agent):
        """What LangCoop's agent has that ours touches."""

        def setup(self, path: str, count: int) -> None:
            self.step, self.ego_vehicles_num = -1, count
            act = lambda car_data_raw, rsu_data_raw, step, timestamp: calls.append(car_data_raw) or ["go"] * count  # noqa: E731
            self.infer = Thing(get_action_from_list_inter=act)
            self.closed: list[str] = []
            self.heter_planning_models = [Thing(close=lambda: self.closed.append("bye")), Thing()]

        def run_step(self, data: Any, timestamp: float) -> Any:
            self.step += 1
            cars = [data.get(f"car{i}") for i in range(self.ego_vehicles_num)]
            return self.infer.get_action_from_list_inter(
                car_data_raw=cars, rsu_data_raw=[], step=self.step, timestamp=timestamp
            )

    stand_ins.modules["team_code.vlm_agent"].VLM_Agent = Theirs
    module = load("langcoop")
    monkeypatch.setattr(module, "BOARD", board)
    one = module.LacoLangCoopAgent("config.yaml", 2)
    one._global_plan_world_coord_all = [plan([(0.0, 0.0), (50.0, 0.0)])[1]] * 2
    assert one.run_step({"car0": 1, "car1": 2, "speed_0": (1, {"move_state": {"speed": 3.0}})}, 0.0) == ["go", "go"]
    assert board.facts(0).speed == 3.0
    assert board.facts(1).speed is None
    assert board.facts(1).route.length == 50.0
    board.truth, one.config = True, {"simulation": {"skip_frames": 1}}
    stand_ins.heroes[0] = actor(1, "vehicle.x", 0.0, 0.0)
    monkeypatch.setattr(module.CarlaDataProvider, "get_world", lambda: Thing(get_actors=lambda: NEAR))
    controls = one.run_step({"car0": 1}, 0.2)
    assert board.facts(0).objects == [pytest.approx([3.0, 4.0, math.pi / 2, 1.5, 2.0, 1.0])]
    assert board.facts(1).objects == []
    assert controls[0] == "go"
    assert controls[1].brake == 1.0
    assert calls[1] == [1, 2]
    one.destroy()
    assert one.closed == ["bye"]
    assert one.destroyed
