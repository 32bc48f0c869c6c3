"""ScenarioRunner's base of agents: one object, one vehicle, set up as it is made."""

from __future__ import annotations

from enum import Enum
from typing import Any

SPACING = 32  # [m] of a plan's points


class Track(Enum):
    ALL_SENSORS = 1
    CAMERAS = 2
    ALL_SENSORS_HDMAP_WAYPOINTS = 3
    SCENE_LAYOUT = 4


class AutonomousAgent:
    spacing = SPACING

    def __init__(self, path_to_conf_file: str) -> None:
        self.track: Any = Track.CAMERAS
        self._global_plan: Any = None
        self._global_plan_world_coord: Any = None
        self.setup(path_to_conf_file)

    def setup(self, path_to_conf_file: str) -> None:
        """To be overridden."""

    def sensors(self) -> list[dict[str, Any]]:
        return []

    def run_step(self, input_data: dict[str, Any], timestamp: float) -> Any:
        """One `carla.VehicleControl`."""
        raise NotImplementedError

    def destroy(self) -> None:
        """To be overridden."""

    def set_global_plan(self, global_plan_gps: list[Any], global_plan_world_coord: list[Any]) -> None:
        """Flat, thinned plans."""
        last = len(global_plan_world_coord) - 1
        kept = [i for i in range(last) if i % self.spacing == 0] + [last]  # plans here have a point each metre
        self._global_plan = [global_plan_gps[i] for i in kept]
        self._global_plan_world_coord = [global_plan_world_coord[i] for i in kept]
