"""One seed, one machine: the same states and the same pictures, with traffic, lights, a driven car and its sensors."""

import hashlib
import math
import queue
from typing import Any

import carla
import pytest

from laco.scenarios.server.launch import WorldProcess

for package in ("embreex", "libsumo", "panda3d.core"):
    pytest.importorskip(package, reason="the [world] extra is not installed")

TICKS = 500
START = 3.0  # [s] of the episode: how many ticks its loading took is chance
SENSORS = {
    "sensor.camera.rgb": {"image_size_x": "160", "image_size_y": "120"},
    "sensor.camera.instance_segmentation": {"image_size_x": "160", "image_size_y": "120"},
    "sensor.lidar.ray_cast": {"range": "40"},
}
Heard = dict[tuple[int, str], str]  # digests by frame and sensor


def drive(seed: int, ticks: int = TICKS) -> tuple[list[str], Heard]:
    """Digests of the states of every tick, and of every picture and scan."""
    with WorldProcess(map="grid", seed=seed, traffic=12, walkers=8) as server:
        client = carla.Client("127.0.0.1", server.port)
        client.set_timeout(20.0)
        world = client.get_world()
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        world.apply_settings(settings)
        world = client.load_world("grid", False)
        while world.get_snapshot().timestamp.elapsed_seconds < START - 0.01:
            world.tick()
        car, sensors, ears = equip(world)
        states, base = [], world.tick()
        for tick in range(ticks):
            car.apply_control(carla.VehicleControl(throttle=0.5, steer=0.2 * math.sin(tick / 40)))
            world.tick()
            states.append(state(world.get_snapshot()))
        heard: Heard = {}
        for name, ear in ears.items():
            frame = 0
            while frame < ticks // 10 * 10:
                data = ear.get(timeout=10.0)
                frame = data.frame - base
                if frame > 0:
                    heard[frame, name] = hashlib.sha256(bytes(data.raw_data)).hexdigest()
        for sensor in sensors:
            sensor.stop()
            sensor.destroy()
        return states, heard


def equip(world: carla.World) -> tuple[Any, list[Any], dict[str, queue.Queue[Any]]]:
    """A car, its sensors, and what they are heard to say twice a second."""
    library = world.get_blueprint_library()
    spots = world.get_map().get_spawn_points()
    car = next(filter(None, (world.try_spawn_actor(library.find("vehicle.tesla.model3"), p) for p in spots)))
    sensors: list[Any] = []
    ears: dict[str, queue.Queue[Any]] = {}
    for name, given in SENSORS.items():
        blueprint = library.find(name)
        for key, value in {**given, "sensor_tick": "0.5"}.items():
            blueprint.set_attribute(key, value)
        ears[name] = queue.Queue()
        mount = carla.Transform(carla.Location(x=1.6, z=1.7))
        sensors.append(world.spawn_actor(blueprint, mount, attach_to=car))
        sensors[-1].listen(ears[name].put)
    for _ in range(40):  # a subscription needs a moment of real time; the number of ticks must not depend on it
        world.tick()
    return car, sensors, ears


def state(snapshot: carla.WorldSnapshot) -> str:
    """Everything that the frame says of the actors."""
    numbers: list[float] = []
    for actor in sorted(snapshot, key=lambda one: one.id):
        where, v, a = actor.get_transform(), actor.get_velocity(), actor.get_acceleration()
        numbers += [actor.id, where.location.x, where.location.y, where.location.z, where.rotation.yaw]
        numbers += [v.x, v.y, v.z, a.x, a.y, a.z, actor.get_angular_velocity().z]
    return hashlib.sha256(repr(numbers).encode()).hexdigest()


@pytest.mark.timeout(240)
def test_a_seed_gives_the_same_states_and_pictures_again() -> None:
    (states, heard), (states_again, heard_again) = drive(3), drive(3)
    assert states == states_again
    assert heard == heard_again
    assert len(set(states)) == TICKS  # something moves in every tick
    assert len(heard) == len(SENSORS) * TICKS // 10
    assert len(set(heard.values())) > len(heard) / 2
    assert drive(4, 20)[0] != states[:20]
