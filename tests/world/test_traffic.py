"""SUMO's cars and people as actors: in their lanes, at the lights, and careful with everyone else."""

import math
import sys
from collections.abc import Callable, Iterator

import carla
import pytest

from laco.errors import WorldError
from laco.scenarios.maps import net_of, read_map
from laco.scenarios.server.actors import Solid
from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.launch import WorldProcess
from laco.scenarios.server.lights.actors import RED, TrafficLight
from laco.scenarios.server.lights.part import Lights
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.traffic.part import make_traffic
from laco.scenarios.server.traffic.sumo import EXTRA
from laco.scenarios.server.vehicle import GREEN, Control, Vehicle
from laco.scenarios.server.walker import Walker

pytest.importorskip("libsumo", reason="the [traffic] extra is not installed")

DT = 0.05  # [s]
Start = Callable[..., Simulation]
APPROACH = (
    3.0  # [m] a car that waits for a red light stands no farther from the line, be there nobody before it
)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts worlds with traffic in this process; SUMO holds one at a time."""
    running: list[Simulation] = []

    def run(map: str, cars: int, walkers: int = 0, seed: int = 1) -> Simulation:
        net = net_of(map)
        assert net is not None
        parts = [Lights, make_traffic({map: net}, cars, walkers, seed)]
        running.append(Simulation({map: read_map(map), "hill": read_map("hill")}, map, seed, parts))
        return running[-1]

    yield run
    for simulation in running:
        simulation.close()


def tick(simulation: Simulation, seconds: float) -> None:
    for _ in range(round(seconds / simulation.dt)):
        simulation.tick()


def cars(simulation: Simulation) -> list[Vehicle]:
    """Those that SUMO drives."""
    return [body for body in simulation.world.bodies.solids if isinstance(body, Vehicle) and body.puppet]


def walkers(simulation: Simulation) -> list[Walker]:
    return [body for body in simulation.world.bodies.solids if isinstance(body, Walker) and body.puppet]


def put(simulation: Simulation, name: str, x: float, y: float, yaw: float = 0.0) -> Solid:
    actor = simulation.world.spawn(name, Pose(x, y, 0.0, 0.0, yaw, 0.0))
    assert isinstance(actor, Solid)
    if isinstance(actor, Vehicle):
        actor.apply(Control(brake=1.0))
    return actor


def put_in_the_way(simulation: Simulation, name: str) -> Solid:
    """On the crossing's lane that comes from the east, where it is free."""
    for x in (60.0, 70.0, 80.0, 90.0):
        try:
            return put(simulation, name, x, -1.75, 180.0)
        except RefusedError:
            continue
    raise AssertionError("no room")


def speed(body: Solid) -> float:
    return math.hypot(body.vx, body.vy)


def show(simulation: Simulation, state: int) -> None:
    """All lights show this from now on."""
    for actor in simulation.world.actors.values():
        if isinstance(actor, TrafficLight):
            actor.show(state)
            assert actor.controller is not None
            actor.controller.group.freeze(True)


def before_line(light: TrafficLight, car: Vehicle) -> tuple[float, float]:
    """How far its front is before the stop line and how far from the middle of the lanes it is [m]."""
    approach = light.signal.approach
    c, s = approach.way
    dx, dy = car.x - approach.x, car.y - approach.y
    return -(dx * c + dy * s) - car.half_length, abs(dy * c - dx * s)


def test_cars_drive_in_their_lanes_and_people_walk_on_sidewalks(start: Start) -> None:
    simulation = start("grid", 20, 15)
    network = simulation.world.roads.map
    off = outside = moving = 0
    for _ in range(20):
        tick(simulation, 1.0)
        for car in cars(simulation):
            lane = network.get_waypoint(carla.Location(x=car.x, y=car.y))
            if lane is not None and not lane.is_junction and speed(car) > 1.0:
                where, turn = lane.transform.location, math.radians(lane.transform.rotation.yaw - car.yaw)
                moving += 1
                off += (
                    math.hypot(where.x - car.x, where.y - car.y) > lane.lane_width / 2 or math.cos(turn) < 0.9
                )
        for person in walkers(simulation):
            lane = network.get_waypoint(carla.Location(x=person.x, y=person.y), False, carla.LaneType.Driving)
            outside += lane is not None and not lane.is_junction
            assert speed(person) < 4.0
    assert moving > 150
    assert off <= 0.05 * moving  # some are changing lanes
    assert outside <= 0.1 * 20 * 15  # crosswalks lie partly on the roads before a junction


