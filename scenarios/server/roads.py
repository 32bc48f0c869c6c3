"""The road network as the world needs it: the ground's height, what lies there, and where cars may start."""

import math
from functools import cached_property
from typing import Any

import carla

from laco.errors import ScenarioError
from laco.scenarios.server import opendrive
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.spawns import spawn_points

ROAD, SIDEWALK, TERRAIN = 1, 2, 10  # CityObjectLabel
LAYER = 2.0  # [m] a road and the bridge above it are several layers apart
Node = tuple[int, int, int]  # x [m], y [m], layer
Heights = tuple[float, float, float, float]


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
        self._heights: dict[Node, float] = {}
        self._cells: dict[Node, Heights] = {}

    @cached_property
    def spawn_points(self) -> list[Pose]:
        """Starting poses for cars, half a metre above the ground as on CARLA."""
        return spawn_points(self.map)

    def ground(self, x: float, y: float, z: float = 0.0) -> float:
        """Height of the ground [m]: that of the lane nearest to the point, so that `z` says whether the bridge is
        meant or what lies below. Interpolated between whole metres, where the map is asked once: asking takes 20 us.
        """
        if self.level:
            return 0.0
        column, row, layer = math.floor(x), math.floor(y), round(z / LAYER)
        cell = self._cells.get((column, row, layer))
        if cell is None:
            cell = self._cells[column, row, layer] = (
                self._height((column, row, layer)),
                self._height((column + 1, row, layer)),
                self._height((column, row + 1, layer)),
                self._height((column + 1, row + 1, layer)),
            )
        right, down = x - column, y - row
        near = cell[0] + right * (cell[1] - cell[0])
        far = cell[2] + right * (cell[3] - cell[2])
        return near + down * (far - near)

    def _height(self, node: Node) -> float:
        height = self._heights.get(node)
        if height is None:
            where = carla.Location(x=float(node[0]), y=float(node[1]), z=node[2] * LAYER)
            waypoint = self.map.get_waypoint(where, True, carla.LaneType.Any)
            height = self._heights[node] = float(waypoint.transform.location.z) if waypoint else 0.0
        return height

    def surface(self, x: float, y: float) -> int:
        """Semantic tag of the ground there."""
        waypoint = self.map.get_waypoint(carla.Location(x=x, y=y), False, carla.LaneType.Any)
        if waypoint is None:
            return TERRAIN
        return SIDEWALK if waypoint.lane_type == carla.LaneType.Sidewalk else ROAD
