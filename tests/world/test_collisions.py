"""Bodies meet: momentum, positions, events."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import carla
import pytest

from laco.scenarios.maps import read_map
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.vehicle import Vehicle
from laco.scenarios.server.world import World

Listen = Callable[[carla.Actor], list[Any]]
Spawn = Callable[..., carla.Actor]
Ticks = Callable[[int], None]
BUILDING = """<objects><object id="1" name="house" type="building" s="20" t="-15" zOffset="0" hdg="0"
    length="12" width="6" height="9" orientation="none"/></objects>"""


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Attaches a collision sensor and returns the list its events go to; sensors end with the test."""
    sensors = []

    def attach(actor: carla.Actor) -> list[Any]:
        world = actor.get_world()
        blueprint = world.get_blueprint_library().find("sensor.other.collision")
        sensor = world.spawn_actor(blueprint, carla.Transform(), attach_to=actor)
        sensors.append(sensor)
        events: list[Any] = []
        sensor.listen(
            lambda e: events.append((e.frame, e.other_actor.id, e.other_actor.type_id, e.normal_impulse))
        )
        # The subscription is a connection of its own: it is there soon, not at once.
        time.sleep(0.2)
        return events

    yield attach
    for sensor in sensors:
        sensor.stop()
        sensor.destroy()


def wait_for(events: list[Any]) -> None:
    """Callbacks run on the client's threads: a tick does not wait for them."""
    deadline = time.monotonic() + 5.0
    while not events and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)


def test_head_on_stops_both_and_tells_both(spawn: Spawn, ticks: Ticks, listen: Listen) -> None:
    a, b = spawn(x=0.0), spawn(x=20.0, yaw=180.0)
    heard_a, heard_b = listen(a), listen(b)
    a.set_target_velocity(carla.Vector3D(x=10.0))
    b.set_target_velocity(carla.Vector3D(x=-10.0))
    ticks(40)
    wait_for(heard_b)
    assert a.get_velocity().length() == pytest.approx(0.0, abs=0.1)
    assert b.get_location().x - a.get_location().x >= 4.9
    (_, other, kind, impulse), (_, back, _, counter) = heard_a[0], heard_b[0]
    assert (other, back, kind) == (b.id, a.id, "vehicle.lincoln.mkz_2020")
    mass = a.get_physics_control().mass
    assert impulse.x == pytest.approx(-mass * 10.0, rel=0.05)  # pushed back, by all it had
    assert counter.x == pytest.approx(-impulse.x)


def test_a_prop_stops_a_car_and_does_not_move(spawn: Spawn, ticks: Ticks, listen: Listen) -> None:
    barrier = spawn("static.prop.streetbarrier", x=15.0, yaw=90.0)
    car = spawn()
    events = listen(car)
    car.set_target_velocity(carla.Vector3D(x=15.0))
    ticks(40)
    wait_for(events)
    assert events[0][1:3] == (barrier.id, "static.prop.streetbarrier")
    assert barrier.get_location().x == pytest.approx(15.0)
    assert car.get_location().x < 15.0 - 2.45
    assert car.get_velocity().length() == pytest.approx(0.0, abs=0.05)


def test_a_building_of_the_map_stops_a_car(client: carla.Client, world: carla.World, listen: Listen) -> None:
    text = read_map("crossing").replace("</lanes>", "</lanes>" + BUILDING, 1)
    world = client.generate_opendrive_world(text, carla.OpendriveGenerationParameters(), False)
    (box,) = world.get_level_bbs(carla.CityObjectLabel.Buildings)
    assert (box.extent.x, box.extent.y, box.extent.z) == pytest.approx((6.0, 3.0, 4.5))
    assert world.get_level_bbs(carla.CityObjectLabel.Vegetation) == []
    where = carla.Transform(box.location - carla.Location(x=20.0))
    car = world.spawn_actor(world.get_blueprint_library().find("vehicle.tesla.model3"), where)
    world.tick()
    events = listen(car)
    car.set_target_velocity(carla.Vector3D(x=15.0))
    for _ in range(40):
        world.tick()
    wait_for(events)
    assert events[0][1:3] == (0, "static.building")
    assert car.get_location().x < box.location.x - 3.0
    assert car.get_velocity().length() == pytest.approx(0.0, abs=0.3)


