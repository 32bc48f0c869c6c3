"""The own lane: off the road, or on the side of oncoming traffic."""

import math
from typing import Any

from laco.agents.observation import Body

VERGE = 1.3  # [m] beyond the edge of a lane that still are on it
AGAINST, REVERSED = 120.0, 150.0  # [deg] between vehicle and lane, or lane and lane, that are the wrong way
UNKNOWN = (0, 0)


class LaneWatch:
    """One vehicle on a map. Between two junctions it is on the wrong side from when it gets onto a lane that runs
    against the one before, or comes out of a junction against its lane, until it is back; in junctions never."""

    def __init__(self, road_map: Any) -> None:
        """road_map: a `carla.Map`."""
        self._map = road_map
        self._parking = 'type="parking"' in road_map.to_opendrive()
        self._lane = UNKNOWN
        self._before: Any = None
        self._wrong = False

    def watch(self, body: Body, z: float) -> bool:
        """Whether it is off its lanes; z: its height [m]."""
        import carla

        here = carla.Location(body.x, body.y, z)
        waypoint = self._map.get_waypoint(here)
        if waypoint is None:
            return True
        self._follow(waypoint, body)
        return self._wrong or self._off_road(here, waypoint)

    def _off_road(self, here: Any, nearest: Any) -> bool:
        import carla

        lanes = [nearest]
        if self._parking:
            lanes += [self._map.get_waypoint(here, lane_type=carla.LaneType.Parking)]
        away = [(here.distance(lane.transform.location), lane.lane_width) for lane in lanes if lane is not None]
        distance, width = min(away)
        return bool(distance > width / 2 + VERGE)

    def _follow(self, waypoint: Any, body: Body) -> None:
        lane = (waypoint.road_id, waypoint.lane_id)
        if waypoint.is_junction:
            self._wrong = False
        elif lane != self._lane:
            self._enter(waypoint, math.degrees(body.yaw))
        self._lane, self._before = lane, waypoint

    def _enter(self, waypoint: Any, yaw: float) -> None:
        heading = waypoint.transform.rotation.yaw
        if self._before is None or self._before.is_junction:
            self._wrong = _between(heading, yaw) >= AGAINST
        elif _between(heading, self._before.transform.rotation.yaw) >= REVERSED:
            self._wrong = not self._wrong
        else:
            self._wrong = False


def _between(a: float, b: float) -> float:
    """Angle between two headings, 0..180 [deg]."""
    return abs(math.remainder(a - b, 360.0))
