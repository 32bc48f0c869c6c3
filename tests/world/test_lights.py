"""Traffic lights: bound to the map's signals, cycling in simulated seconds, obeying clients, known to vehicles."""

from collections.abc import Iterator
from typing import Any

import carla
import pytest

from laco.scenarios.maps import read_map
from laco.scenarios.server.launch import WorldProcess
from laco.scenarios.server.lights.actors import TrafficLight
from laco.scenarios.server.lights.part import Lights
from laco.scenarios.server.methods import table
from laco.scenarios.server.simulation import Simulation

DT = 0.05  # [s]
RED, YELLOW, GREEN = (
    carla.TrafficLightState.Red,
    carla.TrafficLightState.Yellow,
    carla.TrafficLightState.Green,
)
JUNCTIONS = 9  # of the grid, with four approaches each
Lamps = list[carla.TrafficLight]


@pytest.fixture(scope="module")
def client() -> Iterator[carla.Client]:
    with WorldProcess(map="grid") as process:
        client = carla.Client("127.0.0.1", process.port)
        client.set_timeout(10.0)
        yield client


@pytest.fixture
def world(client: carla.Client) -> carla.World:
    """A fresh episode on the grid whose lights have just been reset."""
    world = client.load_world("grid")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, DT
    world.apply_settings(settings)
    world.tick()
    world.reset_all_traffic_lights()
    return world


@pytest.fixture
def lamps(world: carla.World) -> Lamps:
    """The lights of one junction, in the order in which they were numbered."""
    first = min(world.get_actors().filter("traffic.traffic_light"), key=lambda light: light.id)
    return sorted(first.get_group_traffic_lights(), key=lambda light: light.get_pole_index())


def run(world: carla.World, seconds: float) -> None:
    for _ in range(round(seconds / DT)):
        world.tick()


def states(lamps: Lamps) -> list[Any]:
    return [light.get_state() for light in lamps]


def test_every_approach_has_a_light_bound_to_its_signal(world: carla.World) -> None:
    lights = world.get_actors().filter("traffic.traffic_light")
    assert len(lights) == 4 * JUNCTIONS
    marks = {mark.id: mark for mark in world.get_map().get_all_landmarks_of_type("1000001")}
    assert {light.get_opendrive_id() for light in lights} == set(marks)
    light = lights[0]
    assert world.get_traffic_light_from_opendrive_id(light.get_opendrive_id()).id == light.id
    assert world.get_traffic_light(marks[light.get_opendrive_id()]).id == light.id


def test_a_light_knows_its_lanes(world: carla.World, lamps: Lamps) -> None:
    for light in lamps:
        lanes = {(w.road_id, w.lane_id) for w in light.get_affected_lane_waypoints()}
        stops = light.get_stop_waypoints()
        assert len(lanes) == 2
        assert {(w.road_id, w.lane_id) for w in stops} == lanes
        for stop in stops:
            ahead = stop.next(3.0)[0]  # the middle of a trigger volume 6 m deep is 3 m before its line
            assert not stop.is_junction
            assert ahead.next(1.0)[0].is_junction
        assert [
            found.id for found in world.get_traffic_lights_from_waypoint(stops[0].previous(30.0)[0], 50.0)
        ] == [light.id]
        junction = stops[0].next(6.0)[0].junction_id
        assert {found.id for found in world.get_traffic_lights_in_junction(junction)} == {
            one.id for one in lamps
        }
        (head,) = light.get_light_boxes()
        assert head.location.distance(light.get_location() + carla.Location(z=3.0)) < 1.0


def test_the_controllers_take_turns(world: carla.World, lamps: Lamps) -> None:
    """10 s green, 3 s yellow, 2 s red for all: 15 s a turn, 30 s a round of two."""
    run(world, 0.05)
    one = [light for light in lamps if light.get_state() == GREEN]
    other = [light for light in lamps if light.get_state() == RED]
    assert len(one) == len(other) == 2
    assert lamps[0].get_elapsed_time() == pytest.approx(0.05)
    run(world, 9.9)  # 9.95 s
    assert (set(states(one)), set(states(other))) == ({GREEN}, {RED})
    assert lamps[0].get_elapsed_time() == pytest.approx(9.95)
    run(world, 0.05)  # 10 s
    assert (set(states(one)), set(states(other))) == ({YELLOW}, {RED})
    run(world, 3.0)
    assert set(states(lamps)) == {RED}
    run(world, 2.0)  # 15 s
    assert (set(states(one)), set(states(other))) == ({RED}, {GREEN})
    run(world, 15.0)
    assert (set(states(one)), set(states(other))) == ({GREEN}, {RED})


def test_other_ticks_make_the_same_cycle() -> None:
    simulation = Simulation({"grid": read_map("grid")}, "grid", parts=[Lights])
    simulation.configure([*simulation.settings[:2], [True, 0.7], *simulation.settings[3:]])
    light = next(actor for actor in simulation.world.actors.values() if isinstance(actor, TrafficLight))
    seen = []
    for _ in range(300):  # 210 s: seven rounds of 30 s
        simulation.tick()
        seen.append(light.state)
    assert seen.count(2) * 0.7 == pytest.approx(70.0, abs=0.7 * 7)
    starts = [i for i in range(1, 300) if seen[i] == 2 and seen[i - 1] != 2]
    assert (starts[-1] - starts[0]) * 0.7 == pytest.approx(30.0 * (len(starts) - 1), abs=0.7)