def test_actors_move_as_their_velocities_say(start: Start) -> None:
    simulation = start("grid", 20, 10)
    before: dict[int, tuple[float, float, float]] = {}
    farthest = hardest = 0.0
    for _ in range(400):
        simulation.tick()
        for body in (*cars(simulation), *walkers(simulation)):
            if body.id in before:
                x, y, yaw = before[body.id]
                farthest = max(farthest, math.hypot(body.x - x - body.vx * DT, body.y - y - body.vy * DT))
                if isinstance(body, Vehicle):
                    hardest = max(hardest, abs(math.remainder(body.yaw - yaw, 360.0)) / DT)
            before[body.id] = body.x, body.y, body.yaw
    assert farthest < 0.25  # [m] in a tick
    assert hardest < 100.0  # [deg/s]: 8 m/s around a corner of 5 m are 92


def test_cars_stand_at_red_and_go_at_green(start: Start) -> None:
    simulation = start("grid", 16)
    show(simulation, RED)
    tick(simulation, 40.0)
    lights = [actor for actor in simulation.world.actors.values() if isinstance(actor, TrafficLight)]
    waiting = {car.id: car for light in lights for car in light.held}
    assert len(waiting) >= 4
    for light in lights:
        gaps = []
        for car in light.held:
            assert isinstance(car, Vehicle)
            gap, _ = before_line(light, car)
            assert speed(car) < 0.1
            assert gap > 0.0
            gaps.append(gap)
            assert (car.light_id, car.light_state) == (light.id, RED)
            assert car.lights & 8  # it brakes
        assert not gaps or min(gaps) < APPROACH
    show(simulation, GREEN)
    tick(simulation, 6.0)
    gone = [car for car in waiting.values() if not any(car in light.held for light in lights)]
    assert len(gone) > len(waiting) / 2


def test_cars_queue_behind_a_parked_car(start: Start) -> None:
    """On the crossing, with one lane each way, before the junction; nobody may pass."""
    simulation = start("crossing", 8)
    ego = put_in_the_way(simulation, "vehicle.tesla.model3")
    tick(simulation, 40.0)
    behind = [car for car in cars(simulation) if abs(car.y + 1.75) < 1.0 and car.x > ego.x]
    assert len(behind) >= 1
    gaps = sorted(car.x - car.half_length - (ego.x + ego.half_length) for car in behind)
    assert 0.3 < gaps[0] < 5.0
    assert not any(contact for contact in simulation.world.contacts)


@pytest.mark.parametrize(
    "what", ["static.prop.trafficcone01", "static.prop.streetbarrier", "walker.pedestrian.0001"]
)
def test_cars_stop_for_whatever_stands_in_their_lane(start: Start, what: str) -> None:
    simulation = start("crossing", 8)
    thing = put_in_the_way(simulation, what)
    hits, stood = 0, False
    for _ in range(800):
        simulation.tick()
        hits += len(simulation.world.contacts)
        ahead = (car for car in cars(simulation) if abs(car.y + 1.75) < 1.0 and 0.0 < car.x - thing.x < 8.0)
        stood = stood or any(speed(car) < 0.1 for car in ahead)
    assert (hits, stood) == (0, True)


def test_nobody_drives_through_a_car_that_stands_in_the_junction(start: Start) -> None:
    simulation = start("crossing", 8)
    put(simulation, "vehicle.tesla.model3", 0.0, 0.0, 45.0)
    hits = 0
    for _ in range(800):
        simulation.tick()
        hits += len(simulation.world.contacts)
    assert hits == 0
    assert sum(speed(car) < 0.1 for car in cars(simulation)) >= 3  # they wait, on all sides


def test_they_stop_for_someone_who_walks_across(start: Start) -> None:
    simulation = start("crossing", 8)
    person = put(simulation, "walker.pedestrian.0001", 50.0, 9.0)
    assert isinstance(person, Walker)
    hits = 0
    for _ in range(6):
        way = -math.copysign(1.0, person.y)
        person.control((0.0, way, 0.0), 1.3, False)
        for _ in range(280):  # 18 m
            simulation.tick()
            hits += len(simulation.world.contacts)
    assert hits == 0


def test_a_crash_stops_a_car_for_a_while(start: Start) -> None:
    simulation = start("crossing", 4)
    tick(simulation, 2.0)
    car = max(cars(simulation), key=speed)
    turn = math.radians(car.yaw)
    reach = car.half_length + 2.5
    put(
        simulation,
        "vehicle.tesla.model3",
        car.x + reach * math.cos(turn),
        car.y + reach * math.sin(turn),
        car.yaw,
    )
    met = False
    for _ in range(40):
        simulation.tick()
        met = met or bool(simulation.world.contacts)
    assert met  # it could not stop within a decimetre
    tick(simulation, 1.0)
    assert speed(car) == 0.0
    assert car.puppet


