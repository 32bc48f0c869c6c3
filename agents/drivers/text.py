"""A view in words, in the frame of whoever reads them: short lines of numbers and directions.

`scene` is what a peer may need to be told: who meets the reader's route, where on it, at which speeds they keep clear
of each other, and how far up the lanes that meet it are seen. `state` and `own` are what only the viewer itself knows:
its speed, its route, the rules.

Tokens are time, for a small model most of all: a line has about a dozen and a half, and a scene at most `MOST` lines.
Small models cannot divide either: speeds are told in steps of the reader's free speed, which are also what it answers
in, and with everybody stand the speeds that keep clear of it. To weigh them against each other is left to the model.
"""

import math
from dataclasses import dataclass

import numpy as np

from laco.agents.drivers.expert import BRAKE, CRUISE, EARLY, FASTEST, PHANTOM, bend_cap
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.lanes import ON_FOOT, Lane, lanes
from laco.agents.drivers.threats import MARGIN_ALONG, Met
from laco.agents.drivers.tokens import FARTHEST, relevant
from laco.agents.drivers.ways import walks
from laco.agents.observation import Actor, Body, Observation
from laco.agents.perception import SIGHT_RANGE

BEND = math.radians(10)  # a route turning less than this goes straight on
NEXT_TO = 1.0  # [m] less than this to the side is straight ahead
MOST = 6  # lines of a scene
NOTHING = "nothing"
FULL = 6  # steps from a stop to the free speed
THINK = 0.6  # [s]
HALF_LANE = 1.25  # [m] of the width of who may come there
NARROW = 0.55  # [m] half width below which a vehicle has two wheels
LONG = 3.2  # [m] half length above which it is called a truck


def state(frame: Frame, caution: float) -> str:
    """The viewer's speed, and how fast hidden cars may come, in steps."""
    hidden = f", hidden {steps(frame, PHANTOM * caution):.0f}" if caution > 0.0 else ""
    return f"Speed {steps(frame, frame.body.speed):.0f}{hidden}."


def free(frame: Frame) -> float:
    """How fast the viewer would go with nobody there [m/s]: its limit, and what the bends ahead allow."""
    return bend_cap(frame, min(frame.limit * CRUISE, FASTEST))


def steps(frame: Frame, speed: float) -> float:
    """A speed [m/s] in steps of which `FULL` are the free speed."""
    return FULL * speed / max(free(frame), 1e-3)


@dataclass(frozen=True)
class Scale:
    """What speeds are told in. step: [m/s]; most: steps of the free speed; unit: said behind a number."""

    step: float
    most: int
    unit: str = ""

    @classmethod
    def steps(cls, frame: Frame) -> "Scale":
        """Of which FULL are the viewer's free speed."""
        return cls(max(free(frame), 1e-3) / FULL, FULL)

    @classmethod
    def metric(cls, frame: Frame) -> "Scale":
        """For whoever plans in m/s."""
        return cls(1.0, max(round(free(frame)), 1), " m/s")

    def up_to(self, speed: float) -> str:
        """All speeds up to one of `speed` [m/s]."""
        top = min(math.floor(speed / self.step), self.most)
        return f"0-{top}{self.unit}" if top > 0 else f"0{self.unit}"

    def from_on(self, speed: float) -> str:
        """All speeds from one of `speed` [m/s] on; "" if that is more than the free speed."""
        least = math.ceil(speed / self.step)
        return f"{least}+{self.unit}" if least <= self.most else ""

    def one(self, speed: float) -> str:
        """A speed [m/s]."""
        return f"{speed / self.step:.0f}{self.unit}"


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


def scene(frame: Frame, view: Observation, scale: Scale | None = None) -> str:
    """What `view` holds that matters to the viewer of `frame`: a line for everybody who meets its route, the soonest
    first, then for every lane that does, the nearest first. scale: for speeds; None for steps."""
    scale = scale or Scale.steps(frame)
    met = [(actor, one) for actor, one, _ in relevant(frame, view) if one is not None and _soon(one)]
    users = [_user(frame, actor, one, scale) for actor, one in met]
    ways = [_lane(frame, lane, scale) for lane in lanes(frame, [view])]
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


def _lane(frame: Frame, lane: Lane, scale: Scale) -> str:
    """Where it meets the route, how far up it is seen, and the speeds from which one can stop before it: "Road from
    right, 25 m: hidden from 40 m, 0-6."."""
    what = "Walkers" if lane.pace <= ON_FOOT else "Road"
    seen = "clear"
    if lane.extent < SIGHT_RANGE:
        seen = f"hidden from {lane.extent:.0f} m, {scale.up_to(_stoppable(frame, lane.at))}"
    return f"{what} from {_side(frame, lane.heading)}, {lane.at:.0f} m: {seen}."


def _stoppable(frame: Frame, at: float) -> float:
    """The speed [m/s] from which the viewer stops before a lane `at` [m], with a moment to think."""
    room = max(at - frame.body.half_length - MARGIN_ALONG - HALF_LANE, 0.0)
    return BRAKE * (math.sqrt(THINK**2 + 2 * room / BRAKE) - THINK)


def _side(frame: Frame, heading: float) -> str:
    """Where traffic of a heading comes from."""
    turn = frame.turn(heading)
    if abs(turn) < math.pi / 6:
        return "behind"
    if abs(turn) > 5 * math.pi / 6:
        return "ahead"
    return "right" if turn < 0.0 else "left"


def _user(frame: Frame, actor: Actor, met: Met, scale: Scale) -> str:
    """Where on the route it will be, and which steady speeds keep clear of it: "Car from right, 24 m: 0-3 or 6+."."""
    body, meets = actor.body, met.conflict
    who = " ".join(part for part in (kind(body), actor.name) if part)
    if math.isinf(met.gone):
        return f"{who} stands, {meets.begin:.0f} m: {scale.up_to(_stoppable(frame, meets.begin + HALF_LANE))}."
    goes = f"goes {scale.one(body.speed)}"
    if meets.same_way and meets.near <= 0.0:
        return f"{who} in front, {meets.begin:.0f} m: {goes}."
    joins = f", {goes}" if meets.same_way else ""
    return f"{who} from {_side(frame, body.yaw)}, {meets.begin:.0f} m: {_speeds(frame, met, scale)}{joins}."


def _speeds(frame: Frame, met: Met, scale: Scale) -> str:
    """The steady speeds with which the viewer comes after it has gone, or is away before it arrives."""
    own = frame.body.half_length + MARGIN_ALONG
    behind = max(met.conflict.begin - own, 0.0) / (met.gone + EARLY)
    before = scale.from_on((met.conflict.end + own) / max(met.arrives - EARLY, 0.1))
    return f"{scale.up_to(behind)} or {before}" if before else scale.up_to(behind)


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
