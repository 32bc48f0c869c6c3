"""Routes: from an evaluator's XML to the dense plan that agents get."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from typing import Any

import carla
from agents.navigation.local_planner import RoadOption

Point = Any  # (x, y) [m]
EARTH = 6378137.0  # [m], as in CARLA's Mercator
GAP = 1.0  # [m] between points of the dense plan
BEND = 20.0  # [degree] from here on it is a turn


def geographic(x: float, y: float, z: float) -> dict[str, float]:
    """Where GNSS says that a point of the world is, on a map whose origin is at 0, 0: north is -y."""
    latitude = 2 * math.atan(math.exp(-y / EARTH)) - math.pi / 2
    return {"lat": math.degrees(latitude), "lon": math.degrees(x / EARTH), "z": z}


def read_routes(path: str) -> list[dict[str, Any]]:
    """`id`, `town` and `points` of every route of a file."""
    routes = []
    for route in ElementTree.parse(path).getroot().iter("route"):
        points = [(float(w.get("x")), float(w.get("y"))) for w in route.iter("waypoint")]
        routes.append({"id": route.get("id"), "town": route.get("town"), "points": points})
    return routes


def shifted(points: list[Point], ego: int) -> list[Point]:
    """The route of LangCoop's ego number `ego`: from ahead of the first, beside it or behind, then the same way."""
    (x, y), (to_x, to_y) = points[:2]
    yaw = math.atan2(to_y - y, to_x - x)
    ahead, right = [(0.0, 0.0), (12.0, 0.0), (0.0, 3.5), (-12.0, 0.0)][ego]
    c, s = math.cos(yaw), math.sin(yaw)
    return [(x + ahead * c - right * s, y + ahead * s + right * c), *points[1:]]


def plan(points: list[Point]) -> tuple[list[Any], list[Any]]:
    """Dense plan of a polyline: [({'lat', 'lon', 'z'}, RoadOption)] and [(carla.Transform, RoadOption)]."""
    world = []
    before = None
    for (x, y), (to_x, to_y) in zip(points, points[1:]):
        length, yaw = math.hypot(to_x - x, to_y - y), math.atan2(to_y - y, to_x - x)
        turn = 0.0 if before is None else math.degrees((yaw - before + math.pi) % (2 * math.pi) - math.pi)
        option = RoadOption.LANEFOLLOW if abs(turn) < BEND else RoadOption.RIGHT if turn > 0 else RoadOption.LEFT
        count = max(1, round(length / GAP))
        world += [(_at(x + (to_x - x) * i / count, y + (to_y - y) * i / count, yaw), option) for i in range(count)]
        before = yaw
    world.append((_at(*points[-1], before or 0.0), RoadOption.LANEFOLLOW))
    return [(geographic(t.location.x, t.location.y, 0.0), option) for t, option in world], world


def _at(x: float, y: float, yaw: float) -> carla.Transform:
    return carla.Transform(carla.Location(x, y, 0.0), carla.Rotation(yaw=math.degrees(yaw)))


class Progress:
    """How far along its plan a vehicle has come, and how far off it is."""

    def __init__(self, world: list[Any]) -> None:
        self.points = [(t.location.x, t.location.y) for t, _ in world]
        pairs = zip(self.points, self.points[1:])
        self.length = sum(math.hypot(a[0] - b[0], a[1] - b[1]) for a, b in pairs)  # [m]
        self.index = 0
        self.off = 0.0  # [m]

    def follow(self, x: float, y: float) -> None:
        gaps = [math.hypot(x - a, y - b) for a, b in self.points[self.index : self.index + 20]]
        self.index += gaps.index(min(gaps))
        self.off = min(gaps)

    @property
    def percent(self) -> float:
        return 100.0 * self.index / (len(self.points) - 1)
