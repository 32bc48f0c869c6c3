"""What a viewer knows of the lanes that cross its route, meet it head-on or join it: how far up they are seen."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers.frame import Frame
from laco.agents.observation import Body, Observation, Sight
from laco.agents.perception import SIGHT_RANGE

ELSEWHERE = 12.0  # [m] a sight taken further up or down the lane says nothing of where it meets the route
BESIDE = 3.0  # [m] a lane along the route counts if it leads to a point so near to it
SAME_AT, SAME_HEADING, SAME_PACE = 2.0, 0.5, 1.0  # [m], [rad], [m/s] between views of one lane
CROSSES = 0.5  # sine of the angle from which two ways cross rather than run along each other
ON_FOOT = 4.0  # [m/s] pace up to which a walker is meant
CAR, WALKER = (2.4, 1.25), (0.3, 0.4)  # [m] half length and half width of what may hide there

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lane:
    """A lane in a viewer's frame.

    at: route distance of where they meet [m]; place: that point; heading [rad]; extent: seen length upstream of it
    [m]; pace: the fastest that may come [m/s].
    """

    at: float
    place: tuple[float, float]
    heading: float
    extent: float
    pace: float

    def phantom(self, speed: float) -> Body:
        """Somebody at the edge of what is seen, the nose just hidden, at `speed` [m/s]."""
        half_length, half_width = WALKER if self.pace <= ON_FOOT else CAR
        back = self.extent + half_length
        x, y = self.place[0] - back * math.cos(self.heading), self.place[1] - back * math.sin(self.heading)
        return Body(x, y, self.heading, speed, half_length, half_width)


def lanes(frame: Frame, views: Iterable[Observation]) -> list[Lane]:
    """The lanes of the views' sights that matter to the viewer, by distance; of one lane the best sight."""
    sights = [sight for view in views for sight in view.sights]
    if not sights:
        return []
    found: list[Lane] = []
    for lane in sorted(_met(frame, sights), key=lambda lane: -lane.extent):
        if not any(_same(lane, other) for other in found):
            found.append(lane)
    return sorted(found, key=lambda lane: (lane.at, lane.heading))


def _same(one: Lane, other: Lane) -> bool:
    turned = math.remainder(one.heading - other.heading, 2 * math.pi)
    alike = abs(one.at - other.at) < SAME_AT and abs(one.pace - other.pace) < SAME_PACE
    return alike and abs(turned) < SAME_HEADING


def _met(frame: Frame, sights: list[Sight]) -> list[Lane]:
    points = np.array([sight.point for sight in sights])
    headings = np.array([sight.heading for sight in sights])
    at, beyond = _crossed(frame, points, headings)
    along, offset = _beside(frame, points)
    parallel = np.isnan(at) & (offset < BESIDE)
    at, beyond = np.where(parallel, along, at), np.where(parallel, 0.0, beyond)
    found = []
    for i in np.flatnonzero(np.abs(beyond) <= ELSEWHERE):
        sight, shift = sights[i], float(beyond[i])
        place = (sight.point[0] + shift * math.cos(sight.heading), sight.point[1] + shift * math.sin(sight.heading))
        extent = min(max(sight.extent + shift, 0.0), max(sight.extent, SIGHT_RANGE))
        found.append(Lane(float(at[i]), place, sight.heading, extent, sight.pace))
    return found


def _crossed(frame: Frame, points: Array, headings: Array) -> tuple[Array, Array]:
    """`Frame.crossing` for many lines: route distances, and how far beyond the points [n]; nan where none."""
    start, step = frame.route.points[:-1], np.diff(frame.route.points, axis=0)
    c, s = np.cos(headings)[:, None], np.sin(headings)[:, None]
    cross = step[:, 0] * s - step[:, 1] * c
    gap_x, gap_y = points[:, :1] - start[:, 0], points[:, 1:] - start[:, 1]
    share = (gap_x * s - gap_y * c) / np.where(np.abs(cross) < 1e-9, 1e-9, cross)
    span = np.hypot(step[:, 0], step[:, 1])
    meets = (np.abs(cross) > CROSSES * span) & (share >= 0.0) & (share <= 1.0)
    row, leg = np.arange(len(points)), meets.argmax(axis=1)
    best = share[row, leg]
    met = start[leg] + best[:, None] * step[leg]
    beyond = ((met - points) * np.stack([c[:, 0], s[:, 0]], axis=1)).sum(axis=1)
    none = ~meets.any(axis=1)
    at = frame.route.distance[leg] + best * span[leg]
    return np.where(none, np.nan, at), np.where(none, np.nan, beyond)


def _beside(frame: Frame, points: Array) -> tuple[Array, Array]:
    """Route distance of the nearest route point, and how far that is [m]; inf for points behind the viewer."""
    gap = points[:, None] - frame.route.points
    away = np.hypot(gap[..., 0], gap[..., 1])
    nearest = away.argmin(axis=1)
    return frame.route.distance[nearest], np.where(nearest == 0, np.inf, away.min(axis=1))
