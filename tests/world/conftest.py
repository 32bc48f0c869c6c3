"""A server in its own process and a real client on it; every test gets a fresh episode in synchronous mode."""

from collections.abc import Callable, Iterator

import carla
import pytest

from laco.scenarios.server.launch import WorldProcess

DT = 0.05


@pytest.fixture(scope="module")
def server() -> Iterator[WorldProcess]:
    with WorldProcess() as process:
        yield process


@pytest.fixture(scope="module")
def client(server: WorldProcess) -> carla.Client:
    return connect(server.port)


@pytest.fixture
def world(client: carla.Client) -> Iterator[carla.World]:
    world = synchronous(client.reload_world())
    yield world
    for sensor in world.get_actors().filter("sensor.*"):
        sensor.destroy()


@pytest.fixture
def car(world: carla.World) -> carla.Vehicle:
    return spawn(world, "vehicle.lincoln.mkz_2020", 0.0, 100.0)


def connect(port: int) -> carla.Client:
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(10.0)
    return client


def synchronous(world: carla.World, dt: float = DT) -> carla.World:
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, dt
    world.apply_settings(settings)
    world.tick()
    return world


def spawn(world: carla.World, name: str, x: float, y: float, yaw: float = 0.0) -> carla.Actor:
    where = carla.Transform(carla.Location(x=x, y=y, z=0.5), carla.Rotation(yaw=yaw))
    actor = world.spawn_actor(world.get_blueprint_library().find(name), where)
    world.tick()
    return actor


def ticks(world: carla.World, count: int, each: Callable[[], object] = lambda: None) -> None:
    for _ in range(count):
        world.tick()
        each()
