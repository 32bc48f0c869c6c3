"""The real client on actors: where they are, what pushes them, vehicles, walkers, and batches of commands."""

from collections.abc import Callable

import carla
import pytest

Spawn = Callable[..., carla.Actor]
Ticks = Callable[[int], None]
command = carla.command
MASS, LENGTH, WIDTH = 1696.0, 4.90, 1.86  # of vehicle.lincoln.mkz_2020
INERTIA = MASS * (LENGTH**2 + WIDTH**2) / 12  # [kg m^2] of a box of even density


def test_places(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn(yaw=30.0)
    car.set_location(carla.Location(x=7.0, y=50.0))
    ticks(1)
    assert car.get_location().distance(carla.Location(x=7.0, y=50.0)) < 1e-3
    assert car.get_transform().rotation.yaw == pytest.approx(30.0)
    car.set_transform(carla.Transform(carla.Location(x=-7.0), carla.Rotation(yaw=-90.0)))
    ticks(1)
    assert car.get_location().x == pytest.approx(-7.0)
    assert car.get_transform().rotation.yaw == pytest.approx(-90.0)


def test_velocities(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn(y=60.0)
    car.set_target_velocity(carla.Vector3D(x=8.0))
    ticks(1)
    assert car.get_velocity().x == pytest.approx(8.0, abs=0.1)
    assert car.get_location().x == pytest.approx(0.4, abs=0.01)
    car.enable_constant_velocity(carla.Vector3D(x=5.0))
    ticks(20)
    assert car.get_velocity().x == pytest.approx(5.0)
    car.disable_constant_velocity()
    car.apply_control(carla.VehicleControl(brake=1.0))
    ticks(40)
    assert car.get_velocity().length() == pytest.approx(0.0, abs=1e-3)
    car.set_target_angular_velocity(carla.Vector3D(z=45.0))
    ticks(1)
    assert car.get_transform().rotation.yaw == pytest.approx(45.0 * 0.05, abs=0.5)


def test_pushes(spawn: Spawn, ticks: Ticks) -> None:
    """1,696 N s make 1,696 kg 1 m/s faster; so do 33,920 N over 0.05 s."""
    car = spawn(y=60.0)
    car.add_impulse(carla.Vector3D(x=MASS * 4))
    ticks(1)
    assert car.get_velocity().x == pytest.approx(4.0, abs=0.05)
    car.add_force(carla.Vector3D(x=MASS * 2 / 0.05))
    ticks(1)
    assert car.get_velocity().x == pytest.approx(6.0, abs=0.1)


def test_an_angular_impulse_turns_the_car(spawn: Spawn, ticks: Ticks) -> None:
    """The angular impulse is in the engine's unit, kg cm^2 deg/s: this one makes 20 deg/s."""
    car = spawn(y=60.0)
    car.add_angular_impulse(carla.Vector3D(z=20.0 * INERTIA * 1e4))
    ticks(1)
    assert car.get_transform().rotation.yaw == pytest.approx(20.0 * 0.05, abs=0.05)
    assert car.get_location().distance(carla.Location(y=60.0)) < 1e-3


def test_frozen_and_bodiless_cars(spawn: Spawn, ticks: Ticks) -> None:
    car, cone = spawn(y=60.0), spawn("static.prop.trafficcone01", x=8.0, y=60.0)
    car.set_simulate_physics(False)
    car.apply_control(carla.VehicleControl(throttle=1.0))
    ticks(20)
    assert car.get_location().x == pytest.approx(0.0, abs=1e-3)
    car.set_simulate_physics(True)
    cone.set_collisions(False)
    car.set_enable_gravity(True)
    car.enable_constant_velocity(carla.Vector3D(x=10.0))
    ticks(40)
    assert car.get_location().x == pytest.approx(20.0, abs=0.6)


def test_an_actors_body(world: carla.World, spawn: Spawn) -> None:
    car, walker = spawn(), spawn("walker.pedestrian.0001", x=20.0)
    assert car.bounding_box.extent.x == pytest.approx(LENGTH / 2)
    assert car.bounding_box.location.z == pytest.approx(1.49 / 2)
    assert car.semantic_tags == [int(carla.CityObjectLabel.Car)]
    assert walker.semantic_tags == [int(carla.CityObjectLabel.Pedestrians)]
    assert (car.is_alive, car.is_active, car.is_dormant) == (True, True, False)
    assert car.get_component_world_transform("root") == car.get_transform()
    assert car.get_component_relative_transform("root") == carla.Transform()
    names = [car.get_component_names(), car.get_bone_names(), car.get_socket_names()]
    places = [
        car.get_bone_world_transforms(),
        car.get_bone_relative_transforms(),
        car.get_socket_world_transforms(),
    ]
    places += [car.get_socket_relative_transforms(), car.get_vehicle_bone_world_transforms()]
    assert [list(found) for found in names + places] == [[]] * 8


def test_a_vehicles_controls(spawn: Spawn, ticks: Ticks) -> None:
    car = spawn(y=60.0)
    car.apply_control(carla.VehicleControl(throttle=0.3, steer=-0.5, manual_gear_shift=True, gear=2))
    ticks(1)
    told = car.get_control()
    assert (told.throttle, told.steer, told.gear) == (pytest.approx(0.3), pytest.approx(-0.5), 2)
    front = [car.get_wheel_steer_angle(wheel) for wheel in (carla.VehicleWheelLocation.FL_Wheel,)]
    assert front[0] < -5.0
    assert car.get_wheel_steer_angle(carla.VehicleWheelLocation.BL_Wheel) == 0.0
    settings = carla.AckermannControllerSettings(speed_kp=0.5, accel_kd=0.25)
    car.apply_ackermann_controller_settings(settings)
    assert car.get_ackermann_controller_settings() == settings
    car.apply_ackermann_control(carla.VehicleAckermannControl(speed=5.0))
    ticks(100)
    assert car.get_velocity().length() == pytest.approx(5.0, abs=0.2)


def test_a_vehicles_state(world: carla.World, spawn: Spawn, ticks: Ticks) -> None:
    car = spawn(y=60.0)
    car.set_light_state(
        carla.VehicleLightState(carla.VehicleLightState.Brake | carla.VehicleLightState.Position)
    )
    lights = carla.VehicleLightState.Brake | carla.VehicleLightState.Position
    assert car.get_light_state() == lights
    assert world.get_vehicles_light_states() == {car.id: lights}
    physics = car.get_physics_control()
    assert (physics.mass, len(physics.wheels)) == (MASS, 4)
    physics.mass, physics.torque_curve = 2000.0, [carla.Vector2D(0.0, 300.0), carla.Vector2D(5000.0, 250.0)]
    car.apply_physics_control(physics)
    again = car.get_physics_control()
    assert (again.mass, again.torque_curve[1].y) == (2000.0, 250.0)
    car.set_target_velocity(carla.Vector3D(x=10.0))
    ticks(1)
    telemetry = car.get_telemetry_data()
    assert telemetry.speed == pytest.approx(10.0, abs=0.2)
    assert len(telemetry.wheels) == 4
    car.open_door(carla.VehicleDoor.All)
    car.close_door(carla.VehicleDoor.FL)
    car.show_debug_telemetry(True)
    car.restore_physx_physics()
    assert car.get_speed_limit() > 0.0
    assert str(car.get_failure_state()) == "NONE"


def test_wheels_of_a_frozen_car(spawn: Spawn, ticks: Ticks) -> None:
    car, wheel = spawn(y=60.0), carla.VehicleWheelLocation.FR_Wheel
    car.set_simulate_physics(False)
    car.set_wheel_steer_direction(wheel, 25.0)
    car.set_wheel_pitch_angle(wheel, 90.0)
    assert car.get_wheel_steer_angle(wheel) == pytest.approx(25.0)
    assert car.get_wheel_pitch_angle(wheel) == pytest.approx(90.0)


def test_a_walker(spawn: Spawn, ticks: Ticks) -> None:
    walker = spawn("walker.pedestrian.0001", y=60.0)
    walker.apply_control(carla.WalkerControl(carla.Vector3D(y=1.0), 1.5, False))
    ticks(20)
    assert walker.get_location().y == pytest.approx(61.5, abs=0.01)
    assert walker.get_control().speed == pytest.approx(1.5)
    assert walker.get_bones().bone_transforms == []
    walker.set_bones(carla.WalkerBoneControlIn([("crl_hips__C", carla.Transform())]))
    walker.blend_pose(0.5)
    walker.show_pose()
    walker.hide_pose()
    walker.get_pose_from_animation()
    ticks(1)


def test_a_walkers_state_in_a_batch_walks_it_on(client: carla.Client, spawn: Spawn, ticks: Ticks) -> None:
    """Facing -y at 2 m/s, for a second."""
    walker = spawn("walker.pedestrian.0001", y=60.0)
    place = carla.Transform(carla.Location(x=3.0, y=70.0), carla.Rotation(yaw=-90.0))
    (answer,) = client.apply_batch_sync([command.ApplyWalkerState(walker, place, 2.0)])
    ticks(20)
    assert answer.error == ""
    assert walker.get_location().x == pytest.approx(3.0, abs=0.01)
    assert walker.get_location().y == pytest.approx(68.0, abs=0.01)


def test_a_chain_spawns_drives_and_carries(client: carla.Client, world: carla.World, ticks: Ticks) -> None:
    """What is chained to a spawned car is about that car, also one more spawned thing as its child."""
    library = world.get_blueprint_library()
    first = command.SpawnActor(library.find("vehicle.tesla.model3"), carla.Transform(carla.Location(y=60.0)))
    child = command.SpawnActor(library.find("sensor.other.collision"), carla.Transform(), command.FutureActor)
    chain = (
        first.then(command.SetSimulatePhysics(command.FutureActor, True))
        .then(command.ApplyTargetVelocity(command.FutureActor, carla.Vector3D(x=6.0)))
        .then(child)
    )
    (answer,) = client.apply_batch_sync([chain], True)
    car = world.get_actor(answer.actor_id)
    (sensor,) = world.get_actors().filter("sensor.*")
    assert sensor.parent.id == car.id
    assert car.get_velocity().x == pytest.approx(6.0, abs=0.1)


def test_commands_about_nobody_say_so(client: carla.Client, world: carla.World) -> None:
    library = world.get_blueprint_library()
    mount = carla.Transform()
    answers = client.apply_batch_sync(
        [
            command.ApplyVehicleControl(31337, carla.VehicleControl()),
            command.DestroyActor(31337),
            command.SpawnActor(library.find("sensor.other.collision"), mount, 31337),
        ]
    )
    assert [answer.error for answer in answers] == [
        "Responding error from function apply_control_to_vehicle: "
        "Actor could not be found in the registry.  Actor Id: 31337",
        "unable to destroy actor: not found",
        "unable to attach actor: parent actor not found",
    ]
