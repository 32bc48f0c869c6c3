"""Which speed limit applies where a vehicle is, out of the OpenDRIVE document: of the lane, else of the road.

A vehicle is asked for again only after it has driven some metres, and on a map with one limit everywhere only when it
arrives: a map query takes longer than a vehicle's step.
"""

import math
from bisect import bisect_right
from typing import NamedTuple, TypeVar
from xml.etree.ElementTree import Element

import carla

from laco.scenarios.server import opendrive
from laco.scenarios.server.roads import Roads
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.vehicle import Vehicle

Key = TypeVar("Key")
USUAL = 50.0  # [km/h] where the map says nothing
STEP = 5.0  # [m] sum of the ways in x and y
TO_KMH = {"km/h": 1.0, "mph": 1.609344, "m/s": 3.6, "": 3.6}  # OpenDRIVE's default is m/s


class Limits(NamedTuple):
    """Limits along one road: `starts` [m] in ascending order, and what applies from each on [km/h]."""

    starts: list[float]
    values: list[float]

    def at(self, s: float) -> float:
        """The limit at `s` [m] along the road [km/h]."""
        return self.values[max(0, bisect_right(self.starts, s) - 1)]


class SpeedLimits:
    """The part of the world that tells vehicles how fast they may drive."""

    def __init__(self, simulation: Simulation) -> None:
        self._world = simulation.world
        self._roads, self._lanes = limits(opendrive.parse(self._world.roads.xodr))
        found = {value for one in (*self._roads.values(), *self._lanes.values()) for value in one.values}
        self._everywhere = (found or {USUAL}).pop() if len(found) < 2 else None
        self._seen: dict[int, tuple[Vehicle, float, float]] = {}  # by id: where it was last asked for
        self._revision = -1

    def before(self, dt: float) -> None:
        """Nothing to do."""

    def after(self, dt: float) -> None:
        """Tell those that came or have gone on."""
        if self._revision != self._world.revision:
            self._gather()
        if self._everywhere is None:
            for vehicle, x, y in tuple(self._seen.values()):
                if not abs(vehicle.x - x) + abs(vehicle.y - y) < STEP:
                    self._ask(vehicle)

    def close(self) -> None:
        """Nothing to give back."""

    def _gather(self) -> None:
        self._revision = self._world.revision
        vehicles = [actor for actor in self._world.actors.values() if isinstance(actor, Vehicle)]
        old, self._seen = self._seen, {}
        for vehicle in vehicles:
            if vehicle.id in old:
                self._seen[vehicle.id] = old[vehicle.id]
            else:
                self._ask(vehicle)

    def _ask(self, vehicle: Vehicle) -> None:
        x, y = vehicle.x, vehicle.y
        self._seen[vehicle.id] = (vehicle, x, y)
        limit = self._everywhere if self._everywhere is not None else self._at(self._world.roads, x, y)
        vehicle.heed(limit, vehicle.light_state, vehicle.light_id)

    def _at(self, roads: Roads, x: float, y: float) -> float:
        waypoint = roads.map.get_waypoint(carla.Location(x=x, y=y))
        if waypoint is None:
            return USUAL
        lane = self._lanes.get((waypoint.road_id, waypoint.lane_id))
        road = lane or self._roads.get(waypoint.road_id)
        return road.at(waypoint.s) if road is not None else USUAL


def limits(root: Element) -> tuple[dict[int, Limits], dict[tuple[int, int], Limits]]:
    """The document's limits by road, and by road and lane where a lane has its own."""
    roads: dict[int, Limits] = {}
    lanes: dict[tuple[int, int], Limits] = {}
    for road in root.iter("road"):
        id = int(road.get("id", "0"))
        _note(roads, id, [(_number(kind, "s"), kind.find("speed")) for kind in road.iterfind("type")])
        found: dict[int, list[tuple[float, Element | None]]] = {}
        for section in road.iterfind("lanes/laneSection"):
            for lane in section.iterfind("*/lane"):
                spans = found.setdefault(int(lane.get("id", "0")), [])
                spans += [(_number(section, "s") + _number(e, "sOffset"), e) for e in lane.iterfind("speed")]
        for lane_id, pieces in found.items():
            _note(lanes, (id, lane_id), pieces)
    return roads, lanes


def _note(into: dict[Key, Limits], key: Key, pieces: list[tuple[float, Element | None]]) -> None:
    known = sorted((s, _kmh(speed)) for s, speed in pieces if speed is not None)
    known = [(s, value) for s, value in known if value > 0.0]
    if known:
        into[key] = Limits([s for s, _ in known], [value for _, value in known])


def _kmh(speed: Element) -> float:
    """A `<speed>`; 0 for "no limit" and "undefined"."""
    try:
        value = float(speed.get("max", "")) * TO_KMH.get(speed.get("unit", ""), 3.6)
    except ValueError:
        return 0.0
    return round(value, 6) if math.isfinite(value) else 0.0


def _number(element: Element, key: str) -> float:
    return float(element.get(key) or 0.0)
