"""When sensors speak, to whom, and those that need no rays."""

import math
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import carla
import pytest

from laco.scenarios.maps import read_map
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.sensors.kinds import KINDS
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.versions import EPISODE, sensor_kind

Mount = Any  # `Ears` of conftest.py
Spawn = Callable[..., carla.Actor]
Ticks = Callable[[int], None]
METRES_PER_DEGREE = math.radians(1.0) * 6378137.0 * 0.9996  # of the client's projection


def test_every_frame_is_told_with_its_own_number_time_and_place(
    world: carla.World, spawn: Spawn, ears: Mount
) -> None:
    car = spawn()
    car.set_target_velocity(carla.Vector3D(x=8.0))
    imu, gnss = ears("sensor.other.imu", car, x=1.0, z=2.0), ears("sensor.other.gnss", car)
    imu.begin(world)
    gnss.begin(world)
    for _ in range(50):
        frame = world.tick()
        snapshot = world.get_snapshot()
        for message, ahead in ((imu.at(frame), 1.0), (gnss.at(frame), 0.0)):
            assert message.frame == frame == snapshot.frame
            assert message.timestamp == snapshot.timestamp.elapsed_seconds
            assert message.transform.location.x == pytest.approx(car.get_location().x + ahead, abs=1e-4)


def test_sensor_tick_gives_every_fourth_frame(world: carla.World, ears: Mount) -> None:
    gnss = ears("sensor.other.gnss", sensor_tick=0.2)
    first = gnss.begin(world)
    for _ in range(20):
        world.tick()
    frames = [gnss.at(first.frame + 4 * i).frame for i in range(1, 6)]
    assert [b - a for a, b in pairwise(frames)] == [4] * 4
    assert gnss.messages.empty()


def test_who_stops_listening_hears_no_more_and_may_listen_again(world: carla.World, ears: Mount) -> None:
    imu = ears("sensor.other.imu")
    imu.begin(world)
    imu.sensor.stop()
    time.sleep(0.1)
    while not imu.messages.empty():
        imu.messages.get()
    for _ in range(5):
        world.tick()
    time.sleep(0.1)
    assert imu.messages.empty()
    imu.sensor.listen(imu.messages.put)
    assert imu.begin(world).frame == world.get_snapshot().frame


def test_two_clients_hear_the_same(world: carla.World, server: Any, ears: Mount) -> None:
    first = ears("sensor.other.gnss", noise_lat_stddev=1e-3)
    first.begin(world)
    other = carla.Client("127.0.0.1", server.port)
    other.set_timeout(10.0)
    second = ears.listen(other.get_world().get_actor(first.sensor.id))
    second.begin(world)
    latitudes = set()
    for _ in range(5):
        frame = world.tick()
        a, b = first.at(frame), second.at(frame)
        assert (a.latitude, a.longitude) == (b.latitude, b.longitude)
        latitudes.add(a.latitude)
    assert len(latitudes) == 5


def test_gnss_is_metres_over_metres_per_degree(world: carla.World, ears: Mount) -> None:
    point = ears("sensor.other.gnss", x=100.0, y=-50.0, z=3.0).begin(world)
    assert point.longitude == pytest.approx(100.0 / METRES_PER_DEGREE, rel=1e-6)
    assert point.latitude == pytest.approx(-50.0 / METRES_PER_DEGREE, rel=1e-6)
    assert point.altitude == pytest.approx(3.0)
    same = world.get_map().transform_to_geolocation(carla.Location(100.0, -50.0, 3.0))
    assert (point.latitude, point.longitude) == (same.latitude, same.longitude)
    off = ears("sensor.other.gnss", noise_alt_bias=7.0).begin(world)
    assert off.altitude == pytest.approx(7.0)


