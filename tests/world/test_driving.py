"""Vehicles through the real client, against numbers a person can work out."""

import math
from collections.abc import Callable

import carla
import pytest

Spawn = Callable[..., carla.Vehicle]
Ticks = Callable[[int], None]


def speed(actor: carla.Actor) -> float:
    return float(actor.get_velocity().length())


def test_a_car_drops_on_the_ground_where_it_was_spawned(world: carla.World) -> None:
    point = world.get_map().get_spawn_points()[0]
    car = world.spawn_actor(world.get_blueprint_library().filter("vehicle.*")[0], point)
    for _ in range(6):
        world.tick()
    assert point.location.z == pytest.approx(0.5)
    assert car.get_location().z == pytest.approx(0.5 - 9.81 * 0.3**2 / 2, abs=1e-4)  # g t^2 / 2
    assert car.get_velocity().z == pytest.approx(-9.81 * 0.3, abs=1e-4)
    world.tick()
    assert (car.get_location().z, car.get_velocity().z) == (0.0, 0.0)
    assert car.get_location().distance_2d(point.location) < 1e-4
    assert car.get_transform().rotation.yaw == pytest.approx(point.rotation.yaw)


def test_first_vehicle_blueprint_is_a_car(world: carla.World) -> None:
    first = world.get_blueprint_library().filter("vehicle.*")[0]
    assert first.id == "vehicle.lincoln.mkz_2020"
    assert int(first.get_attribute("number_of_wheels")) == 4


def test_box_of_a_car_stands_on_the_ground(spawn: Spawn) -> None:
    box = spawn().bounding_box
    assert (2 * box.extent.x, 2 * box.extent.y) == pytest.approx((4.90, 1.86), abs=1e-5)
    assert box.location.z == pytest.approx(box.extent.z)


