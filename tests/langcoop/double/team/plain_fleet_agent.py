"""A team agent for V2Xverse without a model: neither LangCoop nor a perception package."""

from __future__ import annotations

from typing import Any

import carla
from leaderboard.autoagents.autonomous_agent import AutonomousAgent
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider


def get_entry_point() -> str:
    return "PlainFleetAgent"


class PlainFleetAgent(AutonomousAgent):
    def setup(self, path_to_conf_file: str, ego_vehicles_num: int) -> None:
        self.ego_vehicles_num, self.config = ego_vehicles_num, {}

    def sensors(self) -> list[dict[str, Any]]:
        return [{"type": "sensor.speedometer", "reading_frequency": 20, "id": "speed"}]

    def run_step(self, input_data: dict[str, Any], timestamp: float) -> Any:
        there = [CarlaDataProvider.get_hero_actor(hero_id=i) is not None for i in range(self.ego_vehicles_num)]
        speeds = [input_data[f"speed_{i}"][1]["move_state"]["speed"] if here else 0.0 for i, here in enumerate(there)]
        return [carla.VehicleControl(throttle=0.7 if v < 8.0 else 0.0) if h else None for v, h in zip(speeds, there)]
