"""What a viewer must keep clear of, in time: everybody seen by anybody who shares their view, and who may hide.

Cells of the route taken over time (`moving`, `still`) hold whoever goes the same way or stands. *Zones* hold whoever
crosses or comes head-on: a stretch that must be left before the other arrives, or entered after it has gone. Leaders
may brake.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers import ways
from laco.agents.drivers.frame import CELLS, Frame
from laco.agents.drivers.lanes import Lane, lanes
from laco.agents.drivers.priority import before
from laco.agents.drivers.ways import SAME_WAY, Conflict, conflicts
from laco.agents.observation import Actor, Body, Observation

TIMES = np.arange(0.0, 6.01, 0.2)  # [s]
MARGIN_ALONG = 1.5  # [m] kept from others
SOON = 5.0  # [s] who arrives later can still be waited for
PULL = 2.5  # [m/s^2] with which one that has priority may pick up speed
CREEP = 2.0  # [m/s] one that has priority goes at least so fast
CUT_IN, FALL_IN = 0.8, 0.4  # [s] kept in front of and behind those one merges with
ENTERED = -1.0  # [m] a nose further in than this is inside a zone

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Zone:
    """From `enter` to `leave` [m] of the viewer's centre, and when another is there [s]. soft: it will do to be able to
    stop before it. blind: nobody is seen, somebody may hide. short: it is crossed, not driven along."""

    enter: float
    leave: float
    arrives: float
    gone: float
    soft: bool
    blind: bool = False
    short: bool = True


@dataclass(eq=False)
class Threats:
    """moving, still: cells [times, cells] taken by bodies; phantoms: the same by who may hide; zones; leaders: how far
    ahead the tail is, and its speed [m], [m/s]."""

    moving: Mask
    still: Mask
    zones: list[Zone]
    leaders: list[tuple[float, float]]


@dataclass(frozen=True)
class Met:
    """A conflict with an actor that is under way: when it comes into the stretch and when it has left it [s]."""

    conflict: Conflict
    arrives: float
    gone: float


def known(frame: Frame, views: Iterable[Observation]) -> list[Actor]:
    """Everybody in the views but the viewer, each once; connected vehicles as their beacons tell."""
    named: dict[str, Actor] = {}
    seen: dict[object, Actor] = {}
    for view in views:
        for actor in view.actors:
            if not all(map(math.isfinite, msgspec.structs.astuple(actor.body))):
                continue  # a peer may tell anything
            if actor.name:
                named.setdefault(actor.name, actor)
            else:
                seen.setdefault(actor.id if actor.id >= 0 else actor.body, actor)
    named.pop(frame.name, None)
    bodies = [frame.body, *(a.body for a in named.values())]
    return [*named.values(), *(a for a in seen.values() if not any(_is(a.body, b) for b in bodies))]


def _is(body: Body, other: Body) -> bool:
    return math.hypot(body.x - other.x, body.y - other.y) < other.half_length


def meetings(frame: Frame, actors: Sequence[Actor]) -> tuple[list[list[Met]], dict[str, int]]:
    """Per actor where and when its way meets the viewer's, and whose turn it is (`priority.before`)."""
    turns = before(frame, [a for a in actors if a.name])
    taken = [_way(actor, turns.get(actor.name, 0)) for actor in actors]
    found = conflicts(frame, [a.body for a in actors], taken)
    met = [
        [Met(c, *_times(actor.body, c, turns.get(actor.name, 0))) for c in some if not _follows(frame, actor, c)]
        for actor, some in zip(actors, found, strict=True)
    ]
    return met, turns


def _way(actor: Actor, turn: int) -> ways.Legs:
    """One that gives way is reckoned with where it is; one that stands and has priority on its route."""
    if turn > 0 or (turn == 0 and not ways.moves(actor.body)):
        return ways.standing(actor.body)
    return ways.way(actor)


def _follows(frame: Frame, actor: Actor, conflict: Conflict) -> bool:
    """Whether it comes up from behind in the viewer's own lane: keeping clear is then its business."""
    behind = conflict.same_way and conflict.begin <= frame.body.half_length and conflict.near > 0.0
    return behind and ways.moves(actor.body)


def _times(body: Body, conflict: Conflict, turn: int) -> tuple[float, float]:
    """When it comes and when it has gone [s]; one with priority may also speed up, one that stands stays."""
    if turn < 0:
        early = (math.sqrt(body.speed**2 + 2 * PULL * conflict.near) - body.speed) / PULL
        return early, conflict.far / max(body.speed, CREEP)
    if turn > 0 or not ways.moves(body):
        return 0.0, math.inf
    return conflict.near / body.speed, conflict.far / body.speed


def threats(frame: Frame, views: Sequence[Observation], caution: float) -> Threats:
    """What the viewer must keep clear of. views: its own, and those that are shared with it."""
    actors = known(frame, views)
    empty = np.zeros((len(TIMES), len(CELLS)), dtype=bool)
    found = Threats(empty, empty.copy(), [], [])
    met, turns = meetings(frame, actors)
    for actor, some in zip(actors, met, strict=True):
        for one in some:
            _add(frame, found, actor.body, one, turns.get(actor.name, 0))
    if caution > 0.0:
        _hide(frame, found, lanes(frame, views), caution)
    return found


def _add(frame: Frame, found: Threats, body: Body, met: Met, turn: int) -> None:
    conflict = met.conflict
    if math.isinf(met.gone):
        found.still[:, conflict.cells] |= np.isfinite(conflict.first)
    elif not conflict.same_way:
        found.zones.append(Zone(*_span(frame, conflict), met.arrives, met.gone, met.arrives > SOON))
    else:
        speed = max(body.speed, CREEP) if turn < 0 else body.speed
        merges = conflict.near > 0.0
        early, late = (CUT_IN, FALL_IN) if merges else (0.0, 0.0)
        since, until = conflict.first / speed - early, conflict.last / speed + late
        found.moving[:, conflict.cells] |= (TIMES[:, None] >= since) & (TIMES[:, None] <= until)
        if not merges:
            found.leaders.append((conflict.begin, body.speed))


def _span(frame: Frame, conflict: Conflict) -> tuple[float, float]:
    """From where to where the viewer's centre is in a stretch of its route [m]."""
    own = frame.body.half_length + MARGIN_ALONG
    enter = conflict.begin - own
    if ENTERED < enter <= 0.0:  # it stands at the edge: only going on would enter
        enter = 0.05
    return enter, conflict.end + own


def _hide(frame: Frame, found: Threats, seen: Sequence[Lane], caution: float) -> None:
    """Somebody may come out of the hidden part of each lane at any time from when the first may be there."""
    phantoms = [lane.phantom(caution * lane.pace) for lane in seen]
    taken = [[(b.x, b.y, b.yaw, ways.STRAIGHT)] for b in phantoms]
    for body, some in zip(phantoms, conflicts(frame, phantoms, taken), strict=True):
        for conflict in some:
            if not conflict.same_way:
                short, span = min(conflict.along) > -SAME_WAY, _span(frame, conflict)
                found.zones.append(Zone(*span, conflict.near / body.speed, math.inf, True, True, short))
            elif conflict.begin > frame.body.half_length:
                since = conflict.first / body.speed - CUT_IN
                found.still[:, conflict.cells] |= TIMES[:, None] >= since
