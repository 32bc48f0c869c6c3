"""Which parts of a viewer's route others' ways take: geometry alone, no time.

A *way* is where a road user is going to be: the route that its beacon tells, the arc that it is driving, or straight
on; one that stands has only its place. Ways are rows of straight legs (x, y, heading, length), so that all ways and
all cells of the route are compared at once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers.frame import CELL, CELLS, Frame
from laco.agents.observation import Actor, Body
from laco.agents.perception import MOVING, PAST_END

STRAIGHT = 200.0  # [m] a way without a known end is looked at so far
TURNING = 0.02  # [rad/s] slower is no turn
ARC = math.radians(100)  # an arc is followed so far, then its tangent
STEP = math.radians(10)  # of an arc in one leg
ARC_LENGTH = 60.0  # [m]
WALKER = 0.6  # [m] half length below which a road user is on foot
MARGIN_SIDE, MARGIN_STANDING, MARGIN_WALKER = 0.5, 0.3, 1.0  # [m] kept to the side
SAME_WAY = 0.7  # cosine from which two go the same way
GAP = 3.0  # [m] stretches of the route nearer than this are one

Array = NDArray[np.float64]
Legs = list[tuple[float, float, float, float]]


@dataclass(frozen=True, eq=False)
class Conflict:
    """A stretch of the viewer's route that another's way shares.

    cells: where it lies in CELLS; first, last: distances [m] along the other's way between which it covers each of
    those cells; along: cosine between the two ways at the stretch's begin and end.
    """

    cells: slice
    first: Array
    last: Array
    along: tuple[float, float]

    @property
    def begin(self) -> float:
        """Route distance of the first cell [m]."""
        return float(CELLS[self.cells.start])

    @property
    def end(self) -> float:
        """Route distance of the last cell [m]."""
        return float(CELLS[self.cells.stop - 1])

    @property
    def near(self) -> float:
        """How far along its way the other comes into the stretch [m]."""
        return float(self.first.min())

    @property
    def far(self) -> float:
        """How far along its way the other has left the stretch [m]."""
        return float(self.last.max())

    @property
    def same_way(self) -> bool:
        """Whether the two go the same way where they meet or where they part: one follows the other."""
        return max(self.along) > SAME_WAY


def walks(body: Body) -> bool:
    """Whether it is a person on foot."""
    return body.half_length < WALKER


def moves(body: Body) -> bool:
    """Whether it is under way; walkers are slow."""
    return body.speed > (0.3 if walks(body) else MOVING)


def standing(body: Body) -> Legs:
    """The way of one that stays where it is."""
    return [(body.x, body.y, body.yaw, 0.0)]


def way(actor: Actor) -> Legs:
    """Where it goes: its route, its arc, or straight on."""
    if actor.name and len(actor.route) > 1:
        return _along(actor.route)
    if not moves(actor.body):
        return standing(actor.body)
    if abs(actor.turn) > TURNING and not walks(actor.body):
        return _arc(actor.body, actor.turn)
    return [(actor.body.x, actor.body.y, actor.body.yaw, STRAIGHT)]


def _along(points: Sequence[tuple[float, float]]) -> Legs:
    at = np.array(points)
    step = np.diff(at, axis=0)
    heading, length = np.arctan2(step[:, 1], step[:, 0]), np.hypot(step[:, 0], step[:, 1])
    return list(zip(*at[:-1].T.tolist(), heading.tolist(), length.tolist(), strict=True))


def _arc(body: Body, turn: float) -> Legs:
    radius = body.speed / abs(turn)
    steps = max(1, min(round(ARC / STEP), round(ARC_LENGTH / (radius * STEP))))
    x, y, heading, found = body.x, body.y, body.yaw, []
    for _ in range(steps):
        heading += math.copysign(STEP / 2, turn)
        found.append((x, y, heading, radius * STEP))
        x, y = x + radius * STEP * math.cos(heading), y + radius * STEP * math.sin(heading)
        heading += math.copysign(STEP / 2, turn)
    return [*found, (x, y, heading, STRAIGHT)]


def conflicts(frame: Frame, bodies: Sequence[Body], ways: Sequence[Legs]) -> list[list[Conflict]]:
    """For each body on its way the stretches of the route that it takes from the viewer, in their order."""
    if not bodies:
        return []
    first, last, along = _covered(frame, bodies, ways)
    taken = np.isfinite(first)
    return [_stretches(taken[i], first[i], last[i], along[i]) for i in range(len(bodies))]


def _covered(frame: Frame, bodies: Sequence[Body], ways: Sequence[Legs]) -> tuple[Array, Array, Array]:
    """Per body and cell [n, cells]: from and up to which distance along its way it covers the cell, inf and -inf where
    it never does; and the cosine between the two ways there."""
    of = np.repeat(np.arange(len(ways)), [len(legs) for legs in ways])
    x, y, heading, length = np.array([leg for legs in ways for leg in legs]).T[..., None]
    half, width, margin = np.array([(b.half_length, b.half_width, _margin(b)) for b in bodies])[of].T[..., None]
    points, bearing = frame.cells
    c, s = np.cos(heading), np.sin(heading)
    forward = points[:, 0] * c + points[:, 1] * s - (x * c + y * s)
    right = points[:, 1] * c - points[:, 0] * s - (y * c - x * s)
    parallel = np.cos(bearing) * c + np.sin(bearing) * s
    across = np.sqrt(np.maximum(1.0 - parallel * parallel, 0.0))
    own = frame.body.half_width
    reach = half + (own + margin) * across
    enter, leave = np.maximum(forward - reach, 0.0), np.minimum(forward + reach, length)
    meets = (np.abs(right) < width + margin + own * np.abs(parallel)) & (leave >= enter)
    meets &= frame.remaining + PAST_END >= CELLS
    begins, start = _begins(length[:, 0], of)
    first = np.minimum.reduceat(np.where(meets, begins + enter, np.inf), start)
    last = np.maximum.reduceat(np.where(meets, begins + leave, -np.inf), start)
    earliest = meets & (begins + enter == first[of])
    return first, last, np.maximum.reduceat(np.where(earliest, parallel, -1.0), start)


def _begins(length: Array, of: NDArray[np.intp]) -> tuple[Array, NDArray[np.intp]]:
    """The distance along its way at which each leg begins [legs, 1], and the rows of the ways' first legs [n]."""
    start = np.searchsorted(of, np.arange(of[-1] + 1))
    before = np.cumsum(length) - length
    return (before - before[start][of])[:, None], start


def _margin(body: Body) -> float:
    if not moves(body):
        return MARGIN_STANDING
    return MARGIN_WALKER if walks(body) else MARGIN_SIDE


def _stretches(taken: NDArray[np.bool_], first: Array, last: Array, along: Array) -> list[Conflict]:
    """The runs of taken cells; runs with less than GAP between them are one."""
    at = np.flatnonzero(taken)
    if not at.size:
        return []
    found = []
    for run in np.split(at, np.flatnonzero(np.diff(at) > GAP / CELL) + 1):
        cells = slice(int(run[0]), int(run[-1]) + 1)
        ends = (float(along[cells.start]), float(along[cells.stop - 1]))
        found.append(Conflict(cells, first[cells], last[cells], ends))
    return found
