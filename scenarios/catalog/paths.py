"""What scenarios draw with: paths of straights, arcs and lane changes, when one arrives along them, quarter turns."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers.expert import ACCEL, BRAKE, bend_cap
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Body
from laco.agents.perception import ROUTE_AHEAD
from laco.agents.route import Route
from laco.scenarios.layout import Crossing, Ego, Layout, Placement

Array = NDArray[np.float64]
NORTH, EAST, SOUTH, WEST = -90.0, 0.0, 90.0, 180.0  # [deg] in CARLA's frame
LIMIT = 50 / 3.6  # [m/s]
CRUISE = 0.9 * LIMIT  # [m/s] what an unhindered vehicle drives
PERIOD = 0.4  # [s] between two looks ahead
CARS = (
    "vehicle.lincoln.mkz_2020",
    "vehicle.tesla.model3",
    "vehicle.audi.etron",
    "vehicle.nissan.patrol",
    "vehicle.toyota.prius",
    "vehicle.seat.leon",
)
HAZARDS = ("vehicle.audi.tt", "vehicle.dodge.charger_2020", "vehicle.mini.cooper_s", "vehicle.mercedes.coupe_2020")
STEP = 1.0  # [m] between points of an arc or of a lane change


class Pen:
    """Draws a path from a place and a heading [deg] on; lengths in [m]."""

    def __init__(self, x: float, y: float, yaw: float) -> None:
        self.x, self.y, self.yaw = x, y, yaw
        self._points = [(x, y)]

    @property
    def path(self) -> Array:
        """The points [n, 2] so far."""
        return np.array(self._points)

    def ahead(self, length: float) -> "Pen":
        """Straight on."""
        return self._to(length, 0.0)

    def turn(self, angle: float, radius: float) -> "Pen":
        """Along an arc through `angle` [deg], to the right where it is positive."""
        count = max(2, math.ceil(abs(math.radians(angle)) * radius / STEP))
        piece = math.radians(angle) / count
        for _ in range(count):
            self.yaw += math.degrees(piece) / 2
            self._to(2 * radius * math.sin(abs(piece) / 2), 0.0)
            self.yaw += math.degrees(piece) / 2
        return self

    def aside(self, by: float, length: float) -> "Pen":
        """Into a line `by` to the right (negative: left) over `length`, smoothly."""
        x, y = self.x, self.y
        shares = np.linspace(0.0, 1.0, math.ceil(length / STEP) + 1)[1:]
        for share in shares:
            self.x, self.y = x, y
            self._to(length * share, by * share * share * (3 - 2 * share))
        return self

    def _to(self, forward: float, right: float) -> "Pen":
        c, s = math.cos(math.radians(self.yaw)), math.sin(math.radians(self.yaw))
        self.x, self.y = self.x + c * forward - s * right, self.y + s * forward + c * right
        self._points.append((self.x, self.y))
        return self


def weave(*knots: tuple[float, float]) -> Array:
    """A way [n, 2] through knots of (distance along a straight road, distance aside) [m]: half a cosine from each
    knot to the next one."""
    points = [knots[0]]
    for (s, d), (to_s, to_d) in pairwise(knots):
        steps = 1 if d == to_d else max(2, round(abs(to_s - s)))
        shares = np.arange(1, steps + 1) / steps
        points += [(s + (to_s - s) * t, d + (to_d - d) * (1 - math.cos(math.pi * t)) / 2) for t in shares]
    return np.array(points)


def arc(centre: tuple[float, float], radius: float, start: float, end: float) -> Array:
    """Points [n, 2] of an arc about `centre` from the angle `start` to `end` [deg], clockwise where it grows."""
    angles = np.radians(np.linspace(start, end, 1 + max(2, round(abs(end - start) / 5))))
    return np.asarray(np.array(centre) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def ego(name: str, blueprint: str, path: Array, speed: float) -> Ego:
    """A connected vehicle at the start of its route, looking along it."""
    return Ego(start(name, blueprint, path, speed), path)


def start(role: str, blueprint: str, path: Array, speed: float) -> Placement:
    """Where a path starts, looking along it."""
    (x, y), (dx, dy) = path[0], path[1] - path[0]
    return Placement(role, blueprint, float(x), float(y), math.degrees(math.atan2(dy, dx)), speed)


def measured(path: Array) -> Array:
    """Distances [n] of a path's points along it."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])


