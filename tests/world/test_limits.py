"""Speed limits of the map, told to the vehicles that are there."""

import carla
import pytest

from laco.scenarios.server.limits import UNSAID, RoadLimits, SpeedLimits
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.roads import Roads
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.vehicle import Vehicle

TYPES = '<type s="0" type="town"><speed max="60" unit="km/h"/></type>'
LATER = '<type s="50" type="rural"><speed max="20" unit="m/s"/></type>'


def street(types: str = "", lane: str = "") -> str:
    """100 m along +x, one lane 3.5 m wide on its right, y from 0 to 3.5 m."""
    return f"""<OpenDRIVE><header revMajor="1" revMinor="4"/><road id="7" length="100" junction="-1">{types}<planView>
        <geometry s="0" x="0" y="0" hdg="0" length="100"><line/></geometry></planView><lanes><laneSection s="0">
        <center><lane id="0" type="none"/></center><right><lane id="-1" type="driving">
        <width sOffset="0" a="3.5" b="0" c="0" d="0"/>{lane}</lane></right></laneSection></lanes></road></OpenDRIVE>"""


def at(text: str, x: float, y: float = 1.75) -> float | None:
    return RoadLimits(Roads(text, "street")).at(x, y, 0.0)


@pytest.mark.parametrize(
    ("types", "lane", "x", "limit"),
    [
        (TYPES, "", 20.0, 60.0),
        (TYPES + LATER, "", 20.0, 60.0),
        (TYPES + LATER, "", 80.0, 72.0),  # 20 m/s
        (TYPES, '<speed sOffset="30" max="30" unit="mph"/>', 20.0, 60.0),
        (TYPES, '<speed sOffset="30" max="30" unit="mph"/>', 40.0, 30 * 1.609344),
        ('<type s="0" type="motorway"><speed max="no limit"/></type>', "", 20.0, UNSAID),
        ('<type s="nonsense" type="town"><speed max="10" unit="furlongs"/></type>', "", 20.0, UNSAID),
        ("", "", 20.0, UNSAID),
    ],
)
def test_lane_before_road_before_what_nobody_said(types: str, lane: str, x: float, limit: float) -> None:
    assert at(street(types, lane), x) == pytest.approx(limit)


def test_beside_the_lanes_nothing_is_said() -> None:
    assert at(street(TYPES), 20.0, y=-30.0) is None


def test_a_car_hears_of_a_new_limit_soon_and_keeps_it_off_the_road() -> None:
    sim = Simulation({"street": street(TYPES + LATER)}, "street", parts=[SpeedLimits])
    car = sim.world.spawn("vehicle.tesla.model3", Pose(40.0, 1.75))
    assert isinstance(car, Vehicle)
    car.set_velocity(20.0, 0.0)
    changed = None
    for _ in range(20):
        sim.tick()
        if changed is None and car.speed_limit == 72.0:
            changed = car.x
    assert changed is not None
    assert 50.0 <= changed <= 50.0 + 20.0 * 0.2 + 2.0  # what it drives between two looks, and a square
    sim.world.teleport(car.id, Pose(40.0, -40.0))
    for _ in range(5):
        sim.tick()
    assert car.speed_limit == 72.0


def test_clients_read_the_limit(world: carla.World) -> None:
    point = world.get_map().get_spawn_points()[0]
    car = world.spawn_actor(world.get_blueprint_library().find("vehicle.tesla.model3"), point)
    world.tick()
    assert car.get_speed_limit() == 50.0
