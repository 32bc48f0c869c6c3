"""Which lanes cross a route: read once from the road network of the `carla` client library."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laco.agents.drivers.frame import Frame
from laco.agents.observation import Body
from laco.agents.perception import SIGHT_RANGE, SIGHT_STEP, Approach
from laco.agents.route import Route

STRAIGHT = math.radians(20)  # a lane through a junction turning less than this goes straight on
PROBE = 5.0  # [m] spacing at which the route is asked for its junctions


def approaches(road_map: Any, route: Route) -> tuple[Approach, ...]:
    """The lanes that go straight through the route's junctions and cross it, with the way up each of them.

    road_map: a `carla.Map`. Turning traffic is left to what is seen.
    """
    found = []
    for begin, end in _junction_lanes(road_map, route):
        heading = math.radians(begin.transform.rotation.yaw)
        turned = math.remainder(math.radians(end.transform.rotation.yaw) - heading, 2 * math.pi)
        if abs(turned) > STRAIGHT:
            continue
        start = begin.transform.location
        crossing = _crossing(route, (start.x, start.y), heading, start.distance(end.transform.location))
        if crossing is not None:
            found.append(Approach(crossing, heading, _upstream(begin, crossing)))
    return tuple(found)


def _junction_lanes(road_map: Any, route: Route) -> list[tuple[Any, Any]]:
    import carla

    junctions: dict[int, Any] = {}
    for x, y in route.at(np.arange(0.0, route.length, PROBE)):
        waypoint = road_map.get_waypoint(carla.Location(float(x), float(y), 0.0))
        if waypoint is not None and waypoint.is_junction:
            junction = waypoint.get_junction()
            junctions[junction.id] = junction
    driving = carla.LaneType.Driving
    return [pair for key in sorted(junctions) for pair in junctions[key].get_waypoints(driving)]


def _crossing(
    route: Route, start: tuple[float, float], heading: float, length: float
) -> tuple[float, float] | None:
    """Where the straight lane of `length` from `start` meets the route, if it does."""
    x, y = map(float, route.points[0])
    frame = Frame(Body(x, y, 0.0, 0.0, 1.0, 1.0), route, route.length, 0.0)
    found = frame.crossing(*start, heading)
    if found is None or not -0.5 <= found[1] <= length + 0.5:
        return None
    return start[0] + found[1] * math.cos(heading), start[1] + found[1] * math.sin(heading)


def _upstream(begin: Any, crossing: tuple[float, float]) -> NDArray[np.float64]:
    """Points from the crossing up the lane that leads to `begin`, nearest first, SIGHT_STEP apart."""
    start = begin.transform.location
    points = [crossing, (start.x, start.y)]
    waypoint = begin
    while (before := waypoint.previous(10.0)) and len(points) < 2 + SIGHT_RANGE // 10:
        waypoint = before[0]
        points.append((waypoint.transform.location.x, waypoint.transform.location.y))
    lane = Route.through(np.array(points), SIGHT_STEP)
    return lane.at(np.arange(0.0, SIGHT_RANGE + SIGHT_STEP, SIGHT_STEP))
