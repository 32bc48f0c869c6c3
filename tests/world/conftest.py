"""A server in its own process and a real client on it; each test gets a fresh, synchronous episode."""

from collections.abc import Callable, Iterator

import carla
import pytest

from laco.scenarios.server.launch import WorldProcess

DT = 0.05  # [s]
Spawn = Callable[..., carla.Actor]


@pytest.fixture(scope="module")
def server() -> Iterator[WorldProcess]:
    with WorldProcess() as process:
        yield process


@pytest.fixture(scope="module")
def client(server: WorldProcess) -> carla.Client:
    client = carla.Client("127.0.0.1", server.port)
    client.set_timeout(10.0)
    return client


@pytest.fixture
def world(client: carla.Client) -> Iterator[carla.World]:
    """An empty episode on the default map, already ticked once."""
    world = client.load_world("crossing")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, DT
    world.apply_settings(settings)
    world.tick()
    yield world
    for sensor in world.get_actors().filter("sensor.*"):
        sensor.destroy()


@pytest.fixture
def spawn(world: carla.World) -> Spawn:
    """Puts an actor somewhere on the ground plane and ticks, so that its state can be read."""

    def put(
        name: str = "vehicle.lincoln.mkz_2020", x: float = 0.0, y: float = 0.0, yaw: float = 0.0
    ) -> carla.Actor:
        where = carla.Transform(carla.Location(x=x, y=y), carla.Rotation(yaw=yaw))
        actor = world.spawn_actor(world.get_blueprint_library().find(name), where)
        world.tick()
        return actor

    return put


@pytest.fixture
def ticks(world: carla.World) -> Callable[[int], None]:
    """Ticks a number of times."""

    def run(count: int) -> None:
        for _ in range(count):
            world.tick()

    return run
