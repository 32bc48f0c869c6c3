"""Where the signals of an OpenDRIVE map stand and which stretch of road each one rules."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import carla

from laco.scenarios.server.poses import Pose
from laco.scenarios.server.roads import Roads

LIGHT, STOP, YIELD, SPEED_LIMIT = "1000001", "206", "205", "274"  # OpenDRIVE types, as the client knows them
DEPTH = 6.0  # [m] of the stretch before the stop line
HIGH = 4.0  # [m] above or below it: on another road
SAME_WAY = 0.7  # least cosine between two lanes of one approach
EDGE = 0.05  # [m] kept from the ends of a road, where no waypoint is


class Approach(NamedTuple):
    """The stretch that a signal rules: a box on the ground that ends at the stop line."""

    x: float  # [m] middle of the stop line
    y: float
    z: float
    yaw: float  # [deg] of those who drive towards it
    way: tuple[float, float]  # unit vector of that
    half_width: float  # [m]
    depth: float  # [m] backwards from the line

    def holds(self, x: float, y: float, z: float, nose: tuple[float, float]) -> bool:
        """Whether a body with its centre at (x, y, z) and its front `nose` [m] from there touches it: its front
        has come into the box, its centre not yet gone over the line."""
        c, s = self.way
        dx, dy = x - self.x, y - self.y
        along = dx * c + dy * s
        if along > 0.0 or along + nose[0] * c + nose[1] * s < -self.depth or abs(z - self.z) > HIGH:
            return False
        return abs(dy * c - dx * s) < self.half_width

    def centre(self) -> tuple[float, float]:
        """Of the box [m]."""
        return self.x - self.way[0] * self.depth / 2, self.y - self.way[1] * self.depth / 2


class Signal(NamedTuple):
    """One signal of the map, in CARLA's frame."""

    id: str
    type: str
    value: str  # of a speed limit
    pose: Pose  # of its foot; x points across the road, to the right of those who drive towards it
    head: float  # [m] height of its middle above the foot
    size: tuple[float, float]  # [m] width and height of the head
    approach: Approach
    junction: int  # the one it stands before or in; -1: none


def signals(roads: Roads) -> list[Signal]:
    """Lights and known signs of a map, by id; those that rule no driving lane are left out."""
    found: dict[str, list[Any]] = {}
    for kind in (LIGHT, STOP, YIELD, SPEED_LIMIT):
        for mark in roads.map.get_all_landmarks_of_type(kind):
            found.setdefault(mark.id, []).append(mark)  # one for the signal, one for each reference to it
    placed = (_signal(roads, found[id]) for id in sorted(found))
    return [signal for signal in placed if signal is not None]


def _signal(roads: Roads, marks: list[Any]) -> Signal | None:
    lanes = _one_way(_lanes(roads.map, marks))
    if not lanes:
        return None
    approach = _approach(lanes)
    mark = marks[0]
    foot = mark.transform.location
    pose = Pose(foot.x, foot.y, approach.z, 0.0, math.remainder(approach.yaw + 90.0, 360.0), 0.0)
    size = (mark.width or 0.3, mark.height or 0.9)
    value = f"{mark.value:g}" if mark.value > 0.0 else mark.sub_type
    head = max(mark.z_offset, size[1] / 2)
    return Signal(mark.id, mark.type, value, pose, head, size, approach, _junction(lanes[0]))


def _lanes(network: Any, marks: Iterable[Any]) -> list[Any]:
    """Waypoints on the driving lanes that the signal or a reference to it names, where it stands."""
    found = []
    for mark in marks:
        for first, last in mark.get_lane_validities():
            for lane in range(min(first, last), max(first, last) + 1):
                waypoint = _waypoint(network, mark.road_id, lane, mark.s) if lane else None
                if waypoint is not None and waypoint.lane_type == carla.LaneType.Driving:
                    found.append(waypoint)
    return found


def _waypoint(network: Any, road: int, lane: int, s: float) -> Any:
    for shift in (0.0, -EDGE, EDGE, -1.0):
        waypoint = network.get_waypoint_xodr(road, lane, s + shift)
        if waypoint is not None:
            return waypoint
    return None


def _one_way(lanes: list[Any]) -> list[Any]:
    """Those that go the way the first goes."""
    if not lanes:
        return []
    first = math.radians(lanes[0].transform.rotation.yaw)
    return [w for w in lanes if math.cos(math.radians(w.transform.rotation.yaw) - first) > SAME_WAY]


def _approach(lanes: list[Any]) -> Approach:
    first = lanes[0].transform
    turn = math.radians(first.rotation.yaw)
    c, s = math.cos(turn), math.sin(turn)
    offsets, lines = [], []
    for waypoint in lanes:
        where = waypoint.transform.location
        dx, dy = where.x - first.location.x, where.y - first.location.y
        across, half = dy * c - dx * s, waypoint.lane_width / 2
        offsets += [across - half, across + half]
        lines.append(dx * c + dy * s)
    middle, line = (min(offsets) + max(offsets)) / 2, min(lines)
    x, y = first.location.x + line * c - middle * s, first.location.y + line * s + middle * c
    half_width = (max(offsets) - min(offsets)) / 2
    yaw = math.remainder(first.rotation.yaw, 360.0)
    return Approach(x, y, first.location.z, yaw, (c, s), half_width, DEPTH)


def _junction(waypoint: Any) -> int:
    """The junction that a lane lies in or leads into."""
    for ahead in (waypoint, *waypoint.next(1.0), *waypoint.next(8.0)):
        if ahead.is_junction:
            return int(ahead.junction_id)
    return -1
