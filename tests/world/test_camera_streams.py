"""Cameras through the wire: what the real client makes of their messages."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import carla
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("panda3d.core", reason="panda3d is not installed")

Spawn = Callable[..., carla.Actor]
SMALL = {"image_size_x": 160, "image_size_y": 120}
CAR, PEDESTRIAN = 14, 12


def pixels(image: Any) -> NDArray[np.uint8]:
    """Blue, green, red, alpha [height, width, 4]."""
    return np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)


def test_three_cameras_of_one_frame_agree(world: carla.World, spawn: Spawn, ears: Any) -> None:
    spawn("walker.pedestrian.0001", x=30.0, y=3.0)
    car = spawn(x=20.0, y=1.75)
    names = ("rgb", "semantic_segmentation", "instance_segmentation")
    heard = [ears(f"sensor.camera.{name}", car, x=1.5, z=2.0, **SMALL) for name in names]
    for one in heard:
        one.begin(world)
    frame = world.tick()
    colours, labels, instances = (pixels(one.at(frame)) for one in heard)
    assert ((labels[..., 2] == PEDESTRIAN) == (instances[..., 2] == PEDESTRIAN)).all()
    assert (labels[..., 2] == PEDESTRIAN).sum() > 20
    assert not labels[..., :2].any()
    assert (colours[..., :3].std(axis=(0, 1)) > 10.0).all()
    sky = labels[..., 2] == 11
    assert colours[sky][:, 0].mean() > colours[sky][:, 2].mean() + 30  # blue over red


def test_instance_is_the_actors_id(world: carla.World, spawn: Spawn, ears: Any) -> None:
    other = spawn(x=35.0, y=1.75)
    camera = ears("sensor.camera.instance_segmentation", x=20.0, y=1.75, z=1.6, **SMALL)
    camera.begin(world)
    image = pixels(camera.next(world)).astype(int)
    cars = image[image[..., 2] == CAR]
    assert len(cars) > 50
    assert set((cars[:, 1] + 256 * cars[:, 0]).tolist()) == {other.id}


def test_image_has_the_size_and_angle_of_its_blueprint(world: carla.World, ears: Any) -> None:
    wide = ears("sensor.camera.rgb", z=2.0, image_size_x=200, image_size_y=50, fov=60)
    narrow = ears("sensor.camera.rgb", z=2.0, image_size_x=50, image_size_y=200, fov=40.5)
    for one, size in ((wide, (200, 50, 60.0)), (narrow, (50, 200, 40.5))):
        image = one.begin(world)
        assert (image.width, image.height, image.fov) == size
        assert len(image.raw_data) == 200 * 50 * 4


def test_picture_is_of_its_own_frame(world: carla.World, spawn: Spawn, ears: Any) -> None:
    """A car that passes from left to right is where the frame's state says."""
    car = spawn(x=20.0, y=0.0, yaw=90.0)
    car.set_simulate_physics(False)
    camera = ears("sensor.camera.semantic_segmentation", z=1.6, **SMALL)  # looks along x, focal length 80
    camera.begin(world)
    for y in (-8.0, -2.0, 5.0, 10.0):
        car.set_transform(carla.Transform(carla.Location(x=20.0, y=y), carla.Rotation(yaw=90.0)))
        image = camera.next(world)
        columns = np.flatnonzero((pixels(image)[..., 2] == CAR).any(axis=0))
        box = car.bounding_box.extent
        corners = [80 + 80 * (y + i * box.x) / (20.0 + j * box.y) for i in (-1, 1) for j in (-1, 1)]
        left, right = min(corners), max(corners)
        assert columns[0] >= left - 1.5
        assert columns[-1] <= right + 1.5
        assert (columns[0] + columns[-1]) / 2 == pytest.approx((left + right) / 2, abs=4.0)


def test_weather_of_the_client_is_seen(world: carla.World, ears: Any) -> None:
    camera = ears("sensor.camera.rgb", z=2.0, **SMALL)
    noon = pixels(camera.begin(world))[..., :3].mean()
    weather = world.get_weather()
    weather.sun_altitude_angle = -60.0
    world.set_weather(weather)
    try:
        world.tick()
        assert pixels(camera.next(world))[..., :3].mean() < 0.4 * noon
    finally:
        world.set_weather(carla.WeatherParameters.ClearNoon)


def test_no_rendering_no_pictures(world: carla.World, ears: Any) -> None:
    camera = ears("sensor.camera.rgb", z=2.0, **SMALL)
    imu = ears("sensor.other.imu")
    camera.begin(world)
    imu.begin(world)
    settings = world.get_settings()
    settings.no_rendering_mode = True
    world.apply_settings(settings)
    world.tick()
    while not camera.messages.empty():
        camera.messages.get()
    for _ in range(5):
        imu.at(world.tick())  # others go on
    assert camera.messages.empty()
    settings.no_rendering_mode = False
    world.apply_settings(settings)
    assert camera.next(world).width == 160


def test_sensor_tick_of_a_camera(world: carla.World, ears: Any) -> None:
    camera = ears("sensor.camera.rgb", z=2.0, sensor_tick=0.2, **SMALL)
    frames: list[int] = []
    for _ in range(400):  # until four of them are heard
        world.tick()
        time.sleep(0.01)
        while not camera.messages.empty():
            frames.append(camera.messages.get().frame)
        if len(frames) > 3:
            break
    assert [b - a for a, b in pairwise(frames[:4])] == [4, 4, 4]


def test_pictures_go_on_after_a_new_episode(client: carla.Client, world: carla.World, ears_of: Any) -> None:
    for name in ("hill", "crossing"):
        fresh = client.load_world(name)
        settings = fresh.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        fresh.apply_settings(settings)
        camera = ears_of(fresh)("sensor.camera.semantic_segmentation", x=20.0, y=1.75, z=1.6, **SMALL)
        camera.begin(fresh)
        labels = pixels(camera.next(fresh))[..., 2]
        assert (labels[:50] == 11).all()
        assert (labels[70:, 80] == 1).all()


def test_senseless_size_is_refused(world: carla.World) -> None:
    blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
    blueprint.set_attribute("image_size_x", "0")
    with pytest.raises(RuntimeError, match="image_size_x"):
        world.spawn_actor(blueprint, carla.Transform())
