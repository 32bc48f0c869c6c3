"""Lanes as strips of ground: the two edges of every lane of an OpenDRIVE map, whatever its kind.

What comes out runs in the lane's direction of travel; `inner` is the edge nearer to the road's reference line.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server import opendrive
from laco.scenarios.server.roads import Roads

STEP = 2.0  # [m] between samples along a road
LONGEST = 40.0  # [m] of one piece of a straight lane
FLAT = 0.04  # [m] by which a piece may miss the lane
NARROW = 0.05  # [m] less than that is no lane
INSIDE = 1e-4  # [m] from the ends of a section, where it is certain which one is meant


class Mark(NamedTuple):
    """A line painted along an edge: names of the client's LaneMarkingType and LaneMarkingColor, width [m]."""

    kind: str
    colour: str
    width: float


class Strip(NamedTuple):
    """One lane of one section. `inner_marks` are only given for the lane that has to draw them."""

    kind: str  # name of the client's LaneType
    junction: str  # its id, "-1" outside of one
    inner: NDArray[np.float64]  # [n, 3]
    outer: NDArray[np.float64]  # [n, 3]
    inner_marks: list[Mark]  # from each point to the next
    outer_marks: list[Mark]
    edge: bool  # whether nothing that is driven on lies beyond the outer edge


def strips(roads: Roads) -> list[Strip]:
    """Every lane of the map, in document order."""
    found = []
    for road in opendrive.parse(roads.xodr).iterfind("road"):
        for start, end, lanes in _sections(road):
            leader = min(lanes, key=lambda lane: (abs(lane), lane), default=0)
            for lane in lanes:
                strip = _strip(roads.map, road, lane, start, end, lane == leader, lanes)
                if strip is not None:
                    found.append(strip)
    return found


def _sections(road: opendrive.Element) -> Iterator[tuple[float, float, dict[int, str]]]:
    """Start and end [m] of each lane section and its lanes' kinds by id."""
    sections = road.findall("lanes/laneSection")
    ends = [float(section.get("s", 0.0)) for section in sections[1:]] + [float(road.get("length", 0.0))]
    for section, end in zip(sections, ends, strict=True):
        sides = [*section.iterfind("left/lane"), *section.iterfind("right/lane")]
        lanes = {int(lane.get("id", 0)): lane.get("type", "none") for lane in sides}
        start = float(section.get("s", 0.0))
        if end - start > 4 * INSIDE:
            yield start, end, {lane: kind for lane, kind in lanes.items() if lane}


def _strip(
    network: Any,
    road: opendrive.Element,
    lane: int,
    start: float,
    end: float,
    leads: bool,
    lanes: dict[int, str],
) -> Strip | None:
    places = np.linspace(start + INSIDE, end - INSIDE, 1 + max(1, int(np.ceil((end - start) / STEP))))
    if lane > 0:  # it is driven against the reference line
        places = places[::-1]
    number = int(road.get("id", 0))
    points = [network.get_waypoint_xodr(number, lane, float(s)) for s in places]
    if any(point is None for point in points):
        return None
    inner, outer = _edges(points)
    if float(np.linalg.norm(outer - inner, axis=1).max()) < NARROW:
        return None
    inner_marks = [_mark(point.left_lane_marking) for point in points]
    outer_marks = [_mark(point.right_lane_marking) for point in points]
    kept = _thin(np.hstack((inner, outer)), places, [*zip(inner_marks, outer_marks, strict=True)])
    beyond = lanes.get(lane + (1 if lane > 0 else -1), "none")
    return Strip(
        str(points[0].lane_type),
        road.get("junction", "-1"),
        inner[kept],
        outer[kept],
        [inner_marks[i] for i in kept] if leads else [],
        [outer_marks[i] for i in kept],
        beyond in ("none", "sidewalk", "border", "curb"),
    )


def _edges(points: list[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = []
    for point in points:
        transform, half = point.transform, point.lane_width / 2
        centre, right = transform.location, transform.get_right_vector()
        rows.append((centre.x, centre.y, centre.z, half * right.x, half * right.y, half * right.z))
    table = np.array(rows)
    return table[:, :3] - table[:, 3:], table[:, :3] + table[:, 3:]


def _mark(marking: Any) -> Mark:
    return Mark(str(marking.type), str(marking.color), float(marking.width))


def _thin(points: NDArray[np.float64], places: NDArray[np.float64], marks: list[Any]) -> list[int]:
    """Rows that are needed so that straight pieces between them follow the lane and its markings."""
    kept = {0, len(points) - 1}
    kept.update(i for i in range(1, len(points)) if marks[i] != marks[i - 1])
    bounds = sorted(kept)
    pending = list(pairwise(bounds))
    while pending:
        first, last = pending.pop()
        if last - first < 2:
            continue
        share = ((places[first : last + 1] - places[first]) / (places[last] - places[first]))[:, None]
        misses = np.abs(points[first] + share * (points[last] - points[first]) - points[first : last + 1])
        worst = int(misses.max(axis=1).argmax())
        if misses.max() <= FLAT:
            if abs(places[last] - places[first]) <= LONGEST:
                continue
            worst = (last - first) // 2
        kept.add(first + worst)
        pending += [(first, first + worst), (first + worst, last)]
    return sorted(kept)
