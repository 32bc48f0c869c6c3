"""The real client across episodes, several clients, several listeners."""

import threading
import time
from collections.abc import Callable

import carla
import pytest

from laco.scenarios.maps import read_map
from laco.scenarios.server.launch import WorldProcess

Spawn = Callable[..., carla.Actor]
Ticks = Callable[[int], None]


def until(condition: Callable[[], bool], limit: float = 5.0) -> bool:
    deadline = time.monotonic() + limit
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def crash(world: carla.World, spawn: Spawn) -> tuple[carla.Actor, carla.Actor]:
    """A car rolling towards a cone, and its collision sensor."""
    car = spawn(y=60.0)
    spawn("static.prop.trafficcone01", x=4.0, y=60.0)
    blueprint = world.get_blueprint_library().find("sensor.other.collision")
    sensor = world.spawn_actor(blueprint, carla.Transform(), attach_to=car)
    world.tick()
    car.enable_constant_velocity(carla.Vector3D(x=10.0))
    return car, sensor


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("how", ["load", "reload", "generate"])
def test_a_new_episode_keeps_settings_unless_told_otherwise(
    client: carla.Client, world: carla.World, spawn: Spawn, how: str, reset: bool
) -> None:
    """Actor ids and frames go on, so that nothing old is taken for something new."""
    last, frame = spawn().id, world.get_snapshot().frame
    world.set_weather(carla.WeatherParameters.HardRainNight)
    parameters = carla.OpendriveGenerationParameters()
    new = {
        "load": lambda: client.load_world("/Game/Carla/Maps/crossing", reset),
        "reload": lambda: client.reload_world(reset),
        "generate": lambda: client.generate_opendrive_world(read_map("crossing"), parameters, reset),
    }[how]()
    assert new.id > world.id
    assert new.get_settings().synchronous_mode is not reset
    assert new.get_weather() != carla.WeatherParameters.HardRainNight
    assert new.get_map().name == ("Carla/Maps/OpenDriveMap" if how == "generate" else "Carla/Maps/crossing")
    settings = new.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    new.apply_settings(settings)
    assert new.tick() > frame
    cone = new.spawn_actor(new.get_blueprint_library().find("static.prop.bin"), carla.Transform())
    assert cone.id > last
    assert [actor.id for actor in new.get_actors().filter("vehicle.*")] == []


def test_sensors_of_the_old_episode_fall_silent(
    client: carla.Client, world: carla.World, spawn: Spawn
) -> None:
    _, sensor = crash(world, spawn)
    heard: list[int] = []
    sensor.listen(lambda event: heard.append(event.frame))
    for _ in range(20):
        world.tick()
    assert until(lambda: bool(heard))
    new = client.reload_world(False)
    count = len(heard)
    for _ in range(20):
        new.tick()
    assert len(heard) == count
    sensor.stop()


def test_a_second_client_survives_a_change_of_the_map(
    server: WorldProcess, client: carla.Client, world: carla.World, spawn: Spawn
) -> None:
    other = carla.Client("127.0.0.1", server.port)
    other.set_timeout(5.0)
    theirs = other.get_world()
    assert theirs.get_map().name.endswith("crossing")
    parameters = carla.OpendriveGenerationParameters()
    mine = client.generate_opendrive_world(read_map("crossing"), parameters, False)
    car = mine.spawn_actor(mine.get_blueprint_library().find("vehicle.audi.tt"), carla.Transform())
    mine.tick()
    seen = other.get_world()
    assert until(lambda: car.id in {actor.id for actor in seen.get_actors()})
    assert seen.id == mine.id
    assert seen.get_map().name.endswith("OpenDriveMap")
    assert seen.get_actor(car.id).type_id == "vehicle.audi.tt"
    assert seen.tick() > 0


def test_two_clients_share_one_synchronous_clock(
    server: WorldProcess, world: carla.World, spawn: Spawn
) -> None:
    """Either may tick, and what one steers the other sees."""
    car = spawn(y=60.0)
    other = carla.Client("127.0.0.1", server.port)
    other.set_timeout(5.0)
    theirs = other.get_world()
    assert until(lambda: theirs.get_actor(car.id) is not None)
    frame = theirs.tick()
    assert frame == world.tick() - 1
    theirs.get_actor(car.id).set_target_velocity(carla.Vector3D(x=3.0))
    theirs.get_settings()  # any answer says that what was sent before has happened
    world.tick()
    assert car.get_velocity().x == pytest.approx(3.0, abs=0.1)


def test_every_listener_of_a_sensor_hears_it_and_may_leave_and_come_back(
    server: WorldProcess, world: carla.World, spawn: Spawn, ticks: Ticks
) -> None:
    _, sensor = crash(world, spawn)
    other = carla.Client("127.0.0.1", server.port)
    other.set_timeout(5.0)
    theirs = other.get_world()
    assert until(lambda: theirs.get_actor(sensor.id) is not None)
    again = theirs.get_actor(sensor.id)
    one: list[int] = []
    two: list[int] = []
    sensor.listen(lambda event: one.append(event.frame))
    again.listen(lambda event: two.append(event.frame))
    time.sleep(0.1)  # subscribing takes a connection of its own
    ticks(20)
    assert until(lambda: len(one) == len(two) > 0)
    assert one == two
    sensor.stop()
    count, heard = len(one), len(two)
    time.sleep(0.1)
    ticks(10)
    assert until(lambda: len(two) > heard)
    assert len(one) == count
    sensor.listen(lambda event: one.append(event.frame))
    time.sleep(0.1)
    ticks(10)
    assert until(lambda: len(one) > count)
    sensor.stop()
    again.stop()


def test_a_client_comes_and_goes(server: WorldProcess, world: carla.World, spawn: Spawn) -> None:
    car = spawn(y=60.0)
    for _ in range(5):
        passing = carla.Client("127.0.0.1", server.port)
        passing.set_timeout(5.0)
        assert passing.get_world().get_snapshot().frame <= world.tick()
        del passing
    world.tick()
    assert car.is_alive


def test_a_slow_listener_does_not_slow_the_clock_in_asynchronous_mode(
    client: carla.Client, world: carla.World, spawn: Spawn
) -> None:
    """While a listener sleeps through its first event, time goes on for 20 frames."""
    _, sensor = crash(world, spawn)
    woken, entered = threading.Event(), threading.Event()

    def sleep(_event: object) -> None:
        entered.set()
        woken.wait(20.0)

    sensor.listen(sleep)
    time.sleep(0.1)
    settings = world.get_settings()
    settings.synchronous_mode = False
    world.apply_settings(settings)
    assert entered.wait(5.0)
    first = world.wait_for_tick(5.0).frame
    last = first
    while last < first + 20:
        last = world.wait_for_tick(5.0).frame
    woken.set()
    sensor.stop()
    assert last >= first + 20
