"""Crossing lanes, read from the shipped map by the carla library."""

import math
from typing import Any

import carla
import numpy as np
import pytest

from laco.agents.approaches import approaches
from laco.agents.perception import SIGHT_RANGE, SIGHT_STEP
from laco.agents.route import Route
from laco.scenarios.catalog.occluded_crossing import LANE
from laco.scenarios.maps import read_map


@pytest.fixture(scope="module")
def road_map() -> Any:
    return carla.Map("crossing", read_map("crossing"))


def straight_north() -> Route:
    return Route.through(np.array([[LANE, 60.0], [LANE, -40.0]]))


def test_a_straight_route_meets_the_eastern_and_the_western_lane(road_map: Any) -> None:
    lanes = approaches(road_map, straight_north())
    assert sorted(round(a.point[1], 2) for a in lanes) == [-LANE, LANE]  # and none of those that turn
    found = {round(a.point[1], 2): a for a in lanes}
    from_east, from_west = found[-LANE], found[LANE]
    assert abs(math.remainder(from_east.heading - math.pi, 2 * math.pi)) < 0.01
    assert abs(math.remainder(from_west.heading, 2 * math.pi)) < 0.01
    assert all(a.point[0] == pytest.approx(LANE, abs=0.05) for a in found.values())


def test_upstream_points_lead_up_the_lane(road_map: Any) -> None:
    lanes = approaches(road_map, straight_north())
    assert lanes
    for lane in lanes:
        assert len(lane.upstream) == SIGHT_RANGE / SIGHT_STEP + 1
        away = -np.array([math.cos(lane.heading), math.sin(lane.heading)])
        along = (lane.upstream - np.array(lane.point)) @ away
        assert along == pytest.approx(np.arange(0.0, SIGHT_RANGE + 1, SIGHT_STEP), abs=0.1)


def test_a_route_that_stays_before_the_junction_meets_none(road_map: Any) -> None:
    assert approaches(road_map, Route.through(np.array([[LANE, 60.0], [LANE, 20.0]]))) == ()
