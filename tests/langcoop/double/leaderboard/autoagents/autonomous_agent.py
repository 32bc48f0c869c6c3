"""The base of team agents: one object drives every ego."""

from __future__ import annotations

from enum import Enum
from typing import Any

from leaderboard.envs.sensor_interface import SensorInterface
from leaderboard.utils.route_manipulation import downsample_route
from srunner.scenariomanager.timer import GameTime

SPACING = 50  # [m] of a plan's points, if the agent's config does not say


class Track(Enum):
    SENSORS = "SENSORS"
    MAP = "MAP"


class AutonomousAgent:
    def __init__(self, path_to_conf_file: str, ego_vehicles_num: int = 1) -> None:
        self.agent_name = "auto_agent"
        self.rsu: list[Any] = []
        self.track = Track.SENSORS
        self._global_plan: Any = None
        self._global_plan_world_coord: Any = None
        self.sensor_interface = SensorInterface()
        self.setup(path_to_conf_file, ego_vehicles_num)
        self.wallclock_t0: Any = None

    def setup(self, path_to_conf_file: str, ego_vehicles_num: int) -> None:
        """To be overridden: sets at least `ego_vehicles_num` and `config`."""

    def sensors(self) -> list[dict[str, Any]]:
        return []

    def run_step(self, input_data: dict[str, Any], timestamp: float) -> Any:
        """A `carla.VehicleControl`, or None, for every ego: a list, or a dict by number."""
        raise NotImplementedError

    def destroy(self) -> None:
        """To be overridden."""

    def __call__(self) -> Any:
        self.wallclock_t0 = self.wallclock_t0 or GameTime.get_wallclocktime()
        control = self.run_step(self.sensor_interface.get_data(), GameTime.get_time())
        for i in range(len(control)):  # by number, whether a list or a dict
            if control[i]:
                control[i].manual_gear_shift = False
        return control

    def set_global_plan(self, global_plan_gps: list[Any], global_plan_world_coord: list[Any]) -> None:
        """Plans by ego: dense ones in `*_all`, thinned ones beside them."""
        distance = self._spacing()
        self._global_plan, self._global_plan_world_coord = [], []
        self._global_plan_all, self._global_plan_world_coord_all = [], []
        for gps, world in zip(global_plan_gps, global_plan_world_coord):
            kept = downsample_route(world, distance)
            self._global_plan.append([gps[i] for i in kept])
            self._global_plan_world_coord.append([world[i] for i in kept])
            self._global_plan_all.append(gps)
            self._global_plan_world_coord_all.append(list(world))

    def _spacing(self) -> float:
        config = self.config  # upstream fails likewise where an agent has none
        if not isinstance(config, dict):
            return SPACING
        distance = config.get("control", {}).get("target_point_distance", SPACING)
        return config.get("target_point_distance", distance)