def test_momentum_is_kept_when_a_truck_hits_a_car() -> None:
    world = World(read_map("crossing"))
    truck = world.spawn("vehicle.carlamotors.firetruck", Pose(0.0, 0.0))
    car = world.spawn("vehicle.tesla.model3", Pose(9.0))
    assert isinstance(truck, Vehicle)
    assert isinstance(car, Vehicle)
    truck.set_velocity(12.0, 0.0)
    while not world.contacts:
        before = truck.mass * truck.vx
        world.step(0.05)
    after = truck.mass * truck.vx + car.mass * car.vx
    # the truck rolls on for that tick before it hits: 0.15 m/s^2 and air drag
    assert after == pytest.approx(before, rel=0.002)
    assert truck.vx == pytest.approx(car.vx)  # inelastic: they go on together
    assert car.x - truck.x > (8.47 + 4.79) / 2


def test_fast_cars_do_not_pass_through_each_other() -> None:
    world = World(read_map("crossing"))
    a, b = (
        world.spawn("vehicle.tesla.model3", Pose(x, 0.0, 0.0, 0.0, yaw))
        for x, yaw in ((0.0, 0.0), (41.3, 180.0))
    )
    assert isinstance(a, Vehicle)
    assert isinstance(b, Vehicle)
    a.set_velocity(40.0, 0.0)
    b.set_velocity(-40.0, 0.0)
    for _ in range(30):
        world.step(0.05)
    assert b.x - a.x > 4.79
    assert abs(a.y) + abs(b.y) < 0.01


def test_a_walker_is_knocked_aside() -> None:
    world = World(read_map("crossing"))
    car = world.spawn("vehicle.tesla.model3", Pose(0.0, 0.0))
    walker = world.spawn("walker.pedestrian.0001", Pose(6.0, 0.3))
    assert isinstance(car, Vehicle)
    car.set_velocity(10.0, 0.0)
    hit = False
    for _ in range(20):
        world.step(0.05)
        hit = hit or any({c.first.id, c.second.id} == {car.id, walker.id} for c in world.contacts)
    assert hit
    assert walker.x > 8.0
    assert car.vx > 8.5  # 80 kg against 1,845


def test_resting_side_by_side_makes_no_contacts() -> None:
    world = World(read_map("crossing"))
    for y in (0.0, 1.9):
        world.spawn("vehicle.tesla.model3", Pose(0.0, y))
    mover = world.spawn("vehicle.tesla.model3", Pose(100.0, 0.0))
    assert isinstance(mover, Vehicle)
    mover.set_velocity(10.0, 0.0)
    for _ in range(50):
        world.step(0.05)
        assert world.contacts == []


def test_nothing_is_missed_by_the_neighbour_list() -> None:
    """Cars from all sides into one point: every overlap is found in the very step in which it comes about."""
    world = World(read_map("crossing"))
    cars = []
    for i in range(8):
        angle = i * math.pi / 4
        car = world.spawn(
            "vehicle.audi.a2", Pose(40 * math.cos(angle), 40 * math.sin(angle), yaw=45.0 * i + 180)
        )
        assert isinstance(car, Vehicle)
        car.set_velocity(-(10 + i) * math.cos(angle), -(10 + i) * math.sin(angle))
        cars.append(car)
    touched = 0
    for _ in range(120):
        world.step(0.05)
        touched += len(world.contacts)
        near = [(a, b) for a in cars for b in cars if a.id < b.id and math.dist((a.x, a.y), (b.x, b.y)) < 1.0]
        assert not near
    assert touched > 3


def test_spawning_into_something_is_refused(world: carla.World, spawn: Spawn) -> None:
    car = spawn()
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    where = carla.Transform(carla.Location(x=3.0))
    assert world.try_spawn_actor(blueprint, where) is None
    with pytest.raises(RuntimeError, match=r"collision at spawn position.*vehicle\.lincoln\.mkz_2020"):
        world.spawn_actor(blueprint, where)
    assert world.try_spawn_actor(blueprint, carla.Transform(carla.Location(x=6.0))) is not None
    car.set_collisions(False)
    with pytest.raises(RuntimeError):  # now it is the second car that is in the way
        world.spawn_actor(blueprint, where)
    assert world.try_spawn_actor(blueprint, carla.Transform(carla.Location(x=-1.0))) is not None
