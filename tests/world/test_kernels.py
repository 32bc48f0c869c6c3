"""The compiled step against the plain one, and contacts that a person can work out."""

import math

import numpy as np
import pytest

from laco.geometry import common_middle
from laco.scenarios.maps import read_map
from laco.scenarios.server import bodies, kernels
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.prop import Prop
from laco.scenarios.server.vehicle import Control, Vehicle
from laco.scenarios.server.walker import Walker
from laco.scenarios.server.world import World

DT = 0.05  # [s]


@pytest.fixture
def world() -> World:
    return World(read_map("crossing"))


def car(world: World, x: float = 0.0, y: float = 0.0, yaw: float = 0.0, name: str = "tesla.model3") -> Vehicle:
    vehicle = world.spawn(f"vehicle.{name}", Pose(x, y, 0.0, 0.0, yaw))
    assert isinstance(vehicle, Vehicle)
    return vehicle


@pytest.mark.parametrize("reverse", [False, True])
def test_a_rolled_row_equals_the_plain_step(world: World, reverse: bool) -> None:
    rolled, plain = car(world, yaw=30.0), car(World(read_map("crossing")), yaw=30.0)
    for vehicle in (rolled, plain):
        vehicle.set_velocity(*((-3.0, -1.0) if reverse else (9.0, 6.0)))
    for i in range(200):
        control = Control(throttle=0.1 * (i % 10), steer=math.sin(i / 7), brake=0.2 * (i % 3), reverse=reverse)
        for vehicle in (rolled, plain):
            vehicle.apply(control)
        world.step(DT)
        plain.step(DT)
        mine, theirs = list(rolled.row[:15]), list(plain.row[:15])
        assert mine[:4] == theirs[:4]
        assert mine == pytest.approx(theirs, abs=1e-11)  # degrees are brought into their range in another way


def test_uncompiled_functions_give_the_same_numbers(world: World) -> None:
    for i in range(12):
        vehicle = car(world, 6.0 * i, 3.0 * (i % 3), 40.0 * i)
        vehicle.x *= 0.5
        vehicle.set_velocity(5.0, 0.5 * i)
        vehicle.unusual = False
        vehicle.apply(Control(throttle=0.5, steer=0.1 * i - 0.5))
    left, found = np.zeros(64, dtype=np.int64), np.zeros((100, 3), dtype=np.int64)
    mine, theirs = world.bodies.rows.copy(), world.bodies.rows.copy()
    for rows, suffix in ((mine, ""), (theirs, "py_func")):
        step = getattr(kernels.step_all, suffix) if suffix else kernels.step_all
        assert step(rows, 12, left, 9.81, DT, True) == 0
    assert np.array_equal(mine, theirs)
    pairs = kernels.meetings(mine, 12, 5, found)
    again = found.copy()
    assert kernels.meetings.py_func(mine, 12, 5, again) == pairs > 0  # type: ignore[attr-defined]
    assert np.array_equal(found, again)


def test_a_fast_car_is_stopped_by_a_thin_barrier_when_it_is_looked_at_often_enough(world: World) -> None:
    through, stopped = car(world, 0.0, 0.0), car(world, 0.0, 30.0)
    for y in (0.0, 30.0):
        world.spawn("static.prop.streetbarrier", Pose(5.3, y, 0.0, 0.0, 90.0))
    for vehicle in (through, stopped):
        vehicle.set_velocity(220.0, 0.0)  # 11 m a tick, more than both bodies together are long
    world.set_collisions(stopped.id, False)
    world.step(DT, 1)
    assert through.x == pytest.approx(11.0)
    world.set_collisions(stopped.id, True)
    world.teleport(stopped.id, Pose(0.0, 30.0))
    world.step(DT, 10)
    assert stopped.x < 5.3
    assert stopped.vx == pytest.approx(0.0, abs=1e-9)
    assert [c.first.id for c in world.contacts] == [stopped.id]


