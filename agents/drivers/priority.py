"""Who goes first where connected vehicles' routes meet: a rule that all compute alike from the same beacons.

A vehicle's turn is the time at which it comes to the first place that it shares with anybody; ties go by name. That
is one order for all, so nobody waits in a circle. Who can no longer stop before a shared place goes before who can.
Vehicles that follow each other share no place; a follower's turn is not before its leader's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers.frame import Frame
from laco.agents.observation import Actor, Body, Point
from laco.agents.perception import PAST_END, ROUTE_AHEAD

FINE = 5  # points per step of a beacon's route, so about one each metre
BESIDE = 0.5  # [m] bodies nearer than this share a place
SAME_WAY = 0.7  # cosine from which one behind another follows it
INSIDE = -0.75  # [m] a nose further in than this is inside
FIRM = 5.5  # [m/s^2] braking that a vehicle which gives way still does
SLOWEST = 2.0  # [m/s] turns are reckoned with at least this speed

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Vehicle:
    """What a beacon says: body and route points 5 m apart, as far as it is going to drive."""

    name: str
    body: Body
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Pair:
    """Two vehicles that share a place, and how far each one's nose is from it [m]."""

    names: tuple[str, str]
    gaps: tuple[float, float]


def before(frame: Frame, connected: Sequence[Actor]) -> dict[str, int]:
    """For each connected vehicle that shares a place with the viewer: 1 if it gives way, -1 if the viewer does, 0 if
    neither still can."""
    others = [Vehicle(a.name, a.body, a.route) for a in connected if a.route and a.name != frame.name]
    own = [p for at, p in zip(ROUTE_AHEAD, frame.told, strict=False) if at <= frame.remaining + PAST_END]
    if not others or not own:
        return {}
    vehicles = tuple(sorted([Vehicle(frame.name, frame.body, tuple(own)), *others], key=lambda v: v.name))
    pairs, follows = _shared(vehicles)
    turns = _turns(vehicles, pairs, follows)
    bodies = {v.name: v.body for v in vehicles}
    found = {}
    for pair in pairs:
        if frame.name in pair.names:
            me = pair.names.index(frame.name)
            found[pair.names[1 - me]] = _first(pair, bodies, turns) * (1 if me == 0 else -1)
    return found


def _first(pair: Pair, bodies: Mapping[str, Body], turns: Mapping[str, tuple[float, str]]) -> int:
    """1 if the pair's first vehicle goes first, -1 if its second does, 0 if neither can stop."""
    one, two = (_bound(bodies[n].speed, gap) for n, gap in zip(pair.names, pair.gaps, strict=True))
    if one != two:
        return 1 if one else -1
    if one:
        return 0
    return 1 if turns[pair.names[0]] < turns[pair.names[1]] else -1


def _bound(speed: float, gap: float) -> bool:
    """Whether a vehicle can no longer stop before the place, or is there."""
    return gap < INSIDE or (speed > 1.0 and speed * speed / (2 * FIRM) > gap + 0.5)


def _turns(
    vehicles: Sequence[Vehicle], pairs: Sequence[Pair], follows: Sequence[tuple[str, str]]
) -> dict[str, tuple[float, str]]:
    """When it is whose turn [s]; those that share nothing have none."""
    speeds = {v.name: max(v.body.speed, SLOWEST) for v in vehicles}
    times: dict[str, float] = {}
    for pair in pairs:
        for name, gap in zip(pair.names, pair.gaps, strict=True):
            time = max(gap, 0.0) / speeds[name]
            times[name] = min(times.get(name, time), time)
    for _ in range(2):  # a follower's follower
        for follower, leader in follows:
            if follower in times and leader in times:
                times[follower] = max(times[follower], times[leader] + 0.01)
    return {name: (time, name) for name, time in times.items()}


@lru_cache(maxsize=16)  # it is the same for all who have heard the same beacons: a host's vehicles reckon once
def _shared(vehicles: tuple[Vehicle, ...]) -> tuple[Sequence[Pair], Sequence[tuple[str, str]]]:
    """The pairs that share a place, and who follows whom (follower, leader)."""
    coarse = np.full((len(vehicles), len(ROUTE_AHEAD), 2), np.nan)
    for i, vehicle in enumerate(vehicles):
        coarse[i, : len(vehicle.points)] = vehicle.points[: len(ROUTE_AHEAD)]
    coarse -= coarse[0, 0]  # near zero, where squares are exact enough
    near = _near(coarse, 9.0)
    chosen = [(i, j) for i, j in combinations(range(len(vehicles)), 2) if near[i, j]]
    if not chosen:
        return [], []
    fine, heading = _fine(coarse)
    i, j = np.array(chosen).T
    widths = np.array([v.body.half_width for v in vehicles])
    touch = _squares(fine[i], fine[j]) < ((widths[i] + widths[j] + BESIDE) ** 2)[:, None, None]
    pairs, follows = [], []
    for number in np.flatnonzero(touch.any(axis=(1, 2))):
        (one, two), meets = chosen[number], touch[number]
        names = (vehicles[one].name, vehicles[two].name)
        if _behind(meets, heading[one], heading[two]):
            follows.append(names)
        elif _behind(meets.T, heading[two], heading[one]):
            follows.append((names[1], names[0]))
        else:
            first = (int(meets.any(axis=1).argmax()), int(meets.any(axis=0).argmax()))
            noses = (vehicles[one].body.half_length, vehicles[two].body.half_length)
            pairs.append(Pair(names, (first[0] - noses[0], first[1] - noses[1])))
    return pairs, follows


def _squares(one: Array, two: Array) -> Array:
    """Squared distances [..., k, l] between points [..., k, 2] and [..., l, 2]."""
    product = one @ np.swapaxes(two, -1, -2)
    return np.asarray((one**2).sum(-1)[..., :, None] + (two**2).sum(-1)[..., None, :] - 2.0 * product)


def _near(coarse: Array, reach: float) -> NDArray[np.bool_]:
    """Which routes [n, points, 2] come nearer to each other than `reach` [m]: [n, n]."""
    return np.asarray((_squares(coarse[:, None], coarse[None]) < reach * reach).any(axis=(2, 3)))


def _fine(coarse: Array) -> tuple[Array, Array]:
    """Routes [n, k, 2] with FINE points per step, and the unit vector at each of them."""
    step = np.diff(coarse, axis=1)
    share = np.arange(FINE)[:, None] / FINE
    points = coarse[:, :-1, None] + share * step[:, :, None]
    unit = step / np.maximum(np.hypot(step[..., 0], step[..., 1]), 1e-9)[..., None]
    return points.reshape(len(coarse), -1, 2), np.repeat(unit, FINE, axis=1)


def _behind(meets: NDArray[np.bool_], own: Array, other: Array) -> bool:
    """Whether the way of one (rows) leads to where the other (columns) is now, and on with it."""
    at = int(meets[:, 0].argmax())
    return bool(meets[at, 0]) and float(own[at] @ other[0]) > SAME_WAY
