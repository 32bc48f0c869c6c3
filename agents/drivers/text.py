"""A view in words, in the frame of whoever reads them: short lines of numbers and directions.

`scene` is what a peer may need to be told: crossing lanes, how far up each of them is seen, and the road users that
the reader may meet. `state` and `own` are what only the viewer itself knows: its speed, its route, the rules. Tokens
are time, for a small model most of all: a line has about a dozen, and a scene at most `MOST` lines.
"""

import math

import numpy as np

from laco.agents.drivers.expert import CRUISE, PHANTOM, bend_cap
from laco.agents.drivers.frame import Frame, seen_extent
from laco.agents.drivers.tokens import BESIDE, FARTHEST, nearest
from laco.agents.observation import Actor, Body, Observation
from laco.agents.perception import MOVING, SIGHT_RANGE

BEND = math.radians(10)  # a route turning less than this goes straight on
NEXT_TO = 1.0  # [m] less than this to the side is straight ahead
SAME = 3.0  # [m] along the route: nearer crossing lanes of one side are one lane
MOST = 6  # lines of a scene
NOTHING = "nothing"


def state(frame: Frame, caution: float) -> str:
    """The viewer's speed, the free speed (limit and bends in it), and how fast hidden vehicles may come [m/s]."""
    hidden = f", hidden cars {PHANTOM * caution:.0f} m/s" if caution > 0.0 else ""
    return f"You go {frame.body.speed:.0f} of {free(frame):.0f} m/s{hidden}."


def free(frame: Frame) -> float:
    """How fast the viewer would go with nobody there [m/s]: its limit, and what the bends ahead allow."""
    return bend_cap(frame, frame.limit * CRUISE)


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
    """What `view` holds that matters to the viewer of `frame`: a line each, road users first, the nearest first."""
    users = [line for actor in nearest(frame, view.actors) if (line := _actor(frame, actor))]
    return "\n".join([*users, *_lanes(frame, view)][:MOST]) or NOTHING


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


def _lanes(frame: Frame, view: Observation) -> list[str]:
    """The lanes that cross the route, the nearest first; of one that is known twice, what is seen furthest up."""
    found: list[tuple[float, str, float]] = []
    for sight in view.sights:
        if (met := seen_extent(frame, sight)) is None:
            continue
        at, extent, side = *met, _from(frame, sight.heading)
        same = [lane for lane in found if lane[1] == side and abs(lane[0] - at) < SAME]
        found = [lane for lane in found if lane not in same] + [max([(at, side, extent), *same], key=lambda x: x[2])]
    return [_lane(*lane) for lane in sorted(found)]


def _lane(at: float, side: str, extent: float) -> str:
    seen = "clear" if extent >= SIGHT_RANGE else f"hidden from {extent:.0f} m"
    return f"Road in {at:.0f} m, {side}: {seen}."


def _from(frame: Frame, heading: float) -> str:
    """The side that traffic of a heading comes from: what heads to the left comes from the right."""
    return "right" if math.sin(frame.turn(heading)) < 0.0 else "left"


def _actor(frame: Frame, actor: Actor) -> str:
    """The line of a road user: one that will cross the route, or is on it; "" for one that will not matter."""
    body = actor.body
    who = " ".join(part for part in (kind(body), actor.name) if part)
    speed = abs(body.speed)
    if speed > MOVING and (found := _meets(frame, body)) is not None:
        at, time = found
        return f"{who} from {_from(frame, body.yaw)} {speed:.0f} m/s: in {at:.0f} m after {time:.1f} s."
    along, offset = frame.route.project(body.x, body.y)
    if abs(offset) > BESIDE or along <= 0.0:
        return ""
    way = "stands"
    if speed > MOVING:
        way = f"{speed:.0f} m/s {'ahead' if abs(frame.turn(body.yaw)) < math.pi / 2 else 'oncoming'}"
    return f"{who} in {along:.0f} m: {way}."


def _meets(frame: Frame, body: Body) -> tuple[float, float] | None:
    """Where on the viewer's route [m] and when [s] a moving road user crosses it, if it is to."""
    found = frame.crossing(body.x, body.y, body.yaw)
    if found is None or found[1] < -body.half_length:
        return None
    time = max(found[1], 0.0) / abs(body.speed)
    return None if time > FARTHEST else (found[0], time)


def kind(body: Body) -> str:
    """What a body of that size is called."""
    if body.half_length < 0.6:
        return "Walker"
    if body.half_width < 0.55:
        return "Bike"
    return "Truck" if body.half_length > 3.2 else "Car"


def where(forward: float, right: float) -> str:
    """A place in the viewer's axes [m], in words."""
    along = f"{abs(forward):.0f} m {'ahead' if forward >= 0.0 else 'behind'}"
    if abs(right) < NEXT_TO:
        return along
    return f"{along} {abs(right):.0f} m {'right' if right > 0.0 else 'left'}"
