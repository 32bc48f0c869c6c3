"""A server in its own process and a real client on it; each test gets a fresh, synchronous episode."""

import queue
from collections.abc import Callable, Iterator
from typing import Any

import carla
import pytest

DT = 0.05  # [s]
Spawn = Callable[..., carla.Actor]


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

    def put(name: str = "vehicle.lincoln.mkz_2020", x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> carla.Actor:
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


HEARING = 5.0  # [s]


class Heard:
    """A sensor and the messages it sent, oldest first."""

    def __init__(self, sensor: Any, own: bool = True) -> None:
        self.sensor, self.own = sensor, own
        self.messages: queue.Queue[Any] = queue.Queue()
        sensor.listen(self.messages.put)

    def at(self, frame: int) -> Any:
        """The message about a frame; older ones are dropped."""
        while True:
            message = self.messages.get(timeout=HEARING)
            if message.frame >= frame:
                assert message.frame == frame
                return message

    def begin(self, world: carla.World) -> Any:
        """Tick until it is heard: a subscription is a connection of its own, there soon but not at once."""
        for _ in range(200):
            frame = world.tick()
            try:
                message = self.messages.get(timeout=0.05)
            except queue.Empty:
                continue
            return message if message.frame == frame else self.at(frame)
        raise AssertionError(f"{self.sensor.type_id} is not heard")

    def next(self, world: carla.World) -> Any:
        """Tick once and give the message about that frame."""
        return self.at(world.tick())

    def end(self) -> None:
        if self.sensor.is_listening:
            self.sensor.stop()
        if self.own and self.sensor.is_alive:
            self.sensor.destroy()


def mount(
    world: carla.World, name: str, parent: Any = None, x: float = 0.0, y: float = 0.0, z: float = 0.0,
    yaw: float = 0.0, **settings: object,
) -> Heard:  # fmt: skip
    """A sensor on a body, or in the air, with some of its attributes set."""
    blueprint = world.get_blueprint_library().find(name)
    for key, value in settings.items():
        blueprint.set_attribute(key, str(value))
    where = carla.Transform(carla.Location(x=x, y=y, z=z), carla.Rotation(yaw=yaw))
    return Heard(world.spawn_actor(blueprint, where, attach_to=parent))


class Ears:
    """Mounts sensors in a world, and ends them."""

    def __init__(self, world: carla.World) -> None:
        self.world = world
        self.heard: list[Heard] = []

    def __call__(self, name: str, parent: Any = None, **settings: Any) -> Heard:
        self.heard.append(mount(self.world, name, parent, **settings))
        return self.heard[-1]

    def listen(self, sensor: Any) -> Heard:
        """Hear a sensor that is there, and stays."""
        self.heard.append(Heard(sensor, own=False))
        return self.heard[-1]

    def close(self) -> None:
        for one in self.heard:
            one.end()


@pytest.fixture
def ears(world: carla.World) -> Iterator[Ears]:
    """Mounts sensors that end with the test."""
    ears = Ears(world)
    yield ears
    ears.close()
    world.tick()  # the client knows who is there from frames


@pytest.fixture
def ears_of() -> Iterator[Callable[[carla.World], Ears]]:
    """The same for any world."""
    made: list[Ears] = []

    def of(world: carla.World) -> Ears:
        made.append(Ears(world))
        return made[-1]

    yield of
    for ears in made:
        ears.close()
