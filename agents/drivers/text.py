"""A view in words, in the frame of whoever reads them: short lines of numbers and directions.

`scene` is what a peer may need to be told: crossing lanes, how far up each of them is seen, and vehicles. `own`
is what only the viewer itself knows: its speed, its route, the rules.
"""

import math

import numpy as np

from laco.agents.drivers.expert import CRUISE, PHANTOM
from laco.agents.drivers.frame import Frame, seen_extent
from laco.agents.drivers.tokens import FARTHEST, nearest
from laco.agents.observation import Actor, Observation, Sight
from laco.agents.perception import MOVING, SIGHT_RANGE

BEND = math.radians(10)  # a route turning less than this goes straight on
NEXT_TO = 1.0  # [m] less than this to the side is straight ahead


def own(frame: Frame, caution: float) -> str:
    """The viewer's speed, limit, route and caution."""
    cruise = frame.limit * CRUISE
    lines = [
        f"Your speed: {frame.body.speed:.0f} m/s. Free road: {cruise:.0f} m/s.",
        f"Your route: {_route(frame)}, {max(frame.remaining, 0.0):.0f} m to go.",
    ]
    if caution > 0.0:
        lines.append(f"Hidden vehicles may come at {PHANTOM * caution:.0f} m/s.")
    return "\n".join(lines)


def scene(frame: Frame, view: Observation) -> str:
    """What `view` holds, for the viewer of `frame`: a line per crossing lane, a line per vehicle."""
    lines = [line for sight in view.sights if (line := _sight(frame, sight))]
    lines += [_actor(frame, actor) for actor in nearest(frame, view.actors)]
    return "\n".join(lines) or "No vehicle in sight."


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


def _sight(frame: Frame, sight: Sight) -> str:
    found = seen_extent(frame, sight)
    if found is None:
        return ""
    at, extent = found
    # Traffic that heads to the left comes from the right.
    side = "right" if math.sin(frame.turn(sight.heading)) < 0.0 else "left"
    seen = "seen clear" if extent >= SIGHT_RANGE else f"hidden beyond {extent:.0f} m"
    return f"Crossing lane in {at:.0f} m, traffic from the {side}: {seen}."


def _actor(frame: Frame, actor: Actor) -> str:
    body = actor.body
    forward, right = frame.local(body.x, body.y)
    who = f"Vehicle {actor.name}" if actor.name else "Vehicle"
    return f"{who} {where(forward, right)}, {_moves(frame, actor)}{_crosses(frame, actor)}."


def where(forward: float, right: float) -> str:
    """A place in the viewer's axes [m], in words."""
    along = f"{abs(forward):.0f} m {'ahead' if forward >= 0.0 else 'behind'}"
    if abs(right) < NEXT_TO:
        return along
    return f"{along} {abs(right):.0f} m {'right' if right > 0.0 else 'left'}"


def _moves(frame: Frame, actor: Actor) -> str:
    """Speed and direction, as the viewer sees it."""
    if abs(actor.body.speed) <= MOVING:
        return "standing"
    turn = frame.turn(actor.body.yaw)
    if abs(turn) < math.pi / 4:
        way = "same way"
    elif abs(turn) > 3 * math.pi / 4:
        way = "oncoming"
    else:
        way = "going left" if turn < 0.0 else "going right"
    return f"{abs(actor.body.speed):.0f} m/s {way}"


def _crosses(frame: Frame, actor: Actor) -> str:
    """When and where a moving vehicle meets the viewer's route, if it is to."""
    body = actor.body
    found = None if abs(body.speed) <= MOVING else frame.crossing(body.x, body.y, body.yaw)
    if found is None or found[1] < -body.half_length:
        return ""
    time = max(found[1], 0.0) / abs(body.speed)
    return "" if time > FARTHEST else f", crosses your route in {time:.1f} s {found[0]:.0f} m ahead"
