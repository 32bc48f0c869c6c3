"""The ground plane of CARLA's world: metres, x forward, y right, yaw in radians, clockwise seen from above."""

from __future__ import annotations

import math
from typing import Any, Tuple

import numpy as np

Pose = Tuple[float, float, float]  # x, y, yaw
Point = Tuple[float, float]
SPACING, AHEAD = 5.0, 60.0  # [m] between the points of a route as the wire tells it, and how far it reaches


def wrapped(angle: float) -> float:
    """The same angle [rad] within -pi..pi."""
    return math.remainder(angle, 2.0 * math.pi)


def world(pose: Pose, right: float, forward: float) -> Point:
    """A point of the vehicle's own frame [m] in the world's."""
    x, y, yaw = pose
    c, s = math.cos(yaw), math.sin(yaw)
    return x + forward * c - right * s, y + forward * s + right * c


class Route:
    """A polyline through points [n, 2] in metres, and how far along it a vehicle has come.

    The vehicle is looked for near where it was, so that a route which crosses itself is not cut short.
    """

    def __init__(self, points: Any) -> None:
        corners = np.asarray(points, dtype=float).reshape(-1, 2)
        steps = np.hypot(*np.diff(corners, axis=0).T)
        corners = corners[np.concatenate([[True], steps > 1e-6])]
        steps = steps[steps > 1e-6]
        if len(corners) < 2:
            raise ValueError("a path has two different points")
        self._corners = corners
        self._along = np.concatenate([[0.0], np.cumsum(steps)])
        self._fine = np.linspace(0.0, self.length, int(self.length) + 2)
        self._points = self._at(self._fine)
        self._near = 0.0
        self._found = False

    @property
    def length(self) -> float:
        return float(self._along[-1])

    def ahead(self, x: float, y: float) -> tuple[list[Point], float]:
        """Points 5 m apart from beside the vehicle, 60 m at most, and the length that is left [m]."""
        here = self._locate(x, y)
        left = self.length - here
        distances = here + np.minimum(np.arange(0.0, AHEAD + 1.0, SPACING), max(left, 1e-3))
        distances = np.unique(np.minimum(distances, self.length))
        return [(float(px), float(py)) for px, py in self._at(distances)], left

    def _locate(self, x: float, y: float) -> float:
        reach = 30.0 if self._found else self.length
        near = np.abs(self._fine - self._near) <= reach
        away = np.hypot(self._points[:, 0] - x, self._points[:, 1] - y)
        away[~near] = np.inf
        self._near, self._found = float(self._fine[int(np.argmin(away))]), True
        return self._near

    def _at(self, distances: Any) -> Any:
        return np.stack([np.interp(distances, self._along, self._corners[:, axis]) for axis in (0, 1)], axis=1)


def straight(start: Point, end: Point) -> list[Point]:
    """Points 5 m apart from one to another [m], both included; just the first if they are the same."""
    span = math.hypot(end[0] - start[0], end[1] - start[1])
    shares = np.minimum(np.arange(0.0, max(span, 1e-3) + SPACING, SPACING) / max(span, 1e-3), 1.0)
    points: list[Point] = []
    for share in np.unique(shares):
        points.append((start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])))
    return points
