"""Evaluators of one vehicle: ScenarioRunner and CARLA's leaderboards."""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "stock"
SENSORS = {"sensor.camera.rgb": 4, "sensor.lidar.ray_cast": 1, "sensor.other.gnss": 1, "sensor.other.radar": 2}
SENSORS |= {"sensor.other.imu": 1, "sensor.speedometer": 1}
REACH = 3.0  # [m] of sensors from the middle of the car
KEYS = {"sensor.camera.rgb": {"x", "y", "z", "roll", "pitch", "yaw", "width", "height", "fov"}}
RUNNER = ("sensor.camera", "sensor.lidar", "sensor.other.gnss")  # all that ScenarioRunner can read


def folders(kind: str) -> list[str]:
    """To put on the path for `scenario_runner`, `leaderboard1` or `leaderboard2`."""
    return [str(HERE / kind), str(HERE)] if kind != "scenario_runner" else [str(HERE)]


@dataclass
class Single:
    """A route of one vehicle."""

    kind: str
    agent: Any
    world: Any
    car: Any
    controls: list[Any] = field(default_factory=list)

    def tick(self, count: int = 1) -> None:
        """Raises whatever the agent raises, and what a control that is none does."""
        from plane.sensing import read

        for _ in range(count):
            frame = self.world.frame
            data = {s["id"]: (frame, read(s, self.car, self.world)) for s in self.agent.sensors()}
            control = self.agent.run_step(data, self.world.seconds)
            control.manual_gear_shift = False
            self.car.apply_control(control)
            self.controls.append(control)
            self.world.tick()


def start(kind: str, path: Path, config: Path, points: list[tuple[float, float]]) -> Single:
    """The agent in this file, found and made as that evaluator does, with a car at the start of its route."""
    from plane.roads import plan
    from plane.world import World
    from srunner.scenariomanager.carla_data_provider import CarlaDataProvider

    world = World()
    (x, y), (to_x, to_y) = points[:2]
    car = world.spawn("hero", x, y, math.atan2(to_y - y, to_x - x))
    CarlaDataProvider.world, CarlaDataProvider.hero = world, car
    agent = made(kind, path, config)
    check(kind, agent)
    agent.set_global_plan(*plan(points))
    return Single(kind, agent, world, car)


def made(kind: str, path: Path, config: Path) -> Any:
    name = path.stem
    sys.path.insert(0, str(path.parent))
    module = importlib.import_module(name)
    if kind == "scenario_runner":
        return getattr(module, name.title().replace("_", ""))(str(config))
    agent_class = getattr(module, module.get_entry_point())
    if kind == "leaderboard1":
        return agent_class(str(config))
    agent = agent_class("localhost", 2000, 0)
    agent.setup(str(config))
    return agent


def check(kind: str, agent: Any) -> None:
    """Raises: ValueError of what the evaluator cannot use, TimeoutError of what it would wait for in vain."""
    specs = agent.sensors()
    if len({spec["id"] for spec in specs}) < len(specs):
        raise ValueError("Duplicated sensor tag")
    for spec in specs:
        kinds = [other["type"] for other in specs]
        lacking = KEYS.get(spec["type"], set()) - set(spec)
        if lacking:
            raise ValueError(f"{spec['id']} has no {sorted(lacking)}")
        if kind == "scenario_runner" and not spec["type"].startswith(RUNNER):
            raise TimeoutError(f"ScenarioRunner has no callback for {spec['type']}")
        if kinds.count(spec["type"]) > SENSORS.get(spec["type"], 0):
            raise ValueError(f"Too many {spec['type']}")
        if kind != "scenario_runner" and math.sqrt(sum(spec.get(axis, 0.0) ** 2 for axis in "xyz")) > REACH:
            raise ValueError(f"{spec['id']} is too far out")
    if kind != "scenario_runner" and agent.track.value != "SENSORS":
        raise ValueError(f"track {agent.track}")