@pytest.mark.parametrize(("yaw", "compass"), [(0.0, 0.5), (90.0, 1.0), (180.0, 1.5), (-90.0, 0.0)])
def test_imu_at_rest_feels_gravity_and_knows_north(
    world: carla.World, spawn: Spawn, ears: Mount, yaw: float, compass: float
) -> None:
    felt = ears("sensor.other.imu", spawn(yaw=yaw)).begin(world)
    a, g = felt.accelerometer, felt.gyroscope
    assert (a.x, a.y, a.z) == pytest.approx((0.0, 0.0, 9.81), abs=1e-4)
    assert (g.x, g.y, g.z) == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)
    assert math.remainder(felt.compass - compass * math.pi, 2 * math.pi) == pytest.approx(0.0, abs=1e-4)


def test_imu_feels_brakes_and_turns(world: carla.World, spawn: Spawn, ears: Mount) -> None:
    car = spawn(yaw=30.0)
    imu = ears("sensor.other.imu", car)
    imu.begin(world)
    speed = carla.Vector3D(20 * math.cos(math.radians(30.0)), 20 * math.sin(math.radians(30.0)), 0.0)
    car.set_target_velocity(speed)
    imu.next(world)
    car.apply_control(carla.VehicleControl(brake=1.0))
    felt = imu.next(world).accelerometer
    assert felt.x == pytest.approx(-8.2, abs=0.1)  # full pedal, rolling and air
    assert felt.y == pytest.approx(0.0, abs=1e-3)
    car.apply_control(carla.VehicleControl(steer=0.2))
    for _ in range(3):
        turning = imu.next(world)
    assert turning.gyroscope.z == pytest.approx(math.radians(car.get_angular_velocity().z), rel=1e-4)
    assert turning.gyroscope.z > 0.1  # to the right
    assert turning.accelerometer.y > 1.0


def test_obstacle_is_as_far_as_the_sphere_goes(world: carla.World, spawn: Spawn, ears: Mount) -> None:
    car = spawn()
    barrier = spawn("static.prop.streetbarrier", x=15.0, yaw=90.0)  # 0.37 m thick
    sensor = ears("sensor.other.obstacle", car, x=2.5, z=0.8, distance=20.0, hit_radius=0.5)
    event = sensor.begin(world)
    assert event.other_actor.id == barrier.id
    assert event.distance == pytest.approx(15.0 - 0.37 / 2 - 0.5 - 2.5, abs=1e-3)
    barrier.set_location(carla.Location(30.0, 0.0, 0.0))
    world.tick()
    ghost = spawn("static.prop.streetbarrier", x=10.0, y=3.0, yaw=90.0)  # beside the way
    assert ghost.id != barrier.id
    with pytest.raises(AssertionError, match="not heard"):
        _short(sensor, world)


def test_obstacle_may_be_the_road_or_ask_for_what_moves_alone(
    world: carla.World, spawn: Spawn, ears: Mount
) -> None:
    road = world.get_map().get_spawn_points()[0].location
    low = ears("sensor.other.obstacle", x=road.x, y=road.y, z=0.2).begin(world)
    assert (low.other_actor.id, low.other_actor.type_id, low.distance) == (0, "static.road", 0.0)
    spawn("static.prop.streetbarrier", x=6.0, yaw=90.0)
    walker = spawn("walker.pedestrian.0001", x=9.0)
    event = ears("sensor.other.obstacle", z=0.2, distance=20.0, only_dynamics=True).begin(world)
    assert event.other_actor.id == walker.id
    assert event.distance == pytest.approx(9.0 - 0.19 - 0.5, abs=1e-2)


