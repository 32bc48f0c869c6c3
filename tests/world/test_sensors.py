"""Sensors through the real client, against numbers a person can work out."""

import itertools
import math
import queue
from collections.abc import Callable, Iterator
from typing import Any

import carla
import numpy as np
import pytest

pytest.importorskip("embreex", reason="the [sensors] extra is not installed")

Ticks = Callable[[int], None]
CAR, TRUCK = "vehicle.tesla.model3", "vehicle.carlamotors.firetruck"
TRUCK_LENGTH = 8.47  # [m]


class Ear:
    """A listening sensor and what it has heard."""

    def __init__(
        self, world: carla.World, name: str, pose: carla.Transform, holder: Any = None, **settings: str
    ) -> None:
        blueprint = world.get_blueprint_library().find(name)
        for key, value in settings.items():
            blueprint.set_attribute(key, value)
        self.world = world
        self.sensor = world.spawn_actor(blueprint, pose, attach_to=holder)
        self.heard: queue.Queue[Any] = queue.Queue()
        self.sensor.listen(self.heard.put)
        self.world.tick()  # the subscription needs a moment: what comes until it stands is not counted
        while self.heard.empty():
            self.world.tick()

    def fresh(self) -> tuple[Any, int]:
        """Tick once; what was measured in that frame, and its number."""
        while not self.heard.empty():
            self.heard.get()
        frame = self.world.tick()
        while True:
            data = self.heard.get(timeout=5.0)
            if data.frame >= frame:
                return data, frame


@pytest.fixture
def ear(world: carla.World) -> Iterator[Callable[..., Ear]]:
    ears: list[Ear] = []

    def make(name: str, pose: carla.Transform, holder: Any = None, **settings: str) -> Ear:
        ears.append(Ear(world, name, pose, holder, **settings))
        return ears[-1]

    yield make
    for one in ears:
        one.sensor.stop()
        one.sensor.destroy()


def at(x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0, pitch: float = 0.0) -> carla.Transform:
    return carla.Transform(carla.Location(x, y, z), carla.Rotation(pitch=pitch, yaw=yaw))


def put(world: carla.World, name: str, pose: carla.Transform) -> carla.Vehicle:
    return world.spawn_actor(world.get_blueprint_library().find(name), pose)


LOSSLESS = {"dropoff_general_rate": "0.0", "dropoff_intensity_limit": "0.0", "dropoff_zero_intensity": "0.0"}


def test_lidar_sees_a_truck_ahead_where_it_is(world: carla.World, ear: Callable[..., Ear]) -> None:
    put(world, TRUCK, at(10.0 + TRUCK_LENGTH / 2))
    lidar = ear(
        "sensor.lidar.ray_cast", at(z=1.5), channels="1", upper_fov="0.0", lower_fov="0.0", range="50",
        points_per_second="7200", rotation_frequency="20", **LOSSLESS,
    )  # fmt: skip
    cloud, frame = lidar.fresh()
    assert cloud.frame == frame
    points = np.frombuffer(cloud.raw_data, np.float32).reshape(-1, 4)
    assert cloud.get_point_count(0) == len(points)
    ahead = points[np.abs(points[:, 1]) < 0.5]
    assert len(ahead) > 3
    assert ahead[:, 0] == pytest.approx(10.0, abs=0.35)  # the mesh may stand back a little within its box
    assert points[:, 3] == pytest.approx(np.exp(-0.004 * np.linalg.norm(points[:, :3], axis=1)), abs=1e-5)


