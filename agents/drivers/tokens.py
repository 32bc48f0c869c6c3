"""A view as a row of tokens: rules, the vehicle itself, its route, crossing lanes, vehicles, a plan query.

A *segment* is one observer's view in one viewer's frame. A driver reads its own segment; the `observation`
channel puts a peer's segment in front of it; the `latent` channel sends what the peer's own forward pass made
of that same segment. It holds what may matter to the viewer and no more: lanes that meet its route, vehicles whose
ways do, and those that move close by. Connected vehicles stand in the viewer's own segment alone: it has their beacons.

Layout 2 adds the last four features of a lane or a vehicle: when somebody can be where it meets the route, from where
to where that is, and a vehicle's turn (or a lane's pace).
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers import ways
from laco.agents.drivers.frame import CELL, Frame
from laco.agents.drivers.lanes import Lane, lanes
from laco.agents.drivers.threats import Met, known, meetings
from laco.agents.observation import PACE, Actor, Observation, Sight

RULE, EGO, ROUTE, SIGHT, ACTOR, PLAN = range(6)
KINDS = 6
FEATURES = 18
LAYOUT = 2
OLD_FEATURES = 14  # layout 1 had so many; the rest were zero
FARTHEST = 10.0  # [s] crossing times are clipped to this
MOST_ACTORS, MOST_LANES = 10, 8  # a segment holds at most so many
CLOSE = 20.0  # [m] a vehicle that moves so near is told of even if its way meets nothing

Array = NDArray[np.float32]


def segment(frame: Frame, view: Observation, caution: float) -> tuple[Array, NDArray[np.int64]]:
    """`view` in `frame`: features [T, 18] and token kinds [T]."""
    rows = [
        (RULE, [caution, frame.limit / 15]),
        (EGO, [frame.body.speed / 15, min(frame.remaining, 60.0) / 60, frame.body.half_length / 5]),
        (ROUTE, _route(frame)),
    ]
    seen = lanes(frame, [view])[:MOST_LANES]
    rows += [(SIGHT, row) for row in _lanes(frame, seen)]
    rows += [(ACTOR, _actor(frame, *one)) for one in relevant(frame, view)]
    rows.append((PLAN, [1.0]))
    features = np.zeros((len(rows), FEATURES), dtype=np.float32)
    for i, (_, row) in enumerate(rows):
        features[i, : len(row)] = row
    return features, np.array([kind for kind, _ in rows])


def matters(frame: Frame, view: Observation) -> Observation:
    """The view with what its segment in `frame` holds and nothing else."""
    seen = lanes(frame, [view])[:MOST_LANES]
    sights = tuple(Sight(lane.place, lane.heading, lane.extent, lane.pace) for lane in seen)
    actors = tuple(actor for actor, _, _ in relevant(frame, view))
    return msgspec.structs.replace(view, actors=actors, sights=sights)


def relevant(frame: Frame, view: Observation) -> list[tuple[Actor, Met | None, int]]:
    """The actors of a segment, where each first meets the route, and whose turn it is: who meets it soonest first."""
    actors = known(frame, [view])
    if view.name != frame.name:
        actors = [a for a in actors if not a.name]
    met, turns = meetings(frame, actors)
    found = [(a, min(m, key=_begin, default=None), turns.get(a.name, 0)) for a, m in zip(actors, met, strict=True)]

    def order(one: tuple[Actor, Met | None, int]) -> tuple[float, float]:
        return math.inf if one[1] is None else one[1].arrives, _distance(frame, one[0])

    return sorted((one for one in found if one[1] or _close(frame, one[0])), key=order)[:MOST_ACTORS]


def _begin(met: Met) -> float:
    return met.conflict.begin


def _distance(frame: Frame, actor: Actor) -> float:
    return math.hypot(actor.body.x - frame.body.x, actor.body.y - frame.body.y)


def _close(frame: Frame, actor: Actor) -> bool:
    return ways.moves(actor.body) and _distance(frame, actor) < CLOSE


def _route(frame: Frame) -> list[float]:
    points = frame.route.at(np.array([4.0, 8.0, 12.0, 16.0, 20.0, 30.0, 40.0]))
    return [value / 20 for x, y in points for value in frame.local(x, y)]


def _lanes(frame: Frame, seen: list[Lane]) -> list[list[float]]:
    fastest = [lane.phantom(lane.pace) for lane in seen]
    met = ways.conflicts(frame, fastest, [[(b.x, b.y, b.yaw, ways.STRAIGHT)] for b in fastest])
    rows = []
    for lane, some in zip(seen, met, strict=True):
        side = frame.turn(lane.heading)
        row = [lane.at / 30, lane.extent / 60, math.cos(side), math.sin(side)]
        row += [math.log1p(lane.at), math.log1p(lane.extent)]
        row += [0.0] * (OLD_FEATURES - len(row))
        place = _place(some[0].near / lane.pace, some[0]) if some else [0.0] * 3
        rows.append([*row, *place, lane.pace / PACE - 1.0])
    return rows


def _place(arrives: float, conflict: ways.Conflict) -> list[float]:
    """When somebody can be at a stretch of the route, and where that begins and ends."""
    return [min(arrives, FARTHEST) / 5, conflict.begin / 30, (conflict.end + CELL) / 30]


def _actor(frame: Frame, actor: Actor, met: Met | None, turn: int) -> list[float]:
    place = [0.0] * 3 if met is None else _place(met.arrives, met.conflict)
    return [*_motion(frame, actor), *place, float(turn)]


def _motion(frame: Frame, actor: Actor) -> list[float]:
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
