"""What the map adds to a layout: the lanes that may bring somebody into an ego's way."""

import math
from typing import Any

from laco.agents.approaches import approaches
from laco.agents.perception import Approach
from laco.scenarios.layout import Layout

SAME_PLACE, SAME_HEADING = 1.0, 0.2  # [m], [rad] between two lanes that are one


def lanes_of(road_map: Any, layout: Layout) -> tuple[Approach, ...]:
    """Lanes through junctions that cross some ego's route, then the layout's crossings; each once.

    Every ego looks along all of them, also those that matter only to a peer. road_map: a `carla.Map`.
    """
    found: list[Approach] = []
    for route in layout.routes().values():
        found += [lane for lane in approaches(road_map, route) if not any(_same(lane, old) for old in found)]
    return (*found, *(crossing.approach() for crossing in layout.crossings))


def _same(one: Approach, other: Approach) -> bool:
    turned = math.remainder(one.heading - other.heading, 2 * math.pi)
    return math.dist(one.point, other.point) < SAME_PLACE and abs(turned) < SAME_HEADING
