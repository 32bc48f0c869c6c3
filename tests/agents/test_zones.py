"""The expert where ways are shared against each other, across, and one behind the other: a closed loop through control
and physics, against numbers that a person can work out."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from laco.agents.control import follow
from laco.agents.drivers import auto
from laco.agents.drivers.expert import BRAKE, HARD, PEEK, decide, judge
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Actor, Body, Observation, Sight
from laco.agents.perception import observe
from laco.agents.route import Route
from laco.geometry import overlap
from laco.scenarios.server.physics import Motion, advance

LIMIT = 50 / 3.6  # [m/s]
CRUISE = 0.9 * LIMIT
EAST, WEST, NORTH = 0.0, math.pi, -math.pi / 2
View = Callable[..., Observation]
# Out of the own lane at 10 m, in the oncoming lane from 25 to 60 m, back at 75 m.
ROUND = Route.through(np.array([[0.0, 0.0], [10, 0], [25, -3.5], [60, -3.5], [75, 0], [160, 0]]))
Decide = Callable[[Observation], Plan]


def body(x: float, y: float, yaw: float, speed: float) -> Body:
    return Body(x, y, yaw, speed, 2.4, 0.9)


def drive(route: Route, speed: float, others: Sequence[Body], seconds: float, think: Decide) -> tuple[list[Body], bool]:
    """Where the vehicle was at each tick, and whether it touched one of the others, who keep their speed."""
    motion, been, touched = Motion(speed=speed), [], False
    for step in range(round(seconds / 0.05)):
        time = step * 0.05
        now = [
            body(b.x + b.speed * time * math.cos(b.yaw), b.y + b.speed * time * math.sin(b.yaw), b.yaw, b.speed)
            for b in others
        ]
        own = body(motion.x, motion.y, motion.yaw, motion.speed)
        if step % 4 == 0:
            plan = think(observe("A", time, own, route, LIMIT, [Actor(i, b) for i, b in enumerate(now)], []))
        pedals = follow(plan, time, motion.speed)
        advance(motion, pedals.throttle, pedals.steer, pedals.brake, 0.05)
        been.append(own)
        touched = touched or any(overlap(own.box, b.box) for b in now)
    return been, touched


def expert(view: Observation) -> Plan:
    return decide(view, 0.0)


class TestHeadOn:
    """The way back is 75 m off, some 7 s at these speeds. A car at 14 m/s comes 98 m in that time."""

    @pytest.mark.parametrize("distance", [70.0, 85.0, 100.0])
    def test_it_waits_for_one_who_would_be_met(self, distance: float) -> None:
        been, touched = drive(ROUND, 8.0, [body(distance, -3.5, WEST, 14.0)], 18.0, expert)
        assert not touched
        passed = next(i for i, own in enumerate(been) if distance - 14.0 * 0.05 * i < own.x)
        assert all(own.y > -1.2 for own in been[:passed])  # in its lane until the other has passed
        assert been[-1].x > 75.0  # and then on

    def test_it_goes_while_the_other_is_far(self) -> None:
        been, touched = drive(ROUND, 8.0, [body(250.0, -3.5, WEST, 14.0)], 11.0, expert)
        assert not touched
        assert min(own.speed for own in been) > 7.5
        assert been[-1].x > 75.0

    def test_it_does_not_creep_into_the_lane(self) -> None:
        """The other comes to the end of the shared stretch in more than 6 s, the grid's horizon; from a stop the
        vehicle needs longer."""
        been, _ = drive(ROUND, 0.0, [body(96.0, -3.5, WEST, 4.0)], 10.0, expert)
        assert all(own.y > -1.2 for own in been)

    def test_once_inside_it_gets_out_in_front(self) -> None:
        """As if nobody came: its way back ends 20 m on, the other is 95 m off."""
        other = Actor(1, body(150.0, -3.5, WEST, 14.0))
        with_other, alone = (
            observe("A", 0.0, body(55.0, -3.5, EAST, 7.5), ROUND, LIMIT, seen, []) for seen in ([other], [])
        )
        assert decide(with_other, 0.0) == decide(alone, 0.0)
        assert decide(alone, 0.0).speed[-1] > 7.0


class TestCrossing:
    def test_a_bend_of_the_other_is_expected(self, eastward: View) -> None:
        """It comes the other way and turns left, across this route, at some x = 33: straight on it would pass."""
        turning = Actor(3, body(40.0, -3.5, WEST, 4.0), turn=-0.47)
        straight = Actor(3, body(40.0, -3.5, WEST, 4.0))
        assert decide(eastward(actors=(straight,)), 0.0).speed == pytest.approx((CRUISE,) * 5)
        assert decide(eastward(actors=(turning,)), 0.0).speed[1] < CRUISE - 1.0

    def test_one_who_walks_slowly_is_under_way(self, eastward: View) -> None:
        """At 0.4 m/s it is in the strip when the vehicle is there; a car so slow would count as standing."""
        walker, car = (Actor(3, Body(25.0, 2.4, NORTH, 0.4, half, 0.3)) for half in (0.3, 2.0))
        assert decide(eastward(actors=(walker,)), 0.0).speed[1] < CRUISE - 1.0
        beside = Actor(3, Body(25.0, 4.6, NORTH, 0.4, 2.0, 0.3))
        assert decide(eastward(actors=(beside,)), 0.0).speed == pytest.approx((CRUISE,) * 5)
        assert car.body.speed == walker.body.speed

    def test_it_feels_its_way_where_a_lane_stays_hidden(self, eastward: View) -> None:
        """Nose 2 m before a lane that nobody can see up: walking pace, not a stop for ever."""
        blind = eastward(speed=0.0, sights=(Sight((6.0, 0.0), NORTH, 2.0),))
        assert judge(Frame.of(blind), [blind], 1.0) == (PEEK, BRAKE)
        assert judge(Frame.of(blind), [blind], 0.0)[0] == pytest.approx(CRUISE)

    def test_a_crosswalk_bears_a_slower_phantom(self, eastward: View) -> None:
        """10 m of the way are seen: at 2.5 m/s somebody needs 3 s, at 15 m/s half a second; the vehicle needs 2.5 s."""
        walk, lane = (eastward(sights=(Sight((25.0, 0.0), NORTH, 10.0, pace),)) for pace in (2.5, 15.0))
        assert decide(walk, 1.0).speed == pytest.approx((CRUISE,) * 5)
        assert decide(lane, 1.0).speed[1] < CRUISE - 1.0


class TestSameWay:
    def leader(self, gap: float, speed: float = CRUISE) -> Actor:
        """`gap` [m] between bumpers."""
        return Actor(2, body(4.8 + gap, 0.0, EAST, speed))

    def test_a_second_behind_is_enough(self, eastward: View) -> None:
        assert decide(eastward(actors=(self.leader(14.0),)), 0.0).speed[1] > CRUISE - 0.6
        assert decide(eastward(actors=(self.leader(9.0),)), 0.0).speed[1] < CRUISE - 0.6

    def test_too_near_it_falls_back_without_panic(self, eastward: View) -> None:
        view = eastward(actors=(self.leader(4.0),))
        target, rate = judge(Frame.of(view), [view], 0.0)
        assert rate == BRAKE
        assert 0.0 < target < CRUISE

    def test_behind_one_that_stands_it_stops_hard_if_need_be(self, eastward: View) -> None:
        view = eastward(actors=(self.leader(10.0, 0.0),))
        assert judge(Frame.of(view), [view], 0.0) == (0.0, HARD)

    def test_a_follower_is_not_its_business(self, eastward: View) -> None:
        behind = Actor(2, body(-10.0, 0.0, EAST, 14.0))
        assert decide(eastward(speed=6.0, actors=(behind,)), 0.0) == decide(eastward(speed=6.0), 0.0)

    def test_it_merges_behind_one_in_the_other_lane(self) -> None:
        """The lane ends at 40 m; somebody comes up beside at the same speed and is not to be cut off."""
        merging = Route.through(np.array([[0.0, 0.0], [30.0, 0.0], [45.0, -3.5], [160.0, -3.5]]))
        been, touched = drive(merging, 10.0, [body(-4.0, -3.5, EAST, 12.0)], 10.0, expert)
        assert not touched
        assert been[-1].x < -4.0 + 12.0 * 10.0 - 10.0
        assert been[-1].x > 70.0


class TestAuto:
    """It follows as the expert does, and is surprised where the expert is not."""

    def test_free_road(self, eastward: View) -> None:
        assert auto.decide(eastward()).speed == pytest.approx((CRUISE,) * 5, abs=0.1)
        assert auto.decide(eastward(speed=0.0)).speed[1] == pytest.approx(2.5, abs=0.1)

    def test_it_stops_behind_one_that_stands(self) -> None:
        straight = Route.through(np.array([[0.0, 0.0], [160.0, 0.0]]))
        been, touched = drive(straight, CRUISE, [body(70.0, 0.0, EAST, 0.0)], 14.0, auto.decide)
        assert not touched
        assert been[-1].speed < 0.3
        assert 58.0 < been[-1].x < 65.0

    def test_it_does_not_see_a_crossing_coming(self, eastward: View) -> None:
        crossing = Actor(5, Body(25.0, 24.0, NORTH, 12.0, 2.4, 0.9))
        assert auto.decide(eastward(actors=(crossing,))) == auto.decide(eastward())
        assert decide(eastward(actors=(crossing,)), 0.0) != decide(eastward(), 0.0)
        there = Actor(5, Body(25.0, 6.0, NORTH, 12.0, 2.4, 0.9))
        assert auto.decide(eastward(actors=(there,))).speed[0] < CRUISE - 1.0