def at(path: Array, along: float) -> tuple[float, float, float]:
    """x, y and heading [deg] at a distance along a path."""
    distance = measured(path)
    i = min(max(int(np.searchsorted(distance, along)), 1), len(path) - 1)
    (x, y), step = path[i - 1], path[i] - path[i - 1]
    share = (along - distance[i - 1]) / (distance[i] - distance[i - 1])
    return float(x + share * step[0]), float(y + share * step[1]), math.degrees(math.atan2(step[1], step[0]))


def cut(path: Array, begin: float, end: float) -> Array:
    """The part of a path between two distances along it [m]."""
    distance = measured(path)
    inside = path[(distance > begin + 0.2) & (distance < end - 0.2)]
    return np.array([at(path, begin)[:2], *inside, at(path, end)[:2]])


def arrival(path: Array, speed: float, along: float, cruise: float = CRUISE) -> float:
    """Time [s] in which the unhindered expert, from `speed` [m/s], covers `along` [m] of its route, less than all."""
    if len(path) == 2:
        return _straight_on(speed, along, cruise)
    route = Route.through(path)
    time = done = 0.0
    while True:
        ahead = Route.through(route.at(done + np.array(ROUTE_AHEAD, dtype=float)))
        (x, y), step = ahead.points[0], ahead.points[1] - ahead.points[0]
        body = Body(float(x), float(y), math.atan2(step[1], step[0]), speed, 2.4, 0.9)
        cap = bend_cap(Frame(body, ahead, route.length - done, LIMIT), cruise)
        before, speed = speed, min(max(cap, speed - BRAKE * PERIOD), speed + ACCEL * PERIOD)
        covered = (before + speed) / 2 * PERIOD
        if done + covered >= along:
            return time + PERIOD * (along - done) / covered
        time, done = time + PERIOD, done + covered


def _straight_on(speed: float, along: float, cruise: float) -> float:
    """The same on a straight road, in closed form."""
    gained = (cruise**2 - speed**2) / (2 * ACCEL)
    if along < gained:
        return (math.sqrt(speed**2 + 2 * ACCEL * along) - speed) / ACCEL
    return (cruise - speed) / ACCEL + (along - gained) / cruise


def turned(layout: Layout, quarters: int, centre: tuple[float, float] = (0.0, 0.0)) -> Layout:
    """The layout turned clockwise about `centre` by quarter turns; for maps that look the same then."""

    def point(x: float, y: float) -> tuple[float, float]:
        dx, dy = x - centre[0], y - centre[1]
        for _ in range(quarters % 4):
            dx, dy = -dy, dx
        return centre[0] + dx, centre[1] + dy

    def place(p: Placement) -> Placement:
        x, y = point(p.x, p.y)
        return replace(p, x=x, y=y, yaw=p.yaw + 90.0 * quarters)

    def path(points: Array) -> Array:
        return np.array([point(float(x), float(y)) for x, y in points])

    def crossing(c: Crossing) -> Crossing:
        x, y = point(c.x, c.y)
        return replace(c, x=x, y=y, heading=c.heading + 90.0 * quarters)

    return _changed(layout, place, path, crossing)


def moved(layout: Layout, x: float, y: float, tag: str) -> Layout:
    """The layout shifted by (x, y) [m]; `tag` is added to the roles of all but the egos."""
    names = {e.name for e in layout.egos}

    def place(p: Placement) -> Placement:
        return replace(p, x=p.x + x, y=p.y + y, role=p.role if p.role in names else p.role + tag)

    def path(points: Array) -> Array:
        return np.asarray(points + np.array([x, y]))

    def crossing(c: Crossing) -> Crossing:
        return replace(c, x=c.x + x, y=c.y + y)

    return _changed(layout, place, path, crossing)


def _changed(
    layout: Layout,
    place: Callable[[Placement], Placement],
    path: Callable[[Array], Array],
    crossing: Callable[[Crossing], Crossing],
) -> Layout:
    return replace(
        layout,
        egos=tuple(Ego(place(e.placement), path(e.route)) for e in layout.egos),
        parked=tuple(place(p) for p in layout.parked),
        movers=tuple(replace(m, placement=place(m.placement), path=path(m.path)) for m in layout.movers),
        crossings=tuple(crossing(c) for c in layout.crossings),
    )
