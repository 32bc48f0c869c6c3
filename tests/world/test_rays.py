"""Lidars, radar and depth: what rays meet, against numbers a person can work out."""

import math
import time
from collections.abc import Callable
from typing import Any

import carla
import numpy as np
import pytest

from laco.scenarios.server.launch import WorldProcess

pytest.importorskip("embreex")
Spawn = Callable[..., carla.Actor]
Mount = Any  # `Ears` of conftest.py
RING = {"channels": 1, "upper_fov": 0.0, "lower_fov": 0.0, "rotation_frequency": 20.0}
BOX = "static.prop.vendingmachine"  # a plain box of 1.22 x 0.88 x 2.12 m


def points(message: Any) -> np.ndarray[Any, Any]:
    """x, y, z, intensity [n, 4]."""
    return np.frombuffer(message.raw_data, np.float32).reshape(-1, 4)


def tagged(message: Any) -> np.ndarray[Any, Any]:
    """The points of a semantic lidar."""
    fields = [("x", "f4"), ("y", "f4"), ("z", "f4"), ("cosine", "f4"), ("id", "u4"), ("tag", "u4")]
    return np.frombuffer(message.raw_data, np.dtype(fields))


def depths(image: Any) -> np.ndarray[Any, Any]:
    """[height, width] in metres, as CARLA's documentation decodes them."""
    pixels = np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4).astype(float)
    return (pixels @ (65536.0, 256.0, 1.0, 0.0)) / (256**3 - 1) * 1000.0


def test_a_turn_has_its_points_in_every_channel_and_the_ground_is_below(
    world: carla.World, ears: Mount
) -> None:
    lidar = ears(
        "sensor.lidar.ray_cast", x=30.0, y=30.0, z=2.0, channels=4, points_per_second=4 * 36 * 20, range=100.0,
        upper_fov=-10.0, lower_fov=-40.0, rotation_frequency=20.0, dropoff_general_rate=0.0,
        dropoff_zero_intensity=0.0,
    )  # fmt: skip
    scan = lidar.begin(world)
    assert scan.channels == 4
    assert [scan.get_point_count(channel) for channel in range(4)] == [36] * 4
    assert scan.horizontal_angle == pytest.approx(0.0, abs=1e-5)  # a whole turn
    cloud = points(scan).reshape(4, 36, 4)
    assert cloud[..., 2] == pytest.approx(-2.06, abs=0.15)  # road or land
    way = np.linalg.norm(cloud[..., :3], axis=-1)
    slopes = np.degrees(np.arcsin(cloud[..., 2] / way))
    assert slopes == pytest.approx(np.repeat([[-10.0], [-20.0], [-30.0], [-40.0]], 36, axis=1), abs=1e-3)
    turns = np.degrees(np.arctan2(cloud[0, :, 1], cloud[0, :, 0]))
    off = np.mod(turns - 10.0 * np.arange(36), 360.0)
    assert off == pytest.approx(180.0, abs=1e-2)  # it begins behind and turns to the right
    assert cloud[..., 3] == pytest.approx(np.exp(-0.004 * way), rel=1e-5)


def test_half_a_turn_per_frame_alternates(world: carla.World, ears: Mount) -> None:
    lidar = ears("sensor.lidar.ray_cast", z=2.0, channels=2, points_per_second=2 * 20 * 20, range=100.0)
    scans = [lidar.begin(world)] + [lidar.next(world) for _ in range(2)]
    half = [scan.horizontal_angle for scan in scans]
    assert sorted({round(angle, 4) for angle in half}) == [0.0, round(math.pi, 4)]
    assert half[0] == pytest.approx(half[2], abs=1e-5)
    ahead = [points(scan)[:, 1] for scan in scans]
    # the first half turn goes from behind over the left (y < 0) to the front
    for angle, sideways in zip(half, ahead, strict=True):
        assert (sideways < 0.1).all() if angle > 1.0 else (sideways > -0.1).all()


def test_a_box_ahead_is_where_it_is_with_its_id_and_tag(
    world: carla.World, spawn: Spawn, ears: Mount
) -> None:
    car = spawn(x=-20.0, y=40.0)
    box = spawn(BOX, x=-10.0, y=40.0)
    scan = ears("sensor.lidar.ray_cast_semantic", car, z=1.8, points_per_second=3600 * 20, range=50.0, **RING)
    seen = tagged(scan.begin(world))
    mine = seen[seen["id"] == box.id]
    assert set(mine["tag"]) == {20}
    assert mine["x"].min() == pytest.approx(10.0 - 1.22 / 2, abs=0.06)
    assert mine["y"].min() == pytest.approx(-0.44, abs=0.06)
    assert mine["y"].max() == pytest.approx(0.44, abs=0.06)
    front = mine[mine["x"] < 9.5]
    bearing = np.arctan2(front["y"], front["x"])
    assert front["cosine"] == pytest.approx(np.cos(bearing), abs=0.02)
    # the car itself is below the ring
    assert car.id not in set(seen["id"])


