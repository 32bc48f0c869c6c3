"""A view in words, in the frame of whoever reads them: short lines of numbers and directions.

`scene` is what a peer may need to be told: who meets the reader's route, where on it and when, and how far up the lanes
that meet it are seen. `state` and `own` are what only the viewer itself knows: its speed, its route, the rules. Tokens
are time, for a small model most of all: a line has about a dozen and a half, and a scene at most `MOST` lines.
"""

import math

import numpy as np

from laco.agents.drivers.expert import CRUISE, FASTEST, PHANTOM, bend_cap
from laco.agents.drivers.frame import CELL, Frame
from laco.agents.drivers.lanes import ON_FOOT, Lane, lanes
from laco.agents.drivers.threats import Met
from laco.agents.drivers.tokens import FARTHEST, relevant
from laco.agents.drivers.ways import walks
from laco.agents.observation import Actor, Body, Observation
from laco.agents.perception import SIGHT_RANGE

BEND = math.radians(10)  # a route turning less than this goes straight on
NEXT_TO = 1.0  # [m] less than this to the side is straight ahead
MOST = 6  # lines of a scene
NOTHING = "nothing"
NARROW = 0.55  # [m] half width below which a vehicle has two wheels
LONG = 3.2  # [m] half length above which it is called a truck


def state(frame: Frame, caution: float) -> str:
    """The viewer's speed, the free speed (limit and bends in it), and how fast hidden cars may come [m/s]."""
    hidden = f", hidden {PHANTOM * caution:.0f}" if caution > 0.0 else ""
    return f"Speed {frame.body.speed:.0f} of {free(frame):.0f}{hidden}."


def free(frame: Frame) -> float:
    """How fast the viewer would go with nobody there [m/s]: its limit, and what the bends ahead allow."""
    return bend_cap(frame, min(frame.limit * CRUISE, FASTEST))


def own(frame: Frame, caution: float) -> str:
    """The viewer's speed, limit, route and caution, for a model that is to find out more by itself."""
    cruise = frame.limit * CRUISE
    lines = [
        f"Your speed: {frame.body.speed:.0f} m/s. Free road: {cruise:.0f} m/s.",
        f"Your route: {_route(frame)}, {max(frame.remaining, 0.0):.0f} m to go.",
    ]
    if caution > 0.0:
        lines.append(f"Hidden vehicles may come at {PHANTOM * caution:.0f} m/s.")
    return "\n".join(lines)


def scene(frame: Frame, view: Observation) -> str:
    """What `view` holds that matters to the viewer of `frame`: a line for everybody who meets its route, the soonest
    first, then for every lane that does, the nearest first."""
    users = [_user(frame, actor, met) for actor, met, _ in relevant(frame, view) if met is not None and _soon(met)]
    ways = [_lane(frame, lane) for lane in lanes(frame, [view])]
    return "\n".join([*users, *ways][:MOST]) or NOTHING


def _soon(met: Met) -> bool:
    return met.arrives < FARTHEST


def _route(frame: Frame) -> str:
    """Straight on, or where the first bend begins."""
    distance = np.arange(0.0, 45.0, 5.0)
    points = frame.route.at(distance)
    headings = np.unwrap(np.arctan2(*np.diff(points, axis=0).T[::-1]))
    turned = np.flatnonzero(np.abs(headings - headings[0]) > BEND)
    if not turned.size:
        return "straight on"
    side = "right" if headings[-1] > headings[0] else "left"
    return f"{side} in {distance[int(turned[0])]:.0f} m"


def _lane(frame: Frame, lane: Lane) -> str:
    """Where it meets the route, and how far up it is seen: "Road from right, 25 m: hidden from 40 m."."""
    what = "Walkers" if lane.pace <= ON_FOOT else "Road"
    seen = "clear" if lane.extent >= SIGHT_RANGE else f"hidden from {lane.extent:.0f} m"
    return f"{what} from {_side(frame, lane.heading)}, {lane.at:.0f} m: {seen}."


def _side(frame: Frame, heading: float) -> str:
    """Where traffic of a heading comes from."""
    turn = frame.turn(heading)
    if abs(turn) < math.pi / 6:
        return "behind"
    if abs(turn) > 5 * math.pi / 6:
        return "ahead"
    return "right" if turn < 0.0 else "left"


def _user(frame: Frame, actor: Actor, met: Met) -> str:
    """Which stretch of the route it takes, and from when to when: "Car from right, 25-30 m: 2.0-2.6 s."."""
    body, meets = actor.body, met.conflict
    who = " ".join(part for part in (kind(body), actor.name) if part)
    place = f"{meets.begin:.0f}-{meets.end + CELL:.0f} m"
    if math.isinf(met.gone):
        return f"{who} stands, {place}."
    if meets.same_way and meets.near <= 0.0:
        return f"{who} in front, {meets.begin:.0f} m: {body.speed:.0f} m/s."
    joins = f", then {body.speed:.0f} m/s" if meets.same_way else ""
    return f"{who} from {_side(frame, body.yaw)}, {place}: {met.arrives:.1f}-{min(met.gone, 99.0):.1f} s{joins}."


def kind(body: Body) -> str:
    """What a body of that size is called."""
    if walks(body):
        return "Walker"
    if body.half_width < NARROW:
        return "Bike"
    return "Truck" if body.half_length > LONG else "Car"


def where(forward: float, right: float) -> str:
    """A place in the viewer's axes [m], in words."""
    along = f"{abs(forward):.0f} m {'ahead' if forward >= 0.0 else 'behind'}"
    if abs(right) < NEXT_TO:
        return along
    return f"{along} {abs(right):.0f} m {'right' if right > 0.0 else 'left'}"
