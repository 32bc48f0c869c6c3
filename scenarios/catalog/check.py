"""What every scenario of the catalogue has to be, as far as its layouts tell: no driving, no server.

`laco.distill.trial` drives them and adds what only driving tells. A rule is a function of a scenario and a seed that
names its faults; a new rule is one more of them in RULES.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from laco.geometry import Box, overlap
from laco.scenarios.catalog import Scenario
from laco.scenarios.layout import Ego, Layout, Placement
from laco.scenarios.server.blueprints import library

ALIKE = 10.0  # [deg] between an ego's heading and its route's at the start
STEP = 2.0  # [m] between points of a route that are looked up on the map
FEWEST, MOST = 2, 16  # connected vehicles
BLUEPRINTS = library()
Faults = Iterator[str]


@dataclass(frozen=True)
class Case:
    """A scenario's layout, made twice, and the next seed's; the map it stands on."""

    layout: Layout
    again: Layout
    next: Layout
    road_map: Any  # a `carla.Map`

    @classmethod
    def of(cls, scenario: Scenario, seed: int, road_map_of: Callable[[str], Any]) -> "Case":
        """road_map_of: a `carla.Map` by its name."""
        made = scenario.layout(seed)
        return cls(made, scenario.layout(seed), scenario.layout(seed + 1), road_map_of(made.map))


def faults(case: Case) -> list[str]:
    """Everything that is wrong with it, a line each; what has no blueprint is not looked at further."""
    found = list(_has_blueprints(case))
    return found or [fault for rule in RULES for fault in rule(case)]


def plain(layout: Layout) -> list[Any]:
    """A layout as values that compare."""
    routes = [ego.route.tolist() for ego in layout.egos]
    scripts = [(m.path.tolist(), m.profile, m.gate, m.hazard, m.calm) for m in layout.movers]
    world = (layout.map, layout.limit, layout.green, layout.crossings)
    return [layout.placements(), routes, scripts, *world, layout.notes]


def _has_blueprints(case: Case) -> Faults:
    for place in case.layout.placements():
        if place.blueprint not in BLUEPRINTS:
            yield f"{place.role}: there is no {place.blueprint}"


def _is_what_the_seed_says(case: Case) -> Faults:
    if plain(case.layout) != plain(case.again):
        yield "the same seed gives another layout"
    if plain(case.layout)[:3] == plain(case.next)[:3]:
        yield "the next seed gives the same layout"


def _has_a_twin(case: Case) -> Faults:
    layout, twin = case.layout, case.layout.twin()
    if not layout.hazards:
        yield "no mover is a hazard"
    if twin.hazards:
        yield "the twin has a hazard"
    calm = [m for m in layout.movers if not m.hazard or m.calm is not None]
    if [m.placement for m in twin.movers] != [m.placement for m in calm]:
        yield "the twin's movers are not those of the layout without its hazards"
    if plain(replace(twin, movers=layout.movers)) != plain(layout):
        yield "the twin differs in more than its hazards"


def _counts(case: Case) -> Faults:
    egos, roles = len(case.layout.egos), [place.role for place in case.layout.placements()]
    if not FEWEST <= egos <= MOST:
        yield f"{egos} connected vehicles; {FEWEST} to {MOST} are allowed"
    for role in sorted({role for role in roles if roles.count(role) > 1}):
        yield f"{role}: there are two of them"


def _starts_on_its_route(case: Case) -> Faults:
    for ego in case.layout.egos:
        place, (first, second) = ego.placement, ego.route[:2]
        if [place.x, place.y] != first.tolist():
            yield f"{ego.name}: it does not start where its route does"
        off = math.degrees(math.atan2(*(second - first)[::-1])) - place.yaw
        if abs(math.remainder(off, 360.0)) > ALIKE:
            yield f"{ego.name}: it starts {off:.0f} degrees off its route"
        if place.speed > case.layout.limit:
            yield f"{ego.name}: it starts faster than the limit"


def _drives_on_lanes(case: Case) -> Faults:
    for ego in case.layout.egos:
        away = max(_beside_lane(case, x, y) for x, y in _points(ego, case.layout))
        if away > 0.0:
            yield f"{ego.name}: its route leaves the driving lanes by {away:.1f} m"


def _points(ego: Ego, layout: Layout) -> Any:
    route = layout.routes()[ego.name]
    return route.at(np.arange(0.0, route.length, STEP))


def _beside_lane(case: Case, x: float, y: float) -> float:
    """How far the nearest driving lane's centre is, beyond the lane's width [m]."""
    import carla

    waypoint = case.road_map.get_waypoint(carla.Location(float(x), float(y), 0.0))
    at = waypoint.transform.location
    return max(0.0, math.dist((at.x, at.y), (x, y)) - float(waypoint.lane_width))


def _starts_apart(case: Case) -> Faults:
    boxes = [(place.role, box_of(place)) for place in case.layout.placements()]
    for (one, a), (other, b) in combinations(boxes, 2):
        if overlap(a, b):
            yield f"{one} starts inside {other}"


def box_of(place: Placement) -> Box:
    """The box of what is placed."""
    length, width, _ = BLUEPRINTS[place.blueprint].size
    return place.x, place.y, math.radians(place.yaw), length / 2, width / 2


RULES: tuple[Callable[[Case], Faults], ...] = (
    _is_what_the_seed_says,
    _has_a_twin,
    _counts,
    _starts_on_its_route,
    _drives_on_lanes,
    _starts_apart,
)
