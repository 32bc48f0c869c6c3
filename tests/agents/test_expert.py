"""The teacher: what it sees decides, and nothing else does."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from laco.agents.control import follow
from laco.agents.drivers.expert import BRAKE, decide, judge
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Actor, Body, Observation, Sight
from laco.agents.perception import observe
from laco.agents.route import Route
from laco.scenarios.server.physics import Motion, advance

CRUISE = 0.9 * 50 / 3.6  # 12.5 [m/s]
View = Callable[..., Observation]
NORTH = -math.pi / 2


def crossing_car(seconds: float, speed: float = 12.0) -> Actor:
    """It comes from the south and crosses the road at x = 25 in so many seconds."""
    return Actor(5, Body(25.0, speed * seconds, NORTH, speed, 2.4, 0.9))


def test_free_road(eastward: View) -> None:
    assert judge(Frame.of(eastward()), [eastward()], 0.0) == (pytest.approx(CRUISE), BRAKE)
    plan = decide(eastward(), 1.0)
    assert plan.speed == pytest.approx((CRUISE,) * 5)
    assert plan.curvature == pytest.approx((0.0,) * 5)


def test_it_accelerates_to_cruise(eastward: View) -> None:
    assert decide(eastward(speed=5.0), 0.0).speed == pytest.approx((6.25, 7.5, 8.75, 10.0, 11.25))


@pytest.mark.parametrize("seconds", [1.6, 2.0, 2.3])  # it is at x = 25 itself in 2 s
def test_a_seen_car_that_would_be_hit_slows_it(eastward: View, seconds: float) -> None:
    assert decide(eastward(actors=(crossing_car(seconds),)), 0.0).speed[1] < CRUISE - 1.0


@pytest.mark.parametrize("seconds", [-1.0, 5.5])
def test_a_car_that_has_passed_or_comes_late_does_not(eastward: View, seconds: float) -> None:
    assert decide(eastward(actors=(crossing_car(seconds),)), 0.0).speed == pytest.approx((CRUISE,) * 5)


def sight(extent: float) -> Sight:
    return Sight((25.0, 0.0), NORTH, extent)


class TestCaution:
    def test_without_it_nothing_hides_in_a_blind_lane(self, eastward: View) -> None:
        assert decide(eastward(sights=(sight(4.0),)), 0.0).speed == pytest.approx((CRUISE,) * 5)

    def test_with_it_the_blind_lane_slows(self, eastward: View) -> None:
        speeds = [decide(eastward(sights=(sight(4.0),)), c).speed[1] for c in (0.0, 0.5, 1.0)]
        assert speeds == sorted(speeds, reverse=True)
        assert speeds[-1] < CRUISE - 1.0

    def test_a_lane_that_is_seen_does_not(self, eastward: View) -> None:
        assert decide(eastward(sights=(sight(60.0),)), 1.0).speed == pytest.approx((CRUISE,) * 5)

    def test_a_peer_who_sees_the_lane_takes_it_away(self, eastward: View) -> None:
        own, peer = eastward(sights=(sight(4.0),)), eastward(sights=(sight(60.0),), x=50.0, name="B")
        assert decide(own, 1.0, [peer]).speed == pytest.approx((CRUISE,) * 5)

    def test_a_peer_who_sees_the_car_brings_it(self, eastward: View) -> None:
        own = eastward(sights=(sight(4.0),))
        peer = eastward(actors=(crossing_car(2.0),), x=50.0, name="B")
        assert decide(own, 0.0, [peer]).speed[1] < decide(own, 0.0).speed[1] - 1.0


def test_it_stops_behind_a_standing_vehicle(eastward: View) -> None:
    """The loop closed through control and physics: it ends at rest, near the vehicle and clear of it."""
    motion = Motion(speed=CRUISE)
    standing = Actor(5, Body(70.0, 0.0, 0.0, 0.0, 2.4, 0.9))
    for step in range(200):
        time = step * 0.05
        if step % 4 == 0:
            plan = decide(eastward(speed=motion.speed, actors=(standing,), x=motion.x, time=time), 0.0)
        pedals = follow(plan, time, motion.speed)
        advance(motion, pedals.throttle, pedals.steer, pedals.brake, 0.05)
    assert motion.speed < 0.01
    assert 58.0 < motion.x < 70.0 - 2 * 2.4 - 0.5


class TestLabelsAreAFunctionOfWhatIsVisible:
    route = Route.through(np.array([[0.0, 0.0], [100.0, 0.0]]))
    body = Body(0.0, 0.0, 0.0, CRUISE, 2.4, 0.9)
    truck = Actor(1, Body(10.0, 5.0, 0.0, 0.0, 6.0, 1.5))  # along the southern kerb: hides what is behind

    def plan(self, *others: Actor) -> tuple[float, ...]:
        return decide(observe("A", 0.0, self.body, self.route, CRUISE / 0.9, others, []), 0.5).speed

    def test_a_hidden_car_changes_nothing(self) -> None:
        assert self.plan(self.truck, crossing_car(2.0)) == self.plan(self.truck)

    def test_the_same_car_unhidden_does(self) -> None:
        assert self.plan(crossing_car(2.0))[1] < self.plan()[1] - 1.0