def test_a_hit_off_centre_spins_and_keeps_momentum(world: World) -> None:
    truck, other = car(world, name="carlamotors.firetruck"), car(world, 6.0, 1.5, 90.0)
    truck.set_velocity(10.0, 0.0)
    while not world.contacts:
        before = truck.mass * truck.vx
        world.step(DT)
    (contact,) = world.contacts
    assert contact.impulse[0] > 0.0
    assert contact.impulse[1] == pytest.approx(0.0, abs=1e-6)
    total = truck.mass * truck.vx + other.mass * other.vx
    assert total == pytest.approx(before, rel=0.002)
    # The truck's front hits the car's side in the overlap of both, ahead of the car's middle or behind it.
    inertia = other.mass * ((2 * other.half_length) ** 2 + (2 * other.half_width) ** 2) / 12
    assert other.inertia == pytest.approx(inertia)
    low = other.y - other.half_length
    middle = (max(low, -truck.half_width) + truck.half_width) / 2
    spin = contact.impulse[0] * (other.y - middle) / inertia
    assert math.radians(other.yaw_rate) == pytest.approx(spin, rel=0.02)
    assert spin > 0.1


def test_where_two_boxes_overlap() -> None:
    a, b = (0.0, 0.0, 0.0, 2.0, 1.0), (3.0, 0.5, 0.0, 2.0, 1.0)
    assert common_middle(a, b) == pytest.approx((1.5, 0.25))
    assert common_middle(a, (4.0, 0.0, math.pi / 2, 1.0, 2.5)) == pytest.approx((2.0, 0.0), abs=1.0)


def test_a_prop_stands_until_it_is_simulated(world: World) -> None:
    held, loose = (world.spawn("static.prop.bin", Pose(6.0, y)) for y in (0.0, 20.0))
    assert isinstance(held, Prop)
    assert isinstance(loose, Prop)
    world.set_simulated(loose.id, True)
    for y in (0.0, 20.0):
        car(world, 0.0, y).set_velocity(8.0, 0.0)
    for _ in range(20):
        world.step(DT)
    assert (held.x, held.vx) == (6.0, 0.0)
    assert loose.x > 8.0


def test_a_prop_slides_as_far_as_friction_lets_it(world: World) -> None:
    box = world.spawn("static.prop.box01", Pose())
    assert isinstance(box, Prop)
    world.set_simulated(box.id, True)
    box.push(7.0 * box.mass, 0.0)
    for _ in range(40):
        world.step(DT)
    assert box.x == pytest.approx(7.0**2 / (2 * 7.0), abs=0.2)  # v^2 / 2 mu g with mu g = 7 m/s^2
    assert not box.moving


def test_things_are_pulled_down_only_while_gravity_is_on(world: World) -> None:
    falling, floating = (world.spawn("vehicle.tesla.model3", Pose(x, 0.0, 4.0)) for x in (0.0, 20.0))
    assert isinstance(floating, Vehicle)
    floating.falls = False
    for _ in range(10):
        world.step(DT)
    assert falling.z == pytest.approx(4.0 - 9.81 * 0.5**2 / 2)
    assert floating.z == 4.0


def test_a_walker_jumps_and_lands(world: World) -> None:
    walker = world.spawn("walker.pedestrian.0001", Pose(0.0, 0.0))
    assert isinstance(walker, Walker)
    walker.control((1.0, 0.0, 0.0), 1.0, True)
    highest = 0.0
    for _ in range(20):
        world.step(DT)
        highest = max(highest, walker.z)
    assert highest == pytest.approx(4.2**2 / (2 * 9.81), abs=0.01)
    assert walker.z == 0.0


def test_rows_stay_with_their_solids_when_others_come_and_go(world: World) -> None:
    cars = [car(world, 10.0 * i) for i in range(100)]
    for gone in cars[::3]:
        world.destroy(gone.id)
        assert gone.x == 10.0 * cars.index(gone)  # still answers
    for i, kept in enumerate(cars):
        assert kept.x == 10.0 * i
    assert len(world.bodies) == 66
    assert world.bodies.rows[: len(world.bodies), bodies.X].sum() == sum(10.0 * i for i in range(100) if i % 3)
