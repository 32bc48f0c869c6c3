"""Where cars may start: poses on driving lanes, the same for the same map, far enough from each other.

The first has the longest straight way ahead, through junctions, with no other spawn point on it. The second
has room behind it on its own lane.
"""

import math
from typing import Any, NamedTuple

from laco.scenarios.server.poses import Pose

SPACING = 20.0  # [m] along a lane
CLEAR = 10.0  # [m] least distance of two spawn points on different lanes
END_MARGIN = 8.0  # [m] to the end of a lane
BEHIND = 16.0  # [m] of its own lane behind every spawn point but those of short lanes
FAR = 300.0  # [m] farthest look ahead
STEP = 2.0  # [m] of the look ahead
BEND = math.radians(1.0)  # what still counts as straight
CORRIDOR = 3.5  # [m] from the first spawn point's way
HEIGHT = 0.5  # [m] above the ground
MOST = 400


class _Candidate(NamedTuple):
    pose: Pose
    waypoint: Any
    behind: float  # [m] of its lane behind it


def spawn_points(network: Any) -> list[Pose]:
    """Spawn points of a `carla.Map`; empty when it has no driving lane long enough."""
    candidates = _candidates(network)
    if not candidates:
        return []
    ways = {id(c): _straight_ahead(c.waypoint) for c in _first_of_lanes(candidates)}
    first = max((c for c in candidates if id(c) in ways), key=lambda c: round(len(ways[id(c)]) * STEP))
    way = ways[id(first)]
    chosen = [first]
    for other in sorted((c for c in candidates if c is not first), key=lambda c: c.behind < BEHIND - 1.0):
        blocks = any(math.dist(other.pose[:2], point) < CORRIDOR / 2 for point in way)
        near = any(math.dist(other.pose[:2], c.pose[:2]) < CLEAR and not _beside(c, other) for c in chosen)
        if not blocks and not near:
            chosen.append(other)
        if len(chosen) == MOST:
            break
    return [candidate.pose for candidate in chosen]


def _candidates(network: Any) -> list[_Candidate]:
    lanes: dict[tuple[int, int, int], list[Any]] = {}
    for waypoint in network.generate_waypoints(STEP):
        if not waypoint.is_junction:
            lanes.setdefault((waypoint.road_id, waypoint.section_id, waypoint.lane_id), []).append(waypoint)
    found = []
    for key in sorted(lanes):
        lane = _in_driving_direction(lanes[key])
        length = abs(lane[-1].s - lane[0].s)
        due = min(BEHIND, length / 2)
        for waypoint in lane:
            behind = abs(waypoint.s - lane[0].s)
            if behind >= due and length - behind >= min(END_MARGIN, length / 2):
                found.append(_Candidate(_pose(waypoint), waypoint, behind))
                due = behind + SPACING
    return found


def _in_driving_direction(lane: list[Any]) -> list[Any]:
    """By s, up or down: that depends on the side of the road, and on which side traffic keeps to."""
    lane = sorted(lane, key=lambda w: w.s)
    first, last = lane[0].transform, lane[min(1, len(lane) - 1)].transform.location
    heading = math.radians(first.rotation.yaw)
    onward = (last.x - first.location.x) * math.cos(heading) + (last.y - first.location.y) * math.sin(heading)
    return lane if onward >= 0.0 else lane[::-1]


def _first_of_lanes(candidates: list[_Candidate]) -> list[_Candidate]:
    seen: dict[tuple[int, int, int], _Candidate] = {}
    for candidate in candidates:
        w = candidate.waypoint
        seen.setdefault((w.road_id, w.section_id, w.lane_id), candidate)
    return list(seen.values())[:MOST]


def _beside(a: _Candidate, b: _Candidate) -> bool:
    """Whether two spawn points lie on neighbouring lanes, far enough apart for two cars side by side."""
    across = math.dist(a.pose[:2], b.pose[:2])
    turn = abs(math.remainder(a.pose.yaw - b.pose.yaw, 180.0))
    bearing = math.radians(a.pose.yaw)
    dx, dy = b.pose.x - a.pose.x, b.pose.y - a.pose.y
    return turn < 5.0 and across > 2.9 and abs(dy * math.cos(bearing) - dx * math.sin(bearing)) > 2.9


def _straight_ahead(waypoint: Any) -> list[tuple[float, float]]:
    """Points every `STEP` metres for as long as the lane, or a branch of it, goes straight on."""
    start = waypoint.transform
    heading = math.radians(start.rotation.yaw)
    points: list[tuple[float, float]] = []
    while len(points) * STEP < FAR:
        branches = waypoint.next(STEP)
        if not branches:
            break
        waypoint = min(branches, key=lambda w: (_turn(w, heading), w.road_id, w.lane_id))
        place = waypoint.transform.location
        dx, dy = place.x - start.location.x, place.y - start.location.y
        aside = abs(dy * math.cos(heading) - dx * math.sin(heading))
        if _turn(waypoint, heading) > BEND or aside > 0.5:
            break
        points.append((place.x, place.y))
    return points


def _turn(waypoint: Any, heading: float) -> float:
    return abs(math.remainder(math.radians(waypoint.transform.rotation.yaw) - heading, 2 * math.pi))


def _pose(waypoint: Any) -> Pose:
    where, rotation = waypoint.transform.location, waypoint.transform.rotation
    yaw = math.remainder(rotation.yaw, 360.0)
    return Pose(where.x, where.y, where.z + HEIGHT, math.remainder(rotation.pitch, 360.0), yaw, 0.0)
