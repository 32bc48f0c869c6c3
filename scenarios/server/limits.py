"""The speed limit where each vehicle is, as the map says it: by lane, else by road, else 50 km/h.

Who came is told at once; after that everybody is looked at five times a second, is told anew after having moved by
2 m, and the map is asked once per square of 2 m: what is true at the first vehicle's place is taken for the square.
"""

import math
from bisect import bisect_right
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

import carla
import numpy as np

from laco.scenarios.server import opendrive
from laco.scenarios.server.bodies import Y
from laco.scenarios.server.roads import LAYER, Roads
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.vehicle import Vehicle

UNSAID = 50.0  # [km/h]
UNITS = {"km/h": 1.0, "mph": 1.609344, "m/s": 3.6, "": 3.6}  # in km/h
SQUARE = 2.0  # [m]
PERIOD = 0.2  # [s] between two looks at where everybody is


class _Limits(NamedTuple):
    """Limits [km/h] along a road: from each of these places [m] on; None where nothing is said."""

    starts: list[float]
    values: list[float | None]

    def at(self, s: float) -> float | None:
        """What holds at `s`."""
        index = bisect_right(self.starts, s) - 1
        return self.values[index] if index >= 0 else None


class RoadLimits:
    """What one OpenDRIVE document says of speed."""

    def __init__(self, roads: Roads) -> None:
        self._map = roads.map
        self._roads: dict[int, _Limits] = {}
        self._lanes: dict[tuple[int, int], _Limits] = {}
        self._squares: dict[tuple[int, int, int], float | None] = {}
        for road in opendrive.parse(roads.xodr).iter("road"):
            self._read(road)

    def at(self, x: float, y: float, z: float) -> float | None:
        """Limit [km/h] there; None beside the driving lanes."""
        square = math.floor(x / SQUARE), math.floor(y / SQUARE), round(z / LAYER)
        if square not in self._squares:
            where = carla.Location(x=x, y=y, z=z)
            waypoint = self._map.get_waypoint(where, False, carla.LaneType.Driving)
            self._squares[square] = None if waypoint is None else self._of(waypoint)
        return self._squares[square]

    def _of(self, waypoint: Any) -> float:
        road, lane, s = waypoint.road_id, waypoint.lane_id, waypoint.s
        for limits in (self._lanes.get((road, lane)), self._roads.get(road)):
            limit = limits.at(s) if limits is not None else None
            if limit is not None:
                return limit
        return UNSAID

    def _read(self, road: Element) -> None:
        id = int(_number(road, "id"))
        types = sorted(road.iterfind("type"), key=_s)
        self._roads[id] = _Limits([_s(t) for t in types], [_limit(t.find("speed")) for t in types])
        for section in sorted(road.iterfind("lanes/laneSection"), key=_s):
            for lane in section.iter("lane"):
                limits = self._lanes.setdefault((id, int(_number(lane, "id"))), _Limits([], []))
                for start, value in _along(lane, _s(section)):
                    limits.starts.append(start)
                    limits.values.append(value)


class SpeedLimits:
    """Part of a simulation: lets vehicles heed the limit of their road."""

    def __init__(self, simulation: Simulation) -> None:
        self._world = simulation.world
        self._limits = RoadLimits(simulation.world.roads)
        self._places = np.zeros((0, 2))  # where each body was when its limit was last looked up
        self._revision = -1
        self._due = 0.0  # [s] simulated

    def before(self, dt: float) -> None:
        """The frame comes first."""

    def after(self, dt: float) -> None:
        """Look again at what has moved by a square."""
        world, bodies = self._world, self._world.bodies
        if world.elapsed < self._due and world.revision == self._revision:
            return
        self._due = world.elapsed + PERIOD - dt / 2
        places = bodies.rows[: len(bodies), : Y + 1]
        if self._revision != world.revision:
            self._revision = world.revision
            self._places = np.full(places.shape, np.inf)
        far = (np.abs(places - self._places) > SQUARE).any(axis=1)
        if not far.any():
            return
        for index in np.flatnonzero(far).tolist():
            self._places[index] = places[index]
            vehicle = bodies.solids[index]
            if isinstance(vehicle, Vehicle):
                self._tell(vehicle)

    def close(self) -> None:
        """Nothing to give back."""

    def _tell(self, vehicle: Vehicle) -> None:
        limit = self._limits.at(vehicle.x, vehicle.y, vehicle.z)
        if limit is not None:
            vehicle.heed(limit, vehicle.light_state, vehicle.light_id)


def _along(lane: Element, start: float) -> list[tuple[float, float | None]]:
    """A lane's limits from the start of its section on: none until one is said."""
    said = [(start + _number(e, "sOffset"), _limit(e)) for e in lane.iterfind("speed")]
    return [(start, None), *sorted(said, key=lambda pair: pair[0])]


def _s(element: Element) -> float:
    return _number(element, "s")


def _number(element: Element, key: str) -> float:
    """Zero for what is no number: a slip in what is said of speed is no reason to refuse a map."""
    try:
        value = float(element.get(key, "0"))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _limit(speed: Element | None) -> float | None:
    """In km/h; None for no limit and for what is no number."""
    if speed is None:
        return None
    factor = UNITS.get(speed.get("unit", ""))
    try:
        value = float(speed.get("max", ""))
    except ValueError:
        return None  # "no limit", "undefined"
    return value * factor if factor is not None and value > 0.0 and math.isfinite(value) else None