def test_their_number_is_held(start: Start) -> None:
    simulation = start("roundabout", 12)
    first = {car.id for car in cars(simulation)}
    assert len(first) == 12
    tick(simulation, 60.0)
    now = {car.id for car in cars(simulation)}
    assert 10 <= len(now) <= 12  # one or two may wait outside for room
    assert len(now - first) >= 3  # who left is followed by others with new ids
    assert not (now - first) & set(range(max(first)))


def test_a_car_that_a_client_destroys_leaves_sumo_too(start: Start) -> None:
    simulation = start("grid", 6, 4)
    tick(simulation, 1.0)
    car, person = cars(simulation)[0], walkers(simulation)[0]
    assert simulation.destroy(car.id)
    assert simulation.destroy(person.id)
    tick(simulation, 10.0)
    assert car.id not in simulation.world.actors
    assert len(cars(simulation)) == 6
    assert len(walkers(simulation)) == 4


@pytest.mark.parametrize("length", [0.013, 0.1, 0.5])
def test_ticks_of_other_lengths(start: Start, length: float) -> None:
    """As far in 5 s whatever the tick: the same cars within what a tick changes in what they see."""
    ways = []
    for dt in (DT, length):
        simulation = start("roundabout", 5)
        simulation.configure([*simulation.settings[:2], [True, dt], *simulation.settings[3:]])
        begin = {car.id: (car.x, car.y) for car in cars(simulation)}
        for _ in range(round(5.0 / dt)):
            simulation.tick()
        now = {car.id: car for car in cars(simulation)}
        ways.append([math.dist(begin[id], (now[id].x, now[id].y)) for id in begin if id in now])
        simulation.close()
    assert ways[1] == pytest.approx(ways[0], abs=1.0)
    assert max(ways[0]) > 20.0


def test_an_episode_starts_anew_with_the_same_traffic(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    simulation = start("roundabout", 8)
    first = [(car.blueprint.id, car.pose) for car in cars(simulation)]
    tick(simulation, 3.0)
    simulation.load("", True)
    assert [(car.blueprint.id, car.pose) for car in cars(simulation)] == first
    simulation.load("hill", True)
    assert not cars(simulation)
    assert "no SUMO network" in caplog.text
    tick(simulation, 0.5)
    simulation.load("roundabout", True)
    assert len(cars(simulation)) == 8


def test_what_cannot_be_is_refused_in_one_line() -> None:
    maps = {name: read_map(name) for name in ("hill", "roundabout")}
    net = net_of("roundabout")
    assert net is not None
    with pytest.raises(WorldError, match="cannot be -1"):
        make_traffic({}, -1, 0, 0)
    with pytest.raises(WorldError, match="hill: it has no SUMO network"):
        Simulation(maps, "hill", parts=[make_traffic({"roundabout": net}, 1, 0, 0)])
    with pytest.raises(WorldError, match="no sidewalks"):
        Simulation(maps, "roundabout", parts=[make_traffic({"roundabout": net}, 1, 1, 0)])


def test_without_the_extra_one_line_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    net = net_of("roundabout")
    assert net is not None
    monkeypatch.setitem(sys.modules, "libsumo", None)
    with pytest.raises(WorldError) as refusal:
        Simulation(
            {"roundabout": read_map("roundabout")},
            "roundabout",
            parts=[make_traffic({"roundabout": net}, 1, 0, 0)],
        )
    assert str(refusal.value).startswith(EXTRA)
    assert "laco-driving[traffic]" in EXTRA


def test_clients_see_ordinary_actors() -> None:
    with WorldProcess(map="grid", seed=2, traffic=6, walkers=4) as server:
        client = carla.Client("127.0.0.1", server.port)
        client.set_timeout(10.0)
        world = client.get_world()
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, DT
        world.apply_settings(settings)
        for _ in range(40):
            world.tick()
        vehicles, people = world.get_actors().filter("vehicle.*"), world.get_actors().filter("walker.*")
        assert (len(vehicles), len(people)) == (6, 4)
        assert len({vehicle.attributes["color"] for vehicle in vehicles}) > 1
        assert any(vehicle.get_control().throttle > 0.0 for vehicle in vehicles)
        fast = max(vehicles, key=lambda vehicle: vehicle.get_velocity().length())
        assert fast.get_velocity().length() > 2.0
        assert any(person.get_control().speed > 0.5 for person in people)
        assert fast.destroy()
        world.tick()
        assert fast.id not in [actor.id for actor in world.get_actors()]