def test_twenty_metres_per_second_for_two_seconds_is_forty_metres(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn(yaw=90.0)
    car.enable_constant_velocity(carla.Vector3D(x=20.0))
    ticks(40)
    assert (car.get_location().x, car.get_location().y) == pytest.approx((0.0, 40.0), abs=1e-3)
    assert car.get_velocity().y == pytest.approx(20.0, abs=1e-4)
    car.disable_constant_velocity()
    ticks(40)
    assert 15.0 < speed(car) < 20.0  # rolls on, and out


def test_full_lock_turns_in_3_7_metres(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    car.apply_control(carla.VehicleControl(steer=1.0))
    car.enable_constant_velocity(carla.Vector3D(x=3.0))
    seen = []
    for _ in range(200):  # 30 m: more than the circle's 23 m
        ticks(1)
        seen.append(car.get_location())
    width = max(p.x for p in seen) - min(p.x for p in seen)
    assert width / 2 == pytest.approx(3.7, abs=0.15)
    assert car.get_angular_velocity().z == pytest.approx(math.degrees(3.0 / 3.7), rel=0.03)
    assert max(p.y for p in seen) > 7.0  # steer is positive to the right, and right is +y


def test_braking_distance(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    car.set_target_velocity(carla.Vector3D(x=20.0))
    car.apply_control(carla.VehicleControl(brake=1.0))
    ticks(80)
    # v^2 / 2a with a = 8 + 0.15 m/s^2, plus at most half a tick of way and a little air drag
    assert car.get_location().x == pytest.approx(20.0**2 / (2 * 8.15), abs=0.75)
    assert speed(car) == 0.0


def test_throttle_speeds_up_and_reverse_goes_back(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    car.apply_control(carla.VehicleControl(throttle=1.0))
    ticks(20)
    assert speed(car) == pytest.approx(5.0 - 0.15, abs=0.1)  # 5 m/s^2 less rolling resistance, for 1 s
    assert car.get_acceleration().x == pytest.approx(4.85, abs=0.1)
    car.apply_control(carla.VehicleControl(throttle=1.0, reverse=True))
    ticks(40)
    assert car.get_velocity().x < -3.0
    assert car.get_control().reverse


def test_a_car_left_alone_stays(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn(x=3.0, y=4.0, yaw=30.0)
    before = car.get_transform()
    ticks(20)
    assert car.get_transform() == before
    assert speed(car) == 0.0


def test_target_velocity_across_the_wheels_slides_and_is_eaten(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    car.set_target_velocity(carla.Vector3D(y=7.0))
    ticks(1)
    assert 0.0 < car.get_velocity().y < 7.0
    ticks(40)
    assert speed(car) == 0.0
    assert 3.0 < car.get_location().y < 4.0  # v^2 / 2 mu g with mu g = 7 m/s^2


def test_teleport(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    car.set_transform(carla.Transform(carla.Location(x=30.0, y=-8.0, z=5.0), carla.Rotation(yaw=45.0)))
    ticks(1)
    where = car.get_transform()
    fallen = 9.81 * 0.05**2 / 2
    assert (where.location.x, where.location.y, where.location.z) == pytest.approx((30.0, -8.0, 5.0 - fallen))
    assert where.rotation.yaw == pytest.approx(45.0)
    car.set_location(carla.Location(x=1.0, y=2.0))
    ticks(1)
    assert car.get_transform().rotation.yaw == pytest.approx(45.0)
    assert car.get_location().distance(carla.Location(x=1.0, y=2.0)) < 1e-4


def test_without_physics_a_car_stands_where_it_is_put(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    car.set_target_velocity(carla.Vector3D(x=10.0))
    ticks(2)
    car.set_simulate_physics(False)
    car.apply_control(carla.VehicleControl(throttle=1.0))
    car.set_transform(carla.Transform(carla.Location(x=5.0, z=3.0)))
    ticks(5)
    assert car.get_location().distance(carla.Location(x=5.0, z=3.0)) < 1e-4
    car.set_simulate_physics(True)
    ticks(13)
    assert car.get_location().z == pytest.approx(3.0 - 9.81 * 0.65**2 / 2, abs=1e-4)
    assert car.get_location().x == pytest.approx(5.0)  # no wheel touches the road yet
    ticks(12)
    assert car.get_location().z == 0.0
    assert car.get_location().x > 5.1


def test_impulse_over_mass_is_speed(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    mass = car.get_physics_control().mass
    car.add_impulse(carla.Vector3D(x=4.0 * mass))
    ticks(1)
    assert speed(car) == pytest.approx(4.0, abs=0.02)


def test_ackermann_control_reaches_its_speed(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    car.apply_ackermann_control(carla.VehicleAckermannControl(speed=8.0, acceleration=3.0))
    ticks(1)
    assert car.get_acceleration().x == pytest.approx(3.0, abs=0.05)
    ticks(100)
    assert speed(car) == pytest.approx(8.0, abs=0.1)
    car.apply_ackermann_control(carla.VehicleAckermannControl(speed=0.0))
    ticks(60)
    assert speed(car) == 0.0


def test_long_ticks_are_cut_so_that_the_way_is_the_same(
    world: carla.World, spawn: Spawn, ticks: Ticks
) -> None:
    settings = world.get_settings()
    settings.fixed_delta_seconds = 0.2
    world.apply_settings(settings)
    car = spawn()
    car.apply_control(carla.VehicleControl(throttle=1.0))
    ticks(5)
    assert speed(car) == pytest.approx(4.85, abs=0.1)
    assert world.get_snapshot().timestamp.delta_seconds == pytest.approx(0.2)


def test_physics_telemetry_and_lights_answer(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn()
    physics = car.get_physics_control()
    assert len(physics.wheels) == 4
    physics.mass = 2222.0
    car.apply_physics_control(physics)
    assert car.get_physics_control().mass == 2222.0
    car.set_light_state(carla.VehicleLightState(carla.VehicleLightState.Brake))
    assert car.get_light_state() == carla.VehicleLightState.Brake
    car.set_target_velocity(carla.Vector3D(x=5.0))
    ticks(1)
    assert car.get_telemetry_data().speed == pytest.approx(5.0, abs=0.1)


def test_a_walker_walks(spawn: Spawn, ticks: Ticks) -> None:
    walker = spawn("walker.pedestrian.0001", x=10.0)
    walker.apply_control(carla.WalkerControl(direction=carla.Vector3D(y=1.0), speed=1.4))
    ticks(100)
    assert walker.get_location().y == pytest.approx(7.0, abs=1e-3)
    assert walker.get_transform().rotation.yaw == pytest.approx(90.0)


def test_what_is_hidden_under_the_ground_stays_there(world: carla.World, spawn: Spawn) -> None:
    """ScenarioRunner keeps actors 500 m down, frozen, until they are needed."""
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    hidden = world.spawn_actor(blueprint, carla.Transform(carla.Location(x=20.0, z=-500.0)))
    hidden.set_simulate_physics(False)
    world.tick()
    assert hidden.get_location().z == pytest.approx(-500.0)
    above = spawn("vehicle.tesla.model3", x=20.0)  # nothing in its way
    hidden.set_simulate_physics(True)
    for _ in range(20):
        world.tick()
    assert hidden.get_location().z == pytest.approx(-500.0 - 9.81 / 2, abs=0.3)  # falls on for a second
    assert above.get_location().z == pytest.approx(0.0, abs=0.01)
    hidden.set_transform(carla.Transform(carla.Location(x=40.0, z=0.5)))
    hidden.set_target_velocity(carla.Vector3D())
    for _ in range(20):
        world.tick()
    assert hidden.get_location().z == pytest.approx(0.0, abs=0.01)


def test_a_walker_under_the_ground_falls_and_a_car_just_below_it_is_lifted(
    world: carla.World, spawn: Spawn
) -> None:
    library = world.get_blueprint_library()
    walker = world.spawn_actor(
        library.find("walker.pedestrian.0001"), carla.Transform(carla.Location(x=20.0, z=-30.0))
    )
    car = world.spawn_actor(library.find("vehicle.tesla.model3"), carla.Transform(carla.Location(z=-0.5)))
    for _ in range(10):
        world.tick()
    assert walker.get_location().z < -30.5
    assert car.get_location().z == pytest.approx(0.0, abs=0.01)
