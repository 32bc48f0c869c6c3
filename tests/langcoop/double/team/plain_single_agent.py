"""An agent of one vehicle without a model."""

from __future__ import annotations

import importlib.util
from typing import Any

import carla

if importlib.util.find_spec("leaderboard"):
    from leaderboard.autoagents.autonomous_agent import AutonomousAgent
else:
    from srunner.autoagents.autonomous_agent import AutonomousAgent


def get_entry_point() -> str:
    return "PlainSingleAgent"


class PlainSingleAgent(AutonomousAgent):
    def setup(self, path_to_conf_file: str) -> None:
        self.config = path_to_conf_file
        self.seen: list[Any] = []

    def sensors(self) -> list[dict[str, Any]]:
        pose = {"x": 1.3, "y": 0.0, "z": 2.3, "roll": 0.0, "pitch": 0.0, "yaw": 0.0}
        camera = {"type": "sensor.camera.rgb", "id": "front", **pose, "width": 80, "height": 60, "fov": 100}
        return [camera, {"type": "sensor.other.gnss", "id": "gps", "x": 0.0, "y": 0.0, "z": 0.0}]

    def run_step(self, input_data: dict[str, Any], timestamp: float) -> Any:
        self.seen.append(input_data)
        return carla.VehicleControl(throttle=0.5)
