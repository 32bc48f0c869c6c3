"""What an evaluator tells of a vehicle, as the observation that drivers read."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from laco.agents.bridge.wire import Observe
from laco.agents.observation import Actor, Body, Observation, Picture, Pictured, Point
from laco.agents.perception import ROUTE_AHEAD

NEAR = 3.0  # [m] from where it was expected, plus the turn [rad]: so near, it is still the same
FORGET = 2.0  # [s] unseen, it would be somebody else
TURNING = 1.0  # [rad/s] the fastest turn that is believed of what a detector reports
SAME = 0.01  # [m] route points that are nearer are one

Array = NDArray[np.float64]


class Lookout:
    """One vehicle's view from moment to moment: whom it sees keeps its number, which the wire does not have."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._time = -math.inf
        self._seen: dict[int, Body] = {}
        self._next = 0

    def see(self, told: Observe) -> Observation:
        """The observation at this moment, with its picture if there is one."""
        body = Body(*told.pose, told.speed, *told.size)
        view = Observation(
            name=self.name,
            time=told.time,
            body=body,
            route=ahead(told.route, body),
            remaining=told.remaining,
            limit=told.limit,
            actors=self._actors(told.time, [Body(*values) for values in told.objects]),
            sights=(),
        )
        if told.image is None:
            return view
        picture = Picture(told.image.width, told.image.height, told.image.rgb)
        return Pictured(**msgspec.structs.asdict(view), picture=picture)

    def _actors(self, time: float, bodies: list[Body]) -> tuple[Actor, ...]:
        passed = time - self._time
        known = self._known(passed, bodies)
        seen: dict[int, Body] = {}
        actors = []
        for place, body in enumerate(bodies):
            number = known.get(place)
            turn = 0.0
            if number is None:
                number, self._next = self._next, self._next + 1
            elif passed > 0.0:
                turned = math.remainder(body.yaw - self._seen[number].yaw, 2 * math.pi) / passed
                turn = min(max(turned, -TURNING), TURNING)
            seen[number] = body
            actors.append(Actor(number, body, turn=turn))
        self._time, self._seen = time, seen
        return tuple(actors)

    def _known(self, passed: float, bodies: list[Body]) -> dict[int, int]:
        """By place in `bodies` the number of who was expected there, the nearest pairs first."""
        if not (self._seen and bodies and 0.0 <= passed <= FORGET):
            return {}
        numbers = list(self._seen)
        expected = np.array([_moved(self._seen[n], passed) for n in numbers])
        there = np.array([(b.x, b.y, b.yaw) for b in bodies])
        away = expected[:, None] - there[None]
        turned = np.abs(np.remainder(away[..., 2] + np.pi, 2 * np.pi) - np.pi)
        gaps = np.hypot(away[..., 0], away[..., 1]) + np.minimum(
            turned, 1.0
        )  # a detector may see the back for the front
        found: dict[int, int] = {}
        taken: set[int] = set()
        for flat in np.argsort(gaps, axis=None, kind="stable"):
            row, place = divmod(int(flat), len(bodies))
            if gaps[row, place] > NEAR:
                break
            if place not in found and numbers[row] not in taken:
                found[place] = numbers[row]
                taken.add(numbers[row])
        return found


def ahead(route: tuple[Point, ...], body: Body) -> tuple[Point, ...]:
    """Points 5 m apart from the first on, as far as a beacon's route goes; past the end it goes straight on.

    A route without a length goes straight on from the vehicle.
    """
    points = _distinct(np.array(route or ((body.x, body.y),), dtype=np.float64))
    if len(points) < 2:
        points = np.stack([points[0], points[0] + (math.cos(body.yaw), math.sin(body.yaw))])
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.array(ROUTE_AHEAD, dtype=np.float64)
    inside = np.minimum(wanted, along[-1])
    found = np.stack([np.interp(inside, along, points[:, axis]) for axis in (0, 1)], axis=1)
    found = found + (wanted - inside)[:, None] * ((points[-1] - points[-2]) / steps[-1])
    return tuple((float(x), float(y)) for x, y in found)


def _distinct(points: Array) -> Array:
    """Points [n, 2] without those that repeat the one before."""
    kept = [points[0]]
    for point in points[1:]:
        if math.dist(point, kept[-1]) > SAME:
            kept.append(point)
    return np.stack(kept)


def _moved(body: Body, passed: float) -> tuple[float, float, float]:
    """Where it is expected after so long [s], and its heading."""
    way = body.speed * passed
    return body.x + way * math.cos(body.yaw), body.y + way * math.sin(body.yaw), body.yaw