def test_lane_invasion_is_told_when_a_line_is_crossed(world: carla.World, ears: Mount) -> None:
    start = world.get_map().get_spawn_points()[0]
    car = world.spawn_actor(world.get_blueprint_library().find("vehicle.tesla.model3"), start)
    world.tick()
    invasion = ears("sensor.other.lane_invasion", car)
    forward, right = start.get_forward_vector(), start.get_right_vector()
    for _ in range(5):
        world.tick()
        time.sleep(0.01)
    assert invasion.messages.empty()
    car.set_target_velocity(forward * 5.0 - right * 4.0)
    for _ in range(30):
        car.set_target_velocity(forward * 5.0 - right * 4.0)
        world.tick()
        time.sleep(0.01)  # the client works it out on a thread of its own
    event = invasion.messages.get(timeout=5.0)
    # (`event.actor` of a sensor that the client works out itself raises in this client)
    assert {mark.type for mark in event.crossed_lane_markings} == {carla.LaneMarkingType.Broken}


def test_settings_that_make_no_sense_are_refused_and_leave_nothing(world: carla.World, ears: Mount) -> None:
    before = len(world.get_actors())
    for name, setting in (
        ("sensor.lidar.ray_cast", {"channels": 0}),
        ("sensor.camera.depth", {"fov": 200.0}),
        ("sensor.other.radar", {"range": -1.0}),
        ("sensor.other.obstacle", {"sensor_tick": -0.1}),
    ):
        with pytest.raises(RuntimeError, match=f"{name}: {next(iter(setting))}="):
            ears(name, **setting)
    world.tick()
    assert len(world.get_actors()) == before


def test_without_the_extra_only_what_needs_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation({"crossing": read_map("crossing")}, "crossing")
    for module in ("embreex.rtcore_scene", "embreex.mesh_construction"):
        monkeypatch.setitem(sys.modules, module, None)
    for name in ("lidar.ray_cast", "lidar.ray_cast_semantic", "other.radar", "camera.depth"):
        sensor = simulation.world.spawn(f"sensor.{name}", Pose())
        with pytest.raises(RefusedError, match=r"embreex: pip install 'laco-driving\[sensors\]'"):
            simulation.add_stream(sensor)
        assert sensor.id not in simulation.world.actors
    for name in ("gnss", "imu", "obstacle", "collision", "lane_invasion"):
        simulation.add_stream(simulation.world.spawn(f"sensor.other.{name}", Pose()))
    simulation.tick()
    simulation.observe()
    simulation.close()


def test_what_is_listed_is_served_with_the_documented_defaults(world: carla.World) -> None:
    listed = {blueprint.id: blueprint for blueprint in world.get_blueprint_library().filter("sensor.*")}
    assert set(listed) == {*KINDS, "sensor.other.lane_invasion"}
    lidar, camera, radar = (
        listed[f"sensor.{name}"] for name in ("lidar.ray_cast", "camera.rgb", "other.radar")
    )
    assert [lidar.get_attribute(name).as_float() for name in ("range", "upper_fov", "lower_fov")] == [
        10,
        10,
        -30,
    ]
    assert lidar.get_attribute("points_per_second").as_int() == 56000
    assert [camera.get_attribute(f"image_size_{axis}").as_int() for axis in "xy"] == [800, 600]
    assert camera.get_attribute("exposure_mode").as_str() == "histogram"
    assert camera.get_attribute("enable_postprocess_effects").as_bool()
    assert radar.get_attribute("points_per_second").as_int() == 1500


def test_sensor_numbers_depend_on_the_version() -> None:
    assert (sensor_kind(EPISODE, "0.9.15"), sensor_kind(EPISODE, "0.9.16")) == (16, 17)
    assert sensor_kind("sensor.other.collision") == 0
    assert sensor_kind("sensor.camera.instance_segmentation") == 15
    with pytest.raises(RefusedError, match=r"0\.9\.14 is not known"):
        sensor_kind(EPISODE, "0.9.14")
    with pytest.raises(RefusedError, match=r"no sensor\.other\.v2x"):
        sensor_kind("sensor.other.v2x", "0.9.15")


def _short(heard: Any, world: carla.World) -> None:
    """Ten ticks in which nothing may come."""
    while not heard.messages.empty():
        heard.messages.get()
    for _ in range(10):
        world.tick()
    time.sleep(0.1)
    if heard.messages.empty():
        raise AssertionError("not heard")
