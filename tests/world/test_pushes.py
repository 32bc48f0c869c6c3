"""Impulses and forces on bodies, against m v, I w and F t."""

import math
from typing import Any

import pytest

from laco.scenarios.maps import read_map
from laco.scenarios.server.methods import actors
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.prop import Prop
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.world import World

METHODS = actors.table()


@pytest.fixture
def sim() -> Simulation:
    return Simulation({"crossing": read_map("crossing")}, "crossing")


def ask(sim: Simulation, method: str, *arguments: Any) -> None:
    assert METHODS[method](sim, list(arguments)) == [[False]]


def car(sim: Simulation, z: float = 0.0) -> Vehicle:
    vehicle = sim.world.spawn("vehicle.tesla.model3", Pose(0.0, 0.0, z))
    assert isinstance(vehicle, Vehicle)
    return vehicle


def prop(sim: Simulation) -> Prop:
    box = sim.world.spawn("static.prop.container", Pose(0.0, 30.0))
    assert isinstance(box, Prop)
    sim.world.set_simulated(box.id, True)
    return box


@pytest.mark.parametrize("dt", [0.02, 0.05, 0.2])
def test_a_force_acts_for_a_whole_tick(sim: Simulation, dt: float) -> None:
    sim.configure([*sim.settings[:2], [True, dt], *sim.settings[3:]])
    vehicle = car(sim)
    ask(sim, "add_actor_force", vehicle.id, [3.0 * vehicle.mass / dt, 0.0, 0.0])
    sim.tick()
    assert vehicle.vx == pytest.approx(3.0, abs=0.15 * dt + 0.01)  # rolling resistance takes 0.15 m/s^2
    before = vehicle.vx
    sim.tick()
    assert vehicle.vx < before  # and no longer


def test_a_force_acts_in_the_air(sim: Simulation) -> None:
    vehicle = car(sim, z=20.0)
    ask(sim, "add_actor_force", vehicle.id, [0.0, 4.0 * vehicle.mass / 0.05, 0.0])
    for _ in range(10):
        sim.tick()
    assert vehicle.y == pytest.approx(4.0 * 0.5)
    assert vehicle.z == pytest.approx(20.0 - 9.81 * 0.5**2 / 2)


def test_an_upward_impulse_throws_it_as_high_as_its_speed_says(sim: Simulation) -> None:
    vehicle = car(sim)
    ask(sim, "add_actor_impulse", vehicle.id, [0.0, 0.0, 6.0 * vehicle.mass])
    highest = 0.0
    for _ in range(40):
        sim.tick()
        highest = max(highest, vehicle.z)
    assert highest == pytest.approx(6.0**2 / (2 * 9.81), abs=0.02)  # v^2 / 2 g
    assert (vehicle.z, vehicle.vz) == (0.0, 0.0)


def test_a_push_at_the_nose_turns_it_by_its_moment(sim: Simulation) -> None:
    vehicle = car(sim)
    impulse, arm = 1000.0, 2.0
    ask(sim, "add_actor_impulse_at_location", vehicle.id, [0.0, impulse, 0.0], [arm, 0.0, 0.5])
    assert math.radians(vehicle.yaw_rate) == pytest.approx(impulse * arm / vehicle.inertia)
    assert vehicle.vy == pytest.approx(impulse / vehicle.mass)


def test_a_loose_prop_is_pushed_and_turned_and_a_held_one_is_not(sim: Simulation) -> None:
    box = prop(sim)
    held = sim.world.spawn("static.prop.container", Pose(0.0, 60.0))
    for body in (box, held):
        ask(sim, "add_actor_impulse", body.id, [7.0 * box.mass, 0.0, 0.0])
        ask(sim, "set_actor_target_angular_velocity", body.id, [0.0, 0.0, 90.0])
    for _ in range(40):
        sim.tick()
    assert box.x == pytest.approx(7.0**2 / (2 * 7.0), abs=0.2)  # v^2 / 2 mu g with mu g = 7 m/s^2
    assert box.yaw == pytest.approx(math.degrees(math.radians(90.0) ** 2 / (2 * 6.0)), abs=3.0)
    assert held.pose == Pose(0.0, 60.0)


def test_a_target_velocity_in_the_air_stops_the_fall(sim: Simulation) -> None:
    vehicle = car(sim, z=20.0)
    for _ in range(10):
        sim.tick()
    height = vehicle.z
    ask(sim, "set_actor_target_velocity", vehicle.id, [0.0, 0.0, 0.0])
    sim.tick()
    assert vehicle.z == pytest.approx(height - 9.81 * 0.05**2 / 2)


def test_constant_velocity_without_gravity_keeps_its_height(sim: Simulation) -> None:
    vehicle = car(sim, z=5.0)
    ask(sim, "set_actor_enable_gravity", vehicle.id, False)
    ask(sim, "enable_actor_constant_velocity", vehicle.id, [20.0, 0.0, 0.0])
    for _ in range(40):
        sim.tick()
    assert (vehicle.x, vehicle.z) == pytest.approx((40.0, 5.0))
    assert vehicle.vx == pytest.approx(20.0)


def test_a_puppet_stops_a_car_is_not_moved_and_the_blow_is_known() -> None:
    world = World(read_map("crossing"))
    puppet, mover = (world.spawn("vehicle.tesla.model3", Pose(x, 0.0)) for x in (20.0, 0.0))
    assert isinstance(puppet, Vehicle)
    assert isinstance(mover, Vehicle)
    mover.set_velocity(10.0, 0.0)
    blow = 0.0
    for tick in range(60):
        puppet.pull(Pose(20.0 - 0.1 * tick), -2.0, 0.0, 0.0)
        speed = mover.vx
        world.step(0.05)
        assert puppet.x == 20.0 - 0.1 * tick
        for contact in world.contacts:
            if not blow:
                blow = abs(contact.impulse[0])
                assert blow == pytest.approx(mover.mass * (speed + 2.0), rel=0.01)
    assert blow > 0.0
    assert puppet.motion.speed == pytest.approx(-2.0)
    assert mover.x < puppet.x - 4.7  # it is pushed along


def test_a_carried_sensor_is_where_its_car_is_after_every_step(sim: Simulation) -> None:
    vehicle = car(sim)
    sensor = sim.world.spawn("sensor.other.collision", Pose(1.0, 0.0, 2.0), parent=vehicle.id)
    vehicle.set_velocity(10.0, 0.0)
    vehicle.set_spin(60.0)
    for _ in range(5):
        sim.tick()
        yaw = math.radians(vehicle.yaw)
        there = vehicle.x + math.cos(yaw), vehicle.y + math.sin(yaw), vehicle.z + 2.0
        assert sensor.pose[:3] == pytest.approx(there)
    sim.destroy(vehicle.id)
    assert sensor.parent is None  # as on CARLA, whose engine detaches what was attached and lets it be
    assert sensor.id in sim.world.actors
