"""CARLA leaderboard 2's base of agents: made with the simulator's address, set up afterwards."""

from __future__ import annotations

from enum import Enum
from typing import Any

from srunner.autoagents import autonomous_agent


class Track(Enum):
    SENSORS = "SENSORS"
    MAP = "MAP"


class AutonomousAgent(autonomous_agent.AutonomousAgent):
    spacing = 200

    def __init__(self, carla_host: str, carla_port: int, debug: bool = False) -> None:
        self.track: Any = Track.SENSORS
        self._global_plan: Any = None
        self._global_plan_world_coord: Any = None
