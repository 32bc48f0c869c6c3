"""What is known of lanes: crossing, head-on and joining ones, from one view or several."""

import math
from collections.abc import Callable

import pytest

from laco.agents.drivers.frame import Frame
from laco.agents.drivers.lanes import Lane, lanes
from laco.agents.observation import Observation, Sight

View = Callable[..., Observation]
NORTH = -math.pi / 2


def seen(eastward: View, *sights: Sight, others: tuple[Sight, ...] = ()) -> list[Lane]:
    """What a viewer that drives east knows."""
    own = eastward(sights=sights)
    return lanes(Frame.of(own), [own, eastward(name="B", x=40.0, sights=others)])


def test_a_crossing_lane(eastward: View) -> None:
    """Its sight was taken 2 m further up than it meets this route."""
    (lane,) = seen(eastward, Sight((25.0, 2.0), NORTH, 10.0))
    assert (lane.at, lane.extent, lane.pace) == (25.0, 12.0, 15.0)
    assert lane.place == pytest.approx((25.0, 0.0))


def test_the_best_of_all_views_counts(eastward: View) -> None:
    """B looks from its own lane, 3.5 m further down: the point differs, the lane is the same."""
    mine, theirs = Sight((25.0, 0.0), NORTH, 4.0), Sight((25.02, -3.5), NORTH + 0.01, 33.5)
    (lane,) = seen(eastward, mine, others=(theirs,))
    assert lane.extent == pytest.approx(30.0, abs=0.1)


def test_two_lanes_stay_two(eastward: View) -> None:
    found = seen(eastward, Sight((25.0, 0.0), NORTH, 4.0), Sight((28.5, 0.0), NORTH, 6.0), Sight((25.0, 0.0), 1.6, 8.0))
    assert [(lane.at, lane.extent) for lane in found] == [(25.0, 4.0), (25.0, 8.0), (28.5, 6.0)]


def test_a_walkers_line_is_none_of_the_cars(eastward: View) -> None:
    assert len(seen(eastward, Sight((25.0, 0.0), NORTH, 4.0), Sight((25.0, 0.0), NORTH, 2.0, 2.5))) == 2


@pytest.mark.parametrize("heading", [math.pi, math.pi - 0.3, 0.0, 0.4])
def test_one_along_the_route_counts_where_it_leads_to(eastward: View, heading: float) -> None:
    (lane,) = seen(eastward, Sight((25.0, 1.0), heading, 20.0))
    assert (lane.at, lane.extent) == (25.0, 20.0)


@pytest.mark.parametrize("point", [(25.0, 5.0), (-10.0, 0.0)])
def test_one_beside_or_behind_does_not(eastward: View, point: tuple[float, float]) -> None:
    assert seen(eastward, Sight(point, math.pi, 20.0)) == []


def test_what_is_seen_elsewhere_on_the_lane_does_not(eastward: View) -> None:
    assert seen(eastward, Sight((25.0, 20.0), NORTH, 40.0)) == []


def test_a_phantom_has_its_nose_at_the_edge(eastward: View) -> None:
    car, walker = seen(eastward, Sight((25.0, 0.0), NORTH, 10.0), Sight((40.0, 0.0), NORTH, 10.0, 2.5))
    assert car.phantom(7.0).y == pytest.approx(12.4)
    assert walker.phantom(1.0).y == pytest.approx(10.3)
