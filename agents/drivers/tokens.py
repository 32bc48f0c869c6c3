"""A view as a row of tokens: rules, the vehicle itself, its route, crossing lanes, vehicles, a plan query.

A *segment* is one observer's view in one viewer's frame. A driver reads its own segment; the `observation`
channel puts a peer's segment in front of it; the `latent` channel sends what the peer's own forward pass made
of that same segment.
"""

import math

import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers.frame import Frame, seen_extent
from laco.agents.observation import Actor, Observation, Sight
from laco.agents.perception import MOVING

RULE, EGO, ROUTE, SIGHT, ACTOR, PLAN = range(6)
KINDS = 6
FEATURES = 18
FARTHEST = 10.0  # [s] crossing times are clipped to this
MOST_ACTORS = 8  # a segment holds at most so many vehicles
BESIDE = 2.5  # [m] from the route: a vehicle standing further off is not in the way

Array = NDArray[np.float32]


def segment(frame: Frame, view: Observation, caution: float) -> tuple[Array, NDArray[np.int64]]:
    """`view` in `frame`: features [T, 18] and token kinds [T]."""
    rows = [
        (RULE, [caution, frame.limit / 15]),
        (EGO, [frame.body.speed / 15, min(frame.remaining, 60.0) / 60, frame.body.half_length / 5]),
        (ROUTE, _route(frame)),
    ]
    rows += [(SIGHT, row) for s in view.sights if (row := _sight(frame, s)) is not None]
    rows += [(ACTOR, _actor(frame, a)) for a in nearest(frame, view.actors)]
    rows.append((PLAN, [1.0]))
    features = np.zeros((len(rows), FEATURES), dtype=np.float32)
    for i, (_, row) in enumerate(rows):
        features[i, : len(row)] = row
    return features, np.array([kind for kind, _ in rows])


def nearest(frame: Frame, actors: tuple[Actor, ...]) -> list[Actor]:
    """The vehicles that matter most: those that move or stand in the way first, then by distance."""

    def order(actor: Actor) -> tuple[bool, float]:
        body = actor.body
        parked = abs(body.speed) <= MOVING and abs(frame.route.project(body.x, body.y)[1]) > BESIDE
        return parked, math.hypot(body.x - frame.body.x, body.y - frame.body.y)

    return sorted((a for a in actors if not _is_viewer(frame, a)), key=order)[:MOST_ACTORS]


def _is_viewer(frame: Frame, actor: Actor) -> bool:
    """A peer sees the vehicle it speaks to; nobody needs telling about itself."""
    return math.hypot(actor.body.x - frame.body.x, actor.body.y - frame.body.y) < frame.body.half_length


def _route(frame: Frame) -> list[float]:
    points = frame.route.at(np.array([4.0, 8.0, 12.0, 16.0, 20.0, 30.0, 40.0]))
    return [value / 20 for x, y in points for value in frame.local(x, y)]


def _sight(frame: Frame, sight: Sight) -> list[float] | None:
    found = seen_extent(frame, sight)
    if found is None:
        return None
    at, extent = found
    side = frame.turn(sight.heading)
    return [at / 30, extent / 60, math.cos(side), math.sin(side), math.log1p(at), math.log1p(extent)]


def _actor(frame: Frame, actor: Actor) -> list[float]:
    body = actor.body
    forward, right = frame.local(body.x, body.y)
    turn = frame.turn(body.yaw)
    along, offset = frame.route.project(body.x, body.y)
    row = [forward / 30, right / 30, math.cos(turn), math.sin(turn), body.speed / 15, body.half_length / 5]
    row += [body.half_width / 2, float(bool(actor.name)), along / 30, offset / 10]
    found = frame.crossing(body.x, body.y, body.yaw)
    if found is None:
        return [*row, 0.0, 0.0, 0.0, 0.0]
    at, beyond = found
    time = beyond / max(body.speed, 0.1)
    return [*row, 1.0, at / 30, max(-3.0, min(time, FARTHEST)) / 5, beyond / 30]
