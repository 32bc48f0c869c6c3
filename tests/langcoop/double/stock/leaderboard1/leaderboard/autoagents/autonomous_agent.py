"""CARLA leaderboard 1.0's base of agents: ScenarioRunner's, with other tracks and a finer plan."""

from __future__ import annotations

from enum import Enum

from srunner.autoagents import autonomous_agent


class Track(Enum):
    SENSORS = "SENSORS"
    MAP = "MAP"


class AutonomousAgent(autonomous_agent.AutonomousAgent):
    spacing = 50

    def __init__(self, path_to_conf_file: str) -> None:
        super().__init__(path_to_conf_file)
        self.track = Track.SENSORS if isinstance(self.track, autonomous_agent.Track) else self.track
