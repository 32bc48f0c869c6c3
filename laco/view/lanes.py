"""Lanes as outlines and their marks as lines: the file says which lanes there are, `carla.Map` how they run."""

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from laco.view.spans import LaneSpan, lane_spans

STEP = 2.0  # [m] between samples; half of it within junctions, where lanes bend
END = 0.001  # [m] before the end of a span, so that the sample is still of its section
STRAIGHT = 0.02  # [m] off the line between its neighbours, a point is left out
UNSEEN = {"NONE", "Curb", "Grass"}


class Lane(msgspec.Struct, frozen=True):
    """A lane: CARLA's name of its type, its outline, its width halfway [m], and a point with the direction of
    travel there, (x, y, yaw [deg])."""

    type: str
    junction: bool
    outline: list[float]
    width: float
    arrow: tuple[float, float, float]


class Mark(msgspec.Struct, frozen=True):
    """A painted line: CARLA's names of its type and colour, its width [m]."""

    type: str
    color: str
    width: float
    line: list[float]


class Sample(NamedTuple):
    """A lane at one place: its middle, yaw [deg], width [m], and the points on its left and right edge."""

    x: float
    y: float
    yaw: float
    width: float
    left: tuple[float, float]
    right: tuple[float, float]


def lanes_and_marks(road_map: Any) -> tuple[list[Lane], list[Mark]]:
    """Every lane with a surface, and every painted line, of a `carla.Map`."""
    lanes: list[Lane] = []
    marks: list[Mark] = []
    for span in lane_spans(road_map.to_opendrive()):
        waypoints = _waypoints(road_map, span)
        if len(waypoints) < 2 or str(waypoints[0].lane_type) == "NONE":
            continue
        samples = [_sample(waypoint) for waypoint in waypoints]
        if max(s.width for s in samples) > 0.05:
            lanes.append(_lane(span, str(waypoints[0].lane_type), samples))
        marks += _marks([w.right_lane_marking for w in waypoints], [s.right for s in samples])
        if span.inner:
            marks += _marks([w.left_lane_marking for w in waypoints], [s.left for s in samples])
    return lanes, marks


def _waypoints(road_map: Any, span: LaneSpan) -> list[Any]:
    step = STEP / 2.0 if span.junction else STEP
    count = max(1, math.ceil((span.end - span.start) / step))
    last = span.end - END
    at = [min(span.start + (span.end - span.start) * i / count, last) for i in range(count + 1)]
    found = (road_map.get_waypoint_xodr(span.road, span.lane, s) for s in at)
    return [waypoint for waypoint in found if waypoint is not None]


def _sample(waypoint: Any) -> Sample:
    pose, width = waypoint.transform, float(waypoint.lane_width)
    x, y, yaw = pose.location.x, pose.location.y, pose.rotation.yaw
    right_x, right_y = -math.sin(math.radians(yaw)) * width / 2.0, math.cos(math.radians(yaw)) * width / 2.0
    return Sample(x, y, yaw, width, (x - right_x, y - right_y), (x + right_x, y + right_y))


def _lane(span: LaneSpan, type: str, samples: list[Sample]) -> Lane:
    middle = samples[len(samples) // 2]
    outline = [*_thinned(s.left for s in samples), *reversed(_thinned(s.right for s in samples))]
    arrow = (round(middle.x, 2), round(middle.y, 2), round(middle.yaw, 1))
    return Lane(type, span.junction, _flat(outline), round(middle.width, 2), arrow)


def _marks(markings: list[Any], edge: list[tuple[float, float]]) -> Iterator[Mark]:
    """Cut an edge where its paint changes."""
    kinds = [(str(m.type), str(m.color), round(float(m.width), 2) or 0.15) for m in markings]
    begin = 0
    for i in range(1, len(kinds) + 1):
        if i == len(kinds) or kinds[i] != kinds[begin]:
            if kinds[begin][0] not in UNSEEN and i - begin > 1:
                yield Mark(*kinds[begin], _flat(_thinned(edge[begin : i + 1])))
            begin = i


def _thinned(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without the points that lie on a straight line with the last kept one and the next."""
    rest = list(points)
    kept = rest[:1]
    for here, after in pairwise(rest[1:]):
        if _off(kept[-1], here, after) > STRAIGHT:
            kept.append(here)
    return [*kept, rest[-1]]


def _off(a: tuple[float, float], p: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance of p from the line through a and b [m]."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy) or 1.0
    return abs(dx * (p[1] - a[1]) - dy * (p[0] - a[0])) / length


def _flat(points: Iterable[tuple[float, float]]) -> list[float]:
    return [round(value, 2) for point in points for value in point]