def test_range_ends_it_and_noise_moves_points_along_their_rays(
    world: carla.World, spawn: Spawn, ears: Mount
) -> None:
    spawn(BOX, x=-10.0, y=40.0)
    where = {"x": -20.0, "y": 40.0, "z": 1.5, "points_per_second": 3600 * 20, **RING}
    near = ears("sensor.lidar.ray_cast", range=9.0, dropoff_general_rate=0.0, **where)
    exact = ears("sensor.lidar.ray_cast", range=12.0, dropoff_general_rate=0.0, **where)
    noisy = ears("sensor.lidar.ray_cast", range=12.0, dropoff_general_rate=0.0, noise_stddev=0.1, **where)
    lossy = ears("sensor.lidar.ray_cast", range=12.0, dropoff_general_rate=0.5, **where)
    near_cloud, cloud = points(near.begin(world)), points(exact.begin(world))
    assert len(near_cloud) == 0
    assert len(cloud) > 40
    rough = points(noisy.begin(world))
    assert len(rough) == len(cloud)
    spread = np.linalg.norm(rough[:, :3], axis=1) - np.linalg.norm(cloud[:, :3], axis=1)
    assert 0.06 < spread.std() < 0.14
    bearings = [np.arctan2(c[:, 1], c[:, 0]) for c in (rough, cloud)]
    assert bearings[0] == pytest.approx(bearings[1], abs=1e-4)
    assert 0.25 * len(cloud) < len(points(lossy.begin(world))) < 0.75 * len(cloud)


def test_radar_sees_how_fast_a_car_comes(world: carla.World, spawn: Spawn, ears: Mount) -> None:
    car = spawn(x=40.0, yaw=180.0)
    radar = ears("sensor.other.radar", z=1.0, horizontal_fov=10.0, vertical_fov=4.0, points_per_second=20000)
    radar.begin(world)
    car.set_target_velocity(carla.Vector3D(x=-10.0))
    message = radar.next(world)
    found = np.frombuffer(message.raw_data, np.float32).reshape(-1, 4)
    nose = car.get_location().x - 4.90 / 2
    on_car = found[found[:, 0] < -5.0]
    assert len(on_car) > 10
    assert on_car[:, 0] == pytest.approx(-10.0, abs=0.1)
    assert on_car[:, 3].min() == pytest.approx(nose, abs=0.5)
    assert found[found[:, 0] > -5.0, 0] == pytest.approx(0.0, abs=1e-6)  # the road stands
    assert np.abs(found[:, 1]).max() <= math.radians(5.0) + 1e-4
    assert np.abs(found[:, 2]).max() <= math.radians(2.0) + 1e-4


def test_a_driving_radar_sees_standing_things_come(world: carla.World, spawn: Spawn, ears: Mount) -> None:
    car = spawn(x=-40.0, y=40.0)
    spawn(BOX, x=-15.0, y=40.0)
    radar = ears("sensor.other.radar", car, x=2.6, z=1.0, vertical_fov=2.0, points_per_second=20000)
    radar.begin(world)
    car.set_target_velocity(carla.Vector3D(x=12.0))
    found = np.frombuffer(radar.next(world).raw_data, np.float32).reshape(-1, 4)
    ahead = found[np.abs(found[:, 1]) < 0.01]
    assert ahead[:, 0] == pytest.approx(-12.0, abs=0.1)


def test_depth_is_along_the_axis(world: carla.World, spawn: Spawn, ears: Mount) -> None:
    spawn(BOX, x=-15.0, y=40.0)
    camera = ears("sensor.camera.depth", x=-20.0, y=40.0, z=1.0, image_size_x=64, image_size_y=48)
    image = depths(camera.begin(world))
    assert image.shape == (48, 64)
    focus = 32.0  # [pixels] 64 pixels across 90 degrees
    for row in (40, 47):
        assert image[row] == pytest.approx((1.0 + 0.06) / ((row + 0.5 - 24) / focus), rel=0.08)
    assert image[0] == pytest.approx(1000.0)
    # half its width is 3.2 pixels there: the plane is as far at its sides as in the middle
    assert image[24, 29:35] == pytest.approx(5.0 - 1.22 / 2, abs=0.06)
    assert (image[24, [27, 36]] > 20.0).all()


def test_a_sensor_does_not_see_the_body_it_is_in(world: carla.World, spawn: Spawn, ears: Mount) -> None:
    car = spawn(x=-20.0, y=40.0)
    box = spawn(BOX, x=-10.0, y=40.0)
    inside = ears(
        "sensor.lidar.ray_cast_semantic", car, z=0.9, points_per_second=720 * 20, range=30.0, **RING
    )
    ids = set(tagged(inside.begin(world))["id"])
    assert box.id in ids
    assert car.id not in ids


def scans(port: int) -> list[bytes]:
    """Ten lidar scans of a car that drives past another, with everything that is drawn at random."""
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(10.0)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    library = world.get_blueprint_library()
    car = world.spawn_actor(library.find("vehicle.tesla.model3"), carla.Transform())
    world.spawn_actor(library.find("vehicle.audi.tt"), carla.Transform(carla.Location(x=12.0, y=4.0)))
    blueprint = library.find("sensor.lidar.ray_cast")
    for key, value in (("noise_stddev", "0.05"), ("range", "60.0"), ("noise_seed", "7")):
        blueprint.set_attribute(key, value)
    sensor = world.spawn_actor(blueprint, carla.Transform(carla.Location(z=2.4)), attach_to=car)
    heard: dict[int, bytes] = {}
    sensor.listen(lambda scan: heard.__setitem__(scan.frame, bytes(scan.raw_data)))
    car.apply_control(carla.VehicleControl(throttle=0.7))
    first = world.tick()
    time.sleep(0.3)
    for _ in range(12):
        last = world.tick()
    deadline = time.monotonic() + 5.0
    while last not in heard and time.monotonic() < deadline:
        time.sleep(0.01)
    sensor.stop()
    sensor.destroy()
    return [heard[frame] for frame in range(first + 3, first + 13)]


def test_two_servers_scan_the_same_bytes() -> None:
    runs = []
    for _ in range(2):
        with WorldProcess(seed=3) as server:
            runs.append(scans(server.port))
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 10
    assert all(len(scan) > 1000 for scan in runs[0])