def test_frozen_lights_stay(world: carla.World, lamps: Lamps) -> None:
    run(world, 2.0)
    lamps[0].freeze(True)  # the client says it for all, as on CARLA
    run(world, 0.05)
    before, elapsed = states(lamps), lamps[0].get_elapsed_time()
    run(world, 20.0)
    assert states(lamps) == before
    assert lamps[0].is_frozen()
    assert lamps[0].get_elapsed_time() == pytest.approx(elapsed)
    world.freeze_all_traffic_lights(False)
    run(world, 8.0)  # 2 + 8 = 10 s
    assert not lamps[0].is_frozen()
    assert YELLOW in states(lamps)


def test_a_state_that_was_set_lasts_until_the_next(world: carla.World, lamps: Lamps) -> None:
    run(world, 1.0)
    light = next(light for light in lamps if light.get_state() == GREEN)
    light.set_state(RED)
    run(world, 0.05)
    assert light.get_state() == RED
    run(world, 8.95)  # 10 s: its controller goes on to yellow
    assert light.get_state() == YELLOW


def test_a_state_is_set_in_a_batch() -> None:
    """Command 21, which the wheel knows but does not offer to Python."""
    simulation = Simulation({"grid": read_map("grid")}, "grid", parts=[Lights])
    light = next(actor for actor in simulation.world.actors.values() if isinstance(actor, TrafficLight))
    light.show(0)
    commands = [[[21, [light.id, 2]]], [[21, [99999, 2]]]]
    ((set_one,), (refused,)) = table()["apply_batch"](simulation, [commands, False])
    assert set_one == [1, light.id]
    assert refused[0] == 0
    assert light.state == 2


def test_times_are_those_of_the_controller(world: carla.World, lamps: Lamps) -> None:
    run(world, 0.05)
    light = next(light for light in lamps if light.get_state() == GREEN)
    light.set_green_time(2.0)
    light.set_yellow_time(1.0)
    light.set_red_time(0.5)
    run(world, 1.9)
    assert (light.get_green_time(), light.get_yellow_time(), light.get_red_time()) == (2.0, 1.0, 0.5)
    assert light.get_state() == GREEN
    run(world, 0.05)  # 2 s
    assert light.get_state() == YELLOW
    run(world, 1.0)
    assert set(states(lamps)) == {RED}
    run(world, 0.5)
    assert light.get_state() == RED
    assert GREEN in states(lamps)


def test_a_group_is_reset(world: carla.World, lamps: Lamps) -> None:
    run(world, 16.0)
    first = states(lamps)
    lamps[0].reset_group()
    run(world, 0.05)
    assert states(lamps) == [GREEN if state == RED else RED for state in first]
    assert lamps[0].get_elapsed_time() == pytest.approx(0.05)


def test_a_vehicle_hears_of_the_light_it_stands_at(world: carla.World, lamps: Lamps) -> None:
    world.freeze_all_traffic_lights(True)
    light = lamps[0]
    light.set_state(RED)
    stop = light.get_stop_waypoints()[0]
    car = world.spawn_actor(
        world.get_blueprint_library().find("vehicle.tesla.model3"), stop.previous(20.0)[0].transform
    )
    run(world, 0.1)
    assert not car.is_at_traffic_light()
    car.set_transform(stop.transform)
    run(world, 0.1)
    assert car.is_at_traffic_light()
    assert car.get_traffic_light_state() == RED
    assert car.get_traffic_light().id == light.id
    limit = car.get_speed_limit()
    light.set_state(YELLOW)
    run(world, 0.05)
    assert car.get_traffic_light_state() == YELLOW
    light.set_state(GREEN)  # which holds nobody
    run(world, 0.05)
    assert (car.is_at_traffic_light(), car.get_traffic_light_state()) == (False, GREEN)
    light.set_state(RED)
    run(world, 0.05)
    assert car.is_at_traffic_light()
    car.set_transform(stop.next(12.0)[0].transform)  # in the junction
    run(world, 0.1)
    assert (car.is_at_traffic_light(), car.get_speed_limit()) == (False, limit)
    assert car.destroy()
    light.set_state(YELLOW)  # nobody to be told
    run(world, 0.05)


def test_a_map_without_signals_has_no_lights(client: carla.Client) -> None:
    assert not client.load_world("crossing").get_actors().filter("traffic.*")


@pytest.mark.parametrize(
    ("kind", "value", "name"),
    [("206", -1, "traffic.stop"), ("205", -1, "traffic.yield"), ("274", 30, "traffic.speed_limit.30")],
)
def test_signs_are_actors(client: carla.Client, kind: str, value: int, name: str) -> None:
    sign = f"""<signals><signal name="s" id="77" s="0.5" t="6" zOffset="2" hOffset="0" roll="0" pitch="0"
        orientation="-" dynamic="no" country="OpenDRIVE" type="{kind}" subtype="-1" value="{value}" unit="km/h"
        height="0.6" width="0.6">
        <validity fromLane="1" toLane="1"/></signal></signals></road>"""
    world = client.generate_opendrive_world(read_map("crossing").replace("</road>", sign, 1))
    (actor,) = world.get_actors().filter("traffic.*")
    assert actor.type_id == name
    (mark,) = world.get_map().get_all_landmarks()
    assert world.get_traffic_sign(mark).id == actor.id
    box, turn = actor.trigger_volume, actor.get_transform()
    middle = turn.transform(box.location)
    lane = world.get_map().get_waypoint(middle)
    assert (lane.road_id, lane.lane_id) == (mark.road_id, 1)
    assert middle.distance(lane.transform.location) == pytest.approx(box.location.z, abs=0.1)  # over the lane
    assert box.extent.x == pytest.approx(lane.lane_width / 2)
