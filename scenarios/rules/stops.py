"""Stop signs: who goes through a sign's zone without having stood still before it or in it has run it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laco.agents.observation import Body
from laco.agents.route import Route
from laco.geometry import Box

Array = NDArray[np.float64]

STANDING = 0.1  # [m/s]
HORIZON = 20.0  # [m] of the route ahead on which a sign is looked for
STOP_SIGN = "206"  # CARLA's landmark type
DEPTH = 2.0  # [m] half the zone before a sign that the map knows


@dataclass(frozen=True)
class Zone:
    """A sign's zone on the road."""

    id: int
    box: Box

    def holds(self, points: Array) -> bool:
        """Whether one of the points [n, 2] is in it."""
        x, y, yaw, length, width = self.box
        away, c, s = points - (x, y), math.cos(yaw), math.sin(yaw)
        along, across = away @ (c, s), away @ (-s, c)
        return bool(np.any((np.abs(along) < length) & (np.abs(across) < width)))


class StopSigns:
    """All signs of a world, for one vehicle."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = zones
        self._target: Zone | None = None
        self._stood = self._inside = False

    def watch(self, body: Body, route: Route, along: float) -> int | None:
        """The id of a sign that turns out to be run at this moment."""
        here = np.array([[body.x, body.y]])
        points = np.concatenate([here, route.at(along + np.arange(1.0, HORIZON + 1.0))]) if self._zones else here
        if self._target is None:
            self._target = next((zone for zone in self._zones if zone.holds(points)), None)
            self._stood = self._inside = False
        if self._target is None:
            return None
        self._stood |= abs(body.speed) < STANDING
        self._inside |= self._target.holds(here)
        if self._target.holds(points):
            return None
        passed, self._target = self._target, None
        return passed.id if self._inside and not self._stood else None


def zones(world: Any, road_map: Any) -> list[Zone]:
    """The signs of a world: CARLA's own actors, or, where it has none, the signs that its map tells of."""
    actors = world.get_actors().filter("traffic.stop*")
    return [_of_actor(actor) for actor in actors] or of_map(road_map)


def of_map(road_map: Any) -> list[Zone]:
    """A zone in front of each stop sign of an OpenDRIVE map, on each lane that it is for."""
    found = []
    for sign in road_map.get_all_landmarks_of_type(STOP_SIGN):
        for first, last in sign.get_lane_validities():
            for lane in range(min(first, last), max(first, last) + 1):
                waypoint = road_map.get_waypoint_xodr(sign.road_id, lane, sign.s) if lane else None
                if waypoint is not None:
                    found.append(_of_lane(_number(sign.id), waypoint))
    return found


def _number(id: str) -> int:
    """OpenDRIVE's ids are text that mostly is a number."""
    return int(id) if id.isdigit() else 0


def _of_lane(id: int, waypoint: Any) -> Zone:
    place, yaw = waypoint.transform.location, math.radians(waypoint.transform.rotation.yaw)
    x, y = place.x - DEPTH * math.cos(yaw), place.y - DEPTH * math.sin(yaw)
    return Zone(id, (x, y, yaw, DEPTH, waypoint.lane_width / 2))


def _of_actor(actor: Any) -> Zone:
    pose, volume = actor.get_transform(), actor.trigger_volume
    centre, yaw = pose.transform(volume.location), math.radians(pose.rotation.yaw)
    return Zone(actor.id, (centre.x, centre.y, yaw, volume.extent.x, volume.extent.y))
