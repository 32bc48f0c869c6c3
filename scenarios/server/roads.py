"""The road network as the world needs it: the ground's height, what lies there, and where cars may start."""

from functools import cached_property
from typing import Any

import carla

from laco.errors import ScenarioError
from laco.scenarios.server import opendrive
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.spawns import spawn_points

ROAD, SIDEWALK, TERRAIN = 1, 2, 10  # CityObjectLabel


class Roads:
    """One OpenDRIVE document. Raises `ScenarioError` when it holds no road network."""

    def __init__(self, xodr: str, name: str) -> None:
        self.name = name
        self.xodr = xodr
        root = opendrive.parse(xodr)
        try:
            self.map: Any = carla.Map(name, xodr)
        except (RuntimeError, LookupError, ValueError) as error:
            raise ScenarioError(f"map {name}: {error}") from error
        if root.find("road") is None:
            raise ScenarioError(f"map {name}: no <road> in the OpenDRIVE document")
        self.level = opendrive.is_level(root)
        self.things = opendrive.things(root)

    @cached_property
    def spawn_points(self) -> list[Pose]:
        """Starting poses for cars, half a metre above the ground as on CARLA."""
        return spawn_points(self.map)

    def ground(self, x: float, y: float) -> float:
        """Height of the ground [m]: that of the nearest lane."""
        if self.level:
            return 0.0
        waypoint = self.map.get_waypoint(carla.Location(x=x, y=y), True, carla.LaneType.Any)
        return float(waypoint.transform.location.z) if waypoint else 0.0

    def surface(self, x: float, y: float) -> int:
        """Semantic tag of the ground there."""
        waypoint = self.map.get_waypoint(carla.Location(x=x, y=y), False, carla.LaneType.Any)
        if waypoint is None:
            return TERRAIN
        return SIDEWALK if waypoint.lane_type == carla.LaneType.Sidewalk else ROAD
