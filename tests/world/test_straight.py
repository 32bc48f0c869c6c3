"""The map `straight` has what ScenarioRunner's examples for Town01 look for."""

import carla
import pytest

from laco.scenarios.maps import read_map


@pytest.fixture(scope="module")
def straight() -> carla.Map:
    return carla.Map("straight", read_map("straight"))


def test_the_hero_of_the_openscenario_example_starts_on_road_4(straight: carla.Map) -> None:
    """Lane position road 4, lane -1, s = 48.58 m; 41 m behind the other car at (190, 133)."""
    hero = straight.get_waypoint_xodr(4, -1, 48.58).transform
    assert (hero.location.x, hero.location.y) == pytest.approx((148.6, 133.0), abs=0.2)
    assert abs(hero.rotation.yaw) < 0.2
    assert 40.0 < hero.location.distance(carla.Location(x=190.0, y=133.0)) < 42.0


@pytest.mark.parametrize("x", [107.0, 150.0, 190.0])
def test_its_places_lie_in_the_middle_of_the_lane_that_drives_east(straight: carla.Map, x: float) -> None:
    place = carla.Location(x=x, y=133.0)
    lane = straight.get_waypoint(place, False)
    assert (lane.road_id, lane.lane_id) == (4, -1)
    assert lane.transform.location.distance(place) < 0.25


def test_the_leading_car_has_200_metres_and_then_a_crossing(straight: carla.Map) -> None:
    lane = straight.get_waypoint(carla.Location(x=132.0, y=133.0))
    metres = 0
    while not lane.is_junction:
        lane = lane.next(1.0)[0]
        metres += 1
    assert 195 < metres < 215


def test_nothing_ends_in_a_dead_end(straight: carla.Map) -> None:
    assert all(waypoint.next(3.0) for waypoint in straight.generate_waypoints(4.0))
