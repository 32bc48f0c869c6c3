"""Line of sight on the ground plane: rays from a vehicle against oriented boxes.

The same mechanism serves both kinds of server: boxes come from the client's own snapshot, so looking costs no
remote call. Sizes are those of `actor.bounding_box`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from laco.agents.observation import PACE, Actor, Beacon, Body, Observation, Point, Sight
from laco.agents.route import Route
from laco.geometry import Box, corners, overlap

RANGE = 100.0  # [m] how far a vehicle sees
SIGHT_STEP = 2.0  # [m] spacing of the points tested along a crossing lane
SIGHT_RANGE = 60.0  # [m] how far up a crossing lane is asked about
MOVING = 0.5  # [m/s] a vehicle faster than this does not count as a wall
PAST_END = 15.0  # [m] a vehicle may roll on past its goal
ROUTE_AHEAD = tuple(range(0, 65, 5))  # [m] where a beacon's and an observation's route points lie

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Approach:
    """A lane that crosses a route: where, its traffic's heading [rad], the way up [n, 2], nearest first, and the
    fastest that may come there [m/s]."""

    point: Point
    heading: float
    upstream: Array
    pace: float = PACE

    @classmethod
    def straight(cls, point: Point, heading: float, length: float = SIGHT_RANGE, pace: float = PACE) -> "Approach":
        """A straight lane of `length` [m]."""
        back = -np.arange(0.0, length + SIGHT_STEP, SIGHT_STEP)[:, None]
        way = np.array(point) + back * np.array([math.cos(heading), math.sin(heading)])
        return cls(point, heading, way, pace)


def blocked(eye: Point, targets: Array, boxes: Sequence[Box]) -> NDArray[np.bool_]:
    """Which of the sight lines from `eye` to targets [n, 2] touch which box: [n, boxes]."""
    if not boxes:
        return np.zeros((len(targets), 0), dtype=bool)
    box = np.array(boxes)
    cos, sin = np.cos(box[:, 2]), np.sin(box[:, 2])
    offset = np.array(eye) - box[:, :2]
    ray = targets - np.array(eye)
    near, far = np.zeros((len(targets), len(boxes))), np.ones((len(targets), len(boxes)))
    for u, v, half in ((cos, sin, box[:, 3]), (-sin, cos, box[:, 4])):
        origin = offset[:, 0] * u + offset[:, 1] * v
        step = ray[:, :1] * u + ray[:, 1:] * v
        step = np.where(np.abs(step) < 1e-9, 1e-9, step)
        one, two = (-half - origin) / step, (half - origin) / step
        near, far = np.maximum(near, np.minimum(one, two)), np.minimum(far, np.maximum(one, two))
    return np.asarray(near <= far)


def visible(eye: Body, actors: Sequence[Actor], walls: Sequence[Box]) -> tuple[Actor, ...]:
    """The actors of which the centre or a corner can be seen from the middle of `eye`."""
    near = [a for a in actors if math.hypot(a.body.x - eye.x, a.body.y - eye.y) < RANGE]
    if not near:
        return ()
    boxes = [*(a.body.box for a in near), *walls]
    points = np.array([[(a.body.x, a.body.y), *corners(a.body.box)] for a in near])
    hits = blocked((eye.x, eye.y), points.reshape(-1, 2), boxes).reshape(len(near), 5, len(boxes))
    own = np.arange(len(near))
    hits[own, :, own] = False
    seen = ~np.all(np.any(hits, axis=2), axis=1)
    return tuple(a for a, s in zip(near, seen, strict=True) if s)


def sights(
    eye: Body, approaches: Sequence[Approach], actors: Sequence[Actor], walls: Sequence[Box]
) -> tuple[Sight, ...]:
    """How far up each crossing lane `eye` sees, from the crossing point to the first hidden one.

    Moving vehicles are no walls: one that is seen is an actor of its own, and its shadow moves on with it. A lane
    seen to its end counts as seen for SIGHT_RANGE at least: where a line at the kerb begins, nothing is behind it. So
    does one on which somebody stands: nobody comes through.
    """
    standing = [a.body.box for a in actors if abs(a.body.speed) <= MOVING]
    boxes = [*standing, *walls]
    found = []
    for approach in approaches:
        clear = ~blocked((eye.x, eye.y), approach.upstream, boxes).any(axis=1)
        clear &= np.hypot(*(approach.upstream - (eye.x, eye.y)).T) < RANGE
        whole = bool(clear.all())
        extent = max((len(clear) if whole else int(np.argmin(clear))) - 1, 0) * SIGHT_STEP
        if whole or _stands_on(approach.upstream[int(np.argmin(clear))], standing):
            extent = max(extent, SIGHT_RANGE)
        found.append(Sight(approach.point, approach.heading, extent, approach.pace))
    return tuple(found)


def _stands_on(point: Array, boxes: Sequence[Box]) -> bool:
    """Whether a point [2] lies in one of the boxes."""
    return any(overlap((float(point[0]), float(point[1]), 0.0, 0.0, 0.0), box) for box in boxes)


def ahead(route: Route, x: float, y: float, near: float | None = None) -> tuple[tuple[Point, ...], float]:
    """The next route points, one each 5 m from the vehicle's projection, and the route that remains [m].

    near: see `Route.project`.
    """
    done, _ = route.project(x, y, near)
    points = route.at(done + np.array(ROUTE_AHEAD, dtype=float))
    return tuple((float(px), float(py)) for px, py in points), route.length - done


def observe(
    name: str,
    time: float,
    body: Body,
    route: Route,
    limit: float,
    others: Sequence[Actor],
    approaches: Sequence[Approach],
    walls: Sequence[Box] = (),
    near: float | None = None,
) -> Observation:
    """One vehicle's `Observation` of a world of `others` (itself left out) and `walls`; near: see `Route.project`."""
    points, remaining = ahead(route, body.x, body.y, near)
    actors = visible(body, others, walls)
    return Observation(name, time, body, points, remaining, limit, actors, sights(body, approaches, others, walls))


def with_beacons(view: Observation, beacons: Sequence[Beacon]) -> Observation:
    """The view with connected vehicles known by their beacons: named where seen, added where hidden."""
    actors = list(view.actors)
    for beacon in beacons:
        at, reach = (beacon.body.x, beacon.body.y), beacon.body.half_length
        actors = [a for a in actors if math.dist(at, (a.body.x, a.body.y)) >= reach]
        route = tuple(p for i, p in enumerate(beacon.route) if 5.0 * i <= beacon.remaining + PAST_END)
        actors.append(Actor(-1, beacon.body, beacon.name, 0.0, route))
    return msgspec.structs.replace(view, actors=tuple(actors))
