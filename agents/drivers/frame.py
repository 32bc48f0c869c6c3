"""A scene as one vehicle meets it: everything measured along its own route.

Both the expert and the token features read the scene from here, which is what makes the expert's labels a
function of the student's input. The viewer may be the vehicle itself or, when a peer speaks to it, the
vehicle spoken to, known by its beacon.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from laco.agents.observation import Actor, Beacon, Body, Observation, Point, Sight
from laco.agents.perception import SIGHT_RANGE
from laco.agents.route import Route

CELL = 0.5  # [m]
CELLS = np.arange(0.0, 66.0, CELL)  # [m] route distances of the cells in which the route ahead is looked at

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frame:
    """Where a viewer stands: its body and the route from it on; its name, and the route's points as its beacon has
    them."""

    body: Body
    route: Route
    remaining: float
    limit: float
    name: str = ""
    told: tuple[Point, ...] = ()

    @classmethod
    def of(cls, viewer: Observation | Beacon) -> "Frame":
        """The frame of an observer, or of the sender of a beacon."""
        route = Route.through(np.array(viewer.route))
        return cls(viewer.body, route, viewer.remaining, viewer.limit, viewer.name, viewer.route)

    @cached_property
    def cells(self) -> tuple[Array, Array]:
        """The middle [n, 2] and the bearing [n] of the route's cells."""
        points = self.route.at(np.append(CELLS, CELLS[-1] + CELL))
        step = np.diff(points, axis=0)
        return points[:-1], np.arctan2(step[:, 1], step[:, 0])

    def local(self, x: float, y: float) -> tuple[float, float]:
        """World point to the viewer's own axes, forward and right [m]."""
        dx, dy = x - self.body.x, y - self.body.y
        c, s = math.cos(self.body.yaw), math.sin(self.body.yaw)
        return dx * c + dy * s, dy * c - dx * s

    def turn(self, yaw: float) -> float:
        """World heading relative to the viewer's, in (-pi, pi]."""
        return math.remainder(yaw - self.body.yaw, 2 * math.pi)

    def crossing(self, x: float, y: float, heading: float) -> tuple[float, float] | None:
        """Where the straight line through a point meets the route.

        Returns the distance along the route and, along the line, how far ahead of the point that is
        (negative: behind it); None if they do not meet at a clear angle.
        """
        step = np.diff(self.route.points, axis=0)
        c, s = math.cos(heading), math.sin(heading)
        cross = step[:, 0] * s - step[:, 1] * c
        gap = np.array([x, y]) - self.route.points[:-1]
        safe = np.where(np.abs(cross) < 1e-9, 1e-9, cross)
        share = (gap[:, 0] * s - gap[:, 1] * c) / safe
        span = np.hypot(step[:, 0], step[:, 1])
        meets = (np.abs(cross) > 0.5 * span) & (share >= 0.0) & (share <= 1.0)
        if not meets.any():
            return None
        i = int(np.argmax(meets))
        px, py = self.route.points[i] + share[i] * step[i]
        return float(self.route.distance[i] + share[i] * span[i]), float((px - x) * c + (py - y) * s)


def seen_extent(frame: Frame, sight: Sight) -> tuple[float, float] | None:
    """A sight for the viewer: route distance of the crossing, and the length seen upstream of it [m]."""
    found = frame.crossing(*sight.point, sight.heading)
    if found is None:
        return None
    at, beyond = found
    return at, min(max(sight.extent + beyond, 0.0), SIGHT_RANGE)


def as_actor(observation: Observation, vehicle_id: int = -1) -> Actor:
    """The observer itself, as others see it."""
    return Actor(vehicle_id, observation.body, observation.name)