def test_a_turn_of_the_lidar_shares_its_points_among_the_channels(
    world: carla.World, ear: Callable[..., Ear]
) -> None:
    lidar = ear(
        "sensor.lidar.ray_cast_semantic", at(z=2.0), channels="4", upper_fov="-10.0", lower_fov="-40.0", range="30",
        points_per_second="16000", rotation_frequency="20",
    )  # fmt: skip
    cloud, _ = lidar.fresh()
    counts = [cloud.get_point_count(channel) for channel in range(4)]
    assert counts == [16000 // 20 // 4] * 4  # every ray meets the ground
    points = np.frombuffer(
        cloud.raw_data, np.dtype([("xyz", "<f4", 3), ("cos", "<f4"), ("id", "<u4"), ("tag", "<u4")])
    )
    assert points["xyz"][:, 2].min() == pytest.approx(-2.0, abs=0.13)  # beside the road the ground is a little lower
    for channel, elevation in enumerate((-10.0, -20.0, -30.0, -40.0)):
        mine = points[sum(counts[:channel]) : sum(counts[: channel + 1])]
        assert mine["cos"] == pytest.approx(math.sin(math.radians(-elevation)), abs=0.02)
    assert set(points["id"].tolist()) == {0}


def test_semantic_lidar_names_the_actor(world: carla.World, ear: Callable[..., Ear]) -> None:
    car = put(world, CAR, at(8.0))
    lidar = ear("sensor.lidar.ray_cast_semantic", at(z=0.8), range="40", rotation_frequency="20")
    cloud, _ = lidar.fresh()
    hits = [point for point in cloud if point.object_idx == car.id]
    assert hits
    assert {point.object_tag for point in hits} == {14}
    for point in hits:
        assert 8.0 - 2.4 <= point.point.x <= 8.0 + 2.4
        assert abs(point.point.y) <= 1.1


def test_radar_measures_how_fast_a_car_closes_in(world: carla.World, ear: Callable[..., Ear]) -> None:
    car = put(world, CAR, at(40.0, yaw=180.0))
    car.enable_constant_velocity(carla.Vector3D(x=10.0))
    radar = ear("sensor.other.radar", at(z=0.7), horizontal_fov="10", vertical_fov="4", points_per_second="20000")
    sweep, frame = radar.fresh()
    assert sweep.frame == frame
    moving = [one for one in sweep if one.velocity < -1.0]
    assert moving
    nose = car.get_location().x - 2.4
    for one in moving:
        assert one.velocity == pytest.approx(-10.0 * math.cos(one.azimuth) * math.cos(one.altitude), abs=0.05)
        assert nose - 0.1 < one.depth < nose + 5.0
        assert abs(one.azimuth) <= math.radians(5.01)


def test_depth_of_the_road_and_of_a_truck(world: carla.World, ear: Callable[..., Ear]) -> None:
    put(world, TRUCK, at(20.0 + TRUCK_LENGTH / 2))
    camera = ear("sensor.camera.depth", at(z=1.0), image_size_x="200", image_size_y="100", fov="90")
    image, frame = camera.fresh()
    assert (image.frame, image.width, image.height, image.fov) == (frame, 200, 100, 90.0)
    blue, green, red, _ = np.moveaxis(np.frombuffer(image.raw_data, np.uint8).reshape(100, 200, 4).astype(int), 2, 0)
    metres = (red + 256 * green + 65536 * blue) / (2**24 - 1) * 1000.0
    assert metres[50, 100] == pytest.approx(20.0, abs=0.35)
    # A row r below the middle looks down by (r + 0.5) / focus: the road is 1 m below.
    assert metres[89, 10] == pytest.approx(100.0 / 39.5, abs=0.02)
    assert metres[0, 0] == pytest.approx(1000.0)  # the sky


def test_imu_at_rest_and_on_the_brake(world: carla.World, ear: Callable[..., Ear], ticks: Ticks) -> None:
    car = put(world, CAR, at())
    imu = ear("sensor.other.imu", at(), car)
    rest, _ = imu.fresh()
    assert (rest.accelerometer.x, rest.accelerometer.y, rest.accelerometer.z) == pytest.approx(
        (0.0, 0.0, 9.81), abs=1e-3
    )
    assert rest.compass == pytest.approx(math.pi / 2)  # east
    car.set_target_velocity(carla.Vector3D(x=15.0))
    car.apply_control(carla.VehicleControl(brake=1.0))
    ticks(2)
    braking, _ = imu.fresh()
    assert braking.accelerometer.x == pytest.approx(-8.15, abs=0.1)
    assert (braking.gyroscope.x, braking.gyroscope.y, braking.gyroscope.z) == pytest.approx((0.0, 0.0, 0.0), abs=1e-4)


def test_gnss_agrees_with_the_map(world: carla.World, ear: Callable[..., Ear]) -> None:
    gnss = ear("sensor.other.gnss", at(100.0, 50.0, 2.0))
    place, _ = gnss.fresh()
    truth = world.get_map().transform_to_geolocation(carla.Location(100.0, 50.0, 2.0))
    assert (place.latitude, place.longitude, place.altitude) == pytest.approx(
        (truth.latitude, truth.longitude, truth.altitude)
    )
    assert place.longitude == pytest.approx(100.0 / 111_320, rel=0.01)  # one degree at the equator is 111.3 km


def test_obstacle_ahead(world: carla.World, ear: Callable[..., Ear]) -> None:
    truck = put(world, TRUCK, at(20.0 + TRUCK_LENGTH / 2))
    eye = ear("sensor.other.obstacle", at(z=1.5), distance="30", hit_radius="0.5", only_dynamics="true")
    event, frame = eye.fresh()
    assert (event.frame, event.other_actor.id) == (frame, truck.id)
    assert event.distance == pytest.approx(20.0 - 0.5, abs=0.01)


def test_lane_invasion_is_worked_out_from_the_marks(world: carla.World, ticks: Ticks) -> None:
    car = put(world, CAR, at(1.75, 60.0, yaw=-90.0))
    sensor = world.spawn_actor(world.get_blueprint_library().find("sensor.other.lane_invasion"), at(), attach_to=car)
    heard: queue.Queue[Any] = queue.Queue()
    sensor.listen(heard.put)
    car.enable_constant_velocity(carla.Vector3D(x=8.0, y=-2.0))  # over the middle line
    ticks(40)
    event = heard.get(timeout=5.0)
    assert {str(mark.type) for mark in event.crossed_lane_markings} == {"Broken"}
    sensor.stop()
    sensor.destroy()


def test_sensor_tick_is_honoured(world: carla.World, ear: Callable[..., Ear], ticks: Ticks) -> None:
    imu = ear("sensor.other.imu", at(), sensor_tick="0.2")
    first, _ = imu.fresh() if imu.heard.empty() else (imu.heard.get(), 0)
    ticks(40)
    frames = [first.frame]
    while len(frames) < 10:
        frames.append(imu.heard.get(timeout=5.0).frame)
    assert {b - a for a, b in itertools.pairwise(frames)} == {4}  # 0.2 s at 20 Hz


def test_every_frame_has_its_own_picture(world: carla.World, ear: Callable[..., Ear], ticks: Ticks) -> None:
    car = put(world, CAR, at())
    car.enable_constant_velocity(carla.Vector3D(x=10.0))
    gnss = ear("sensor.other.gnss", at(), car)
    while not gnss.heard.empty():
        gnss.heard.get()
    for _ in range(50):
        data, frame = gnss.fresh()
        assert data.frame == frame
        assert data.transform.location.x == pytest.approx(car.get_location().x, abs=1e-4)


def test_two_clients_hear_the_same_and_one_may_leave(
    server: Any, world: carla.World, ear: Callable[..., Ear]
) -> None:
    lidar = ear("sensor.lidar.ray_cast", at(z=1.0), range="50")
    other = carla.Client("127.0.0.1", server.port)
    other.set_timeout(10.0)
    theirs = other.get_world().get_actor(lidar.sensor.id)
    heard: queue.Queue[Any] = queue.Queue()
    theirs.listen(heard.put)
    while heard.empty():
        world.tick()
    mine, frame = lidar.fresh()
    while (data := heard.get(timeout=5.0)).frame < frame:
        pass
    assert bytes(data.raw_data) == bytes(mine.raw_data) != b""
    theirs.stop()
    again, frame = lidar.fresh()
    assert again.frame == frame


def test_settings_that_make_no_sense_are_refused(world: carla.World) -> None:
    count = len(world.get_actors())
    blueprint = world.get_blueprint_library().find("sensor.camera.depth")
    blueprint.set_attribute("image_size_x", "0")
    with pytest.raises(RuntimeError, match="image_size_x='0' is not within 1 to"):
        world.spawn_actor(blueprint, at())
    world.tick()
    assert len(world.get_actors()) == count
