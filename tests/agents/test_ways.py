"""Which parts of a route others' ways take, by numbers that a person can work out.

The viewer drives east along y = 0, half a width of 0.9 m. Cells are 0.5 m long.
"""

import math
from collections.abc import Callable

import pytest

from laco.agents.drivers.frame import Frame
from laco.agents.drivers.ways import Conflict, conflicts, way
from laco.agents.observation import Actor, Body, Observation

EAST, SOUTH, WEST, NORTH = 0.0, math.pi / 2, math.pi, -math.pi / 2


@pytest.fixture
def shared(eastward: Callable[..., Observation]) -> Callable[[Actor], list[Conflict]]:
    """The stretches that an actor takes from a viewer at (0, 0)."""
    frame = Frame.of(eastward())
    return lambda actor: conflicts(frame, [actor.body], [way(actor)])[0]


def car(x: float, y: float, yaw: float, speed: float, **more: object) -> Actor:
    return Actor(1, Body(x, y, yaw, speed, 2.4, 0.9), **more)  # type: ignore[arg-type]


def test_one_that_crosses(shared) -> None:
    """Its strip is 2 * (0.9 + 0.5) m wide; it touches the viewer's, 2 * (0.9 + 0.5), 24 - 2.4 - 1.4 m ahead of it."""
    (found,) = shared(car(25.0, 24.0, NORTH, 12.0))
    assert (found.begin, found.end) == (24.0, 26.0)
    assert found.near == pytest.approx(24.0 - 3.8)
    assert found.far == pytest.approx(24.0 + 3.8)
    assert not found.same_way


def test_one_that_comes_head_on_shares_all_up_to_itself(shared) -> None:
    (found,) = shared(car(60.0, 0.0, WEST, 12.0))
    assert (found.begin, found.end) == (0.0, 62.0)
    assert (found.near, found.far) == (0.0, 62.4)
    assert found.first[0] == pytest.approx(57.6)  # its nose has so far to come to where the viewer is
    assert not found.same_way


def test_one_in_the_other_lane_shares_nothing(shared) -> None:
    assert shared(car(60.0, -3.5, WEST, 12.0)) == []


def test_a_leader_goes_the_same_way(shared) -> None:
    (found,) = shared(car(20.0, 0.0, EAST, 9.0))
    assert found.begin == 18.0
    assert (found.near, found.same_way) == (0.0, True)


def test_an_arc_is_followed(shared) -> None:
    """From (20, -10) it turns right on a circle of 10 m around (20, 0): it crosses after 15.7 m, at x = 30."""
    bent, straight = car(20.0, -10.0, EAST, 5.0, turn=0.5), car(20.0, -10.0, EAST, 5.0)
    (found,) = shared(bent)
    assert found.begin < 30.0 < found.end
    assert found.near < 10 * math.pi / 2 < found.far
    assert shared(straight) == []


def test_a_circle_is_left_after_a_quarter_and_a_bit(shared) -> None:
    """It would come back to the road 31.4 m further on, heading north; the tangent never does."""
    assert len(shared(car(20.0, -10.0, EAST, 5.0, turn=0.5))) == 1
    assert shared(car(20.0, 10.0, WEST, 5.0, turn=-0.5)) == []


def test_a_beacon_tells_the_way(shared) -> None:
    """It comes from the side, and turns in front of the viewer to go the same way."""
    route = ((30.0, 10.0), (30.0, 5.0), (32.0, 1.0), (36.0, 0.0), (41.0, 0.0), (46.0, 0.0))
    (found,) = shared(car(30.0, 10.0, NORTH, 5.0, name="B", route=route))
    assert found.same_way
    assert found.end > 44.0
    assert shared(car(30.0, 10.0, NORTH, 5.0, route=route))[0].end < 33.0  # a stranger's word counts for nothing


def test_who_stands_has_its_place_only(shared) -> None:
    (found,) = shared(car(30.0, 1.5, NORTH, 0.0))
    assert (found.begin, found.end) == (29.0, 31.0)
    assert shared(car(30.0, 5.0, NORTH, 0.0)) == []


@pytest.mark.parametrize(("y", "speed", "count"), [(2.0, 1.4, 1), (2.2, 1.4, 0), (1.5, 0.1, 0), (1.2, 0.1, 1)])
def test_walkers_get_more_room(shared, y: float, speed: float, count: int) -> None:
    """0.9 + 0.2 of half widths; 1.0 m for one that walks along, 0.3 for one that stands."""
    assert len(shared(Actor(1, Body(20.0, y, EAST, speed, 0.2, 0.2)))) == count


def test_each_body_has_its_own(eastward: Callable[..., Observation]) -> None:
    actors = [car(25.0, 24.0, NORTH, 12.0), car(60.0, -3.5, WEST, 12.0), car(20.0, 0.0, EAST, 9.0)]
    frame = Frame.of(eastward())
    together = conflicts(frame, [a.body for a in actors], [way(a) for a in actors])
    alone = [conflicts(frame, [a.body], [way(a)])[0] for a in actors]
    assert [[(c.begin, c.end, c.near, c.far, c.along) for c in some] for some in together] == [
        [(c.begin, c.end, c.near, c.far, c.along) for c in some] for some in alone
    ]
