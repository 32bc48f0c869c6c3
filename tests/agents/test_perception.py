"""Who sees what, by numbers that a person can work out with a ruler."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laco.agents.observation import Actor, Beacon, Body, Observation
from laco.agents.perception import (
    SIGHT_RANGE,
    Approach,
    ahead,
    blocked,
    observe,
    sights,
    visible,
    with_beacons,
)
from laco.agents.route import Route
from laco.geometry import segment_hits

EYE = Body(0.0, 0.0, 0.0, 0.0, 2.4, 0.9)


def box(x: float, y: float, number: int = 0, speed: float = 0.0, half: tuple[float, float] = (2, 1)) -> Actor:
    return Actor(number, Body(x, y, 0.0, speed, *half))


class TestVisible:
    near = box(20, 0, number=1)  # its shadow at x = 28 reaches to y = 28 / 18

    def test_a_box_hides_the_one_behind_it(self) -> None:
        assert visible(EYE, [self.near, box(30, 0, 2)], []) == (self.near,)

    def test_one_corner_is_enough(self) -> None:
        peeping = box(30, 1.2, 2)  # corner (28, 2.2): the ray passes (22, 1.73), above the near box's y = 1
        assert visible(EYE, [self.near, peeping], []) == (self.near, peeping)

    def test_beside_it_is_seen(self) -> None:
        assert len(visible(EYE, [self.near, box(30, 4, 2)], [])) == 2

    def test_a_wall_hides_and_is_not_listed(self) -> None:
        assert visible(EYE, [box(30, 0, 2)], [(20.0, 0.0, 0.0, 2.0, 2.0)]) == ()

    def test_range(self) -> None:
        assert visible(EYE, [box(99, 0, 1), box(101, 50, 2)], []) == (box(99, 0, 1),)

    def test_nobody_there(self) -> None:
        assert visible(EYE, [], []) == ()


class TestSights:
    """The eye is 20 m south of a lane that comes from the east along y = 0; a block stands half way.

    Between y = 11 and y = 9 the line to (X, 0) runs from 0.45 X to 0.55 X; the block spans 9 to 11. So the
    block hides X from 16.4 to 24.4, and the last of the points 2 m apart before that is at 16 m.
    """

    eye = Body(0.0, 20.0, -math.pi / 2, 0.0, 2.4, 0.9)
    lane = Approach.straight((0.0, 0.0), math.pi)
    block = box(10, 10, half=(1, 1))

    def extent(self, actors: list[Actor], walls: list[tuple[float, float, float, float, float]]) -> float:
        (sight,) = sights(self.eye, [self.lane], actors, walls)
        assert (sight.point, sight.heading) == ((0.0, 0.0), math.pi)
        return sight.extent

    def test_free(self) -> None:
        assert self.extent([], []) == SIGHT_RANGE

    def test_behind_a_parked_car(self) -> None:
        assert self.extent([self.block], []) == 16.0

    def test_behind_a_wall(self) -> None:
        assert self.extent([], [self.block.body.box]) == 16.0

    def test_a_lane_on_which_somebody_stands_brings_nobody(self) -> None:
        assert self.extent([box(20, 0)], []) == SIGHT_RANGE

    def test_one_beside_the_lane_may_hide_who_comes_on_it(self) -> None:
        """The line to (18, 0) is at x = 16.65 when it comes to y = 1.5: inside the car's back half."""
        assert self.extent([box(18, 1.5)], []) < SIGHT_RANGE

    def test_moving_vehicles_are_no_walls(self) -> None:
        assert self.extent([box(10, 10, speed=5.0, half=(1, 1))], []) == SIGHT_RANGE

    def test_a_crossing_that_is_itself_hidden(self) -> None:
        assert self.extent([box(0, 10)], []) == 0.0

    def test_a_step_nearer_sees_further(self) -> None:
        """From (0, 13) the line to (X, 0) is at 4 X / 13 when it comes to y = 9: hidden from X = 29.25 on."""
        closer = Body(0.0, 13.0, -math.pi / 2, 0.0, 2.4, 0.9)
        (sight,) = sights(closer, [self.lane], [self.block], [])
        assert sight.extent == 28.0


quarters = st.integers(-160, 160).map(lambda n: n / 4)
points = st.tuples(quarters, quarters)
boxes = st.tuples(
    quarters, quarters, st.integers(-180, 180).map(math.radians), st.integers(1, 40), st.integers(1, 40)
)


@settings(max_examples=200, deadline=None)
@given(eye=points, targets=st.lists(points, min_size=1, max_size=5), walls=st.lists(boxes, max_size=4))
def test_blocked_agrees_with_the_segment_test(eye, targets, walls) -> None:
    found = blocked(eye, np.array(targets), walls)
    assert found.shape == (len(targets), len(walls))
    assert found.tolist() == [[segment_hits(eye, target, wall) for wall in walls] for target in targets]


class TestRoute:
    corner = Route.through(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]))  # east, then south

    def test_length(self) -> None:
        assert self.corner.length == pytest.approx(20.0)

    @pytest.mark.parametrize(
        ("point", "along", "offset"),
        [((4, 1), 4, 1), ((4, -1), 4, -1), ((12, 5), 15, -2), ((8, 5), 15, 2), ((10, 14), 20, 0)],
    )
    def test_projection_right_is_positive(self, point, along: float, offset: float) -> None:
        assert self.corner.project(*point) == pytest.approx((along, offset))

    def test_past_the_end_it_goes_straight_on(self) -> None:
        assert self.corner.at(np.array([5.0, 15.0, 25.0])).tolist() == [[5, 0], [10, 5], [10, 15]]

    def test_what_lies_ahead(self) -> None:
        points, remaining = ahead(self.corner, 6.0, 0.5)
        assert remaining == pytest.approx(14.0)
        assert points[:2] == ((6.0, 0.0), (10.0, 1.0))
        assert len(points) == 13


class TestObserve:
    route = Route.through(np.array([[0.0, 0.0], [50.0, 0.0]]))

    def test_it_holds_what_is_seen_and_nothing_else(self) -> None:
        near, hidden = box(20, 0, 1), box(30, 0, 2)
        view = observe("A", 1.5, EYE, self.route, 13.0, [near, hidden], [])
        assert (view.name, view.time, view.limit, view.remaining) == ("A", 1.5, 13.0, 50.0)
        assert view.actors == (near,)

    def test_beacons_name_who_is_seen_and_add_who_is_not(self, eastward: Callable[..., Observation]) -> None:
        seen, other = box(20, 0, 7), box(40, 8, 8)
        view = eastward(actors=(seen, other))
        beacons = [self.beacon("B", 20.4), self.beacon("C", 60.0)]
        known = with_beacons(view, beacons)
        assert [(a.id, a.name) for a in known.actors] == [(8, ""), (-1, "B"), (-1, "C")]
        assert known.actors[1].body == beacons[0].body
        assert (known.sights, known.route) == (view.sights, view.route)

    def beacon(self, name: str, x: float) -> Beacon:
        return Beacon(name, 0.0, Body(x, 0.0, 0.0, 3.0, 2.4, 0.9), ((x, 0.0),), 10.0, 13.0, "")
