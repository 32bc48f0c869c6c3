"""LACO's vehicles under the evaluator of V2Xverse, CoLMDriver and MDrive; no opencood, no torch. For `--agent`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import carla
from leaderboard.autoagents import autonomous_agent
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider

from laco_langcoop import config, sensors
from laco_langcoop.convoy import Convoy, Sensed
from laco_langcoop.geometry import Route
from laco_langcoop.guards import retried
from laco_langcoop.localisation import Localiser
from laco_langcoop.simulator import others, planned


def get_entry_point() -> str:
    return "LacoV2XverseAgent"


def results() -> Path:
    """A new folder in $SAVE_PATH, named like LangCoop's."""
    stem = Path(os.environ.get("ROUTES") or "route").stem
    path = Path(os.environ["SAVE_PATH"]) / f"{stem}_{time.strftime('%m_%d_%H_%M_%S')}"
    path.mkdir(parents=True)
    return path


class LacoV2XverseAgent(autonomous_agent.AutonomousAgent):  # type: ignore[misc]
    """One object drives all egos; sensor keys end in `_<ego>`, and an ego that has finished gets None."""

    def setup(self, path_to_conf_file: str, ego_vehicles_num: int) -> None:
        self.agent_name = "laco"
        self.ego_vehicles_num = ego_vehicles_num
        self.config = config.load(path_to_conf_file)
        self._convoy = Convoy(self.config, ego_vehicles_num)
        self._routes: dict[int, Route] = {}
        self._localisers: dict[int, Localiser] = {}
        if os.environ.get("SAVE_PATH"):
            folder = retried(results)
            self.get_save_path = lambda: folder  # evaluators look for it, and log everything there

    def sensors(self) -> list[dict[str, Any]]:
        return sensors.suite()

    def run_step(self, input_data: dict[str, Any], timestamp: float) -> list[Any]:
        sensed = [self._sense(idx, input_data, timestamp) for idx in range(self.ego_vehicles_num)]
        found = self._convoy.step(sensed, timestamp)
        return [None if one is None else carla.VehicleControl(*map(float, one)) for one in found]

    def destroy(self) -> None:
        self._convoy.close()

    def _sense(self, idx: int, input_data: dict[str, Any], now: float) -> Sensed | None:
        actor = CarlaDataProvider.get_hero_actor(hero_id=idx)
        reading = sensors.read(input_data, f"_{idx}") if actor is not None else None
        if reading is None or not self._routed(idx):
            return None
        localiser = self._localisers[idx]
        pose = localiser.pose(reading.gps, reading.compass, now)
        speed = localiser.speed if reading.speed is None else reading.speed
        truth = self._convoy.truth and self._convoy.due()
        objects = others(CarlaDataProvider.get_world(), actor) if truth else []
        return Sensed(pose, speed, reading.rgb, self._routes[idx], objects)

    def _routed(self, idx: int) -> bool:
        """Whether the ego has a route to drive; looked up once it is asked for, since plans come after `setup`."""
        if idx not in self._routes:
            route = planned(self, idx)
            if route is None:
                return False
            self._routes[idx] = route
            self._localisers[idx] = Localiser.along(self._global_plan[idx], self._global_plan_world_coord[idx])
        return True
