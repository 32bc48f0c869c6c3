"""Plans through pedals and the bicycle: what comes out is what was planned."""

import math

import pytest

from laco.agents.control import Pedals, follow, steering
from laco.agents.drivers.plan import Plan
from laco.scenarios.server.physics import Motion, advance

TICK = 0.05  # [s]


def drive(motion: Motion, speed: float, curvature: float, seconds: float) -> None:
    """Follow a constant wish, planned anew each 0.2 s."""
    plan = Plan(0.0, (), ())
    for step in range(round(seconds / TICK)):
        if step % 4 == 0:
            plan = Plan(step * TICK, (speed,) * 5, (curvature,) * 5)
        pedals = follow(plan, step * TICK, motion.speed)
        advance(motion, pedals.throttle, pedals.steer, pedals.brake, TICK)


def test_it_reaches_ten_metres_a_second_and_stays() -> None:
    motion = Motion()
    drive(motion, 10.0, 0.0, 8.0)
    assert motion.speed == pytest.approx(10.0, abs=0.25)
    drive(motion, 10.0, 0.0, 2.0)
    assert motion.speed == pytest.approx(10.0, abs=0.25)
    assert motion.y == 0.0


def test_it_stops_and_stands() -> None:
    motion = Motion(speed=10.0)
    drive(motion, 0.0, 0.0, 4.0)
    assert motion.speed == 0.0
    assert motion.x < 20.0


@pytest.mark.parametrize("curvature", [-8.0, -2.0, 2.0, 8.0])  # [deg/m]
def test_it_drives_the_planned_arc(curvature: float) -> None:
    motion = Motion(speed=5.0)
    drive(motion, 5.0, curvature, 2.0)  # about 10 m
    turned = math.degrees(motion.yaw)
    assert turned == pytest.approx(10.0 * curvature, rel=0.1)


def test_a_plan_that_has_run_out_means_brake() -> None:
    assert follow(Plan(0.0, (10.0,) * 5, (0.0,) * 5), 2.6, 10.0) == Pedals(0.0, 0.0, 1.0)


@pytest.mark.parametrize("curvature", [-90.0, 0.0, 90.0])
def test_pedals_stay_in_range(curvature: float) -> None:
    assert -1.0 <= steering(curvature) <= 1.0
    assert math.copysign(1.0, steering(curvature)) == math.copysign(1.0, curvature)
    for wanted in (0.0, 5.0, 100.0):
        pedals = follow(Plan(0.0, (wanted,) * 5, (curvature,) * 5), 0.0, 8.0)
        assert 0.0 <= pedals.throttle <= 1.0
        assert 0.0 <= pedals.brake <= 1.0
        assert pedals.throttle == 0.0 or pedals.brake == 0.0
