"""Speed limits from the document, and who is told them."""

from xml.etree import ElementTree

import pytest

from laco.scenarios.maps import read_map
from laco.scenarios.server.limits import SpeedLimits, limits
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.vehicle import Vehicle

ROADS = """<OpenDRIVE><road id="1">
  <type s="0" type="town"><speed max="30" unit="mph"/></type>
  <type s="40" type="town"><speed max="20" unit="m/s"/></type>
  <lanes><laneSection s="0"><right><lane id="-1"><speed sOffset="10" max="70" unit="km/h"/></lane></right>
  </laneSection></lanes>
  </road><road id="2"><type s="0" type="town"><speed max="no limit"/></type></road></OpenDRIVE>"""


def test_limits_of_a_document() -> None:
    roads, lanes = limits(ElementTree.fromstring(ROADS))
    assert roads[1].at(10.0) == pytest.approx(48.28032)
    assert roads[1].at(40.0) == pytest.approx(72.0)
    assert lanes[1, -1].at(50.0) == 70.0
    assert 2 not in roads


def test_a_vehicle_hears_the_limit_where_it_drives() -> None:
    slow = read_map("crossing").replace('max="50"', 'max="30"', 4)  # the road and both lanes of the first arms
    simulation = Simulation({"m": slow}, "m", parts=[SpeedLimits])
    world = simulation.world
    car = world.spawn("vehicle.tesla.model3", Pose(1.75, 100.0, 0.0, 0.0, -90.0))
    assert isinstance(car, Vehicle)
    simulation.tick()
    assert car.speed_limit == 30.0
    world.teleport(car.id, Pose(1.75, -100.0, 0.0, 0.0, -90.0))
    simulation.tick()
    assert car.speed_limit == 50.0


def test_one_limit_everywhere_is_told_on_arrival() -> None:
    everywhere = read_map("crossing").replace('max="50"', 'max="40"')
    simulation = Simulation({"m": everywhere}, "m", parts=[SpeedLimits])
    car = simulation.world.spawn("vehicle.tesla.model3", Pose(1.75, 100.0))
    assert isinstance(car, Vehicle)
    simulation.tick()
    assert car.speed_limit == 40.0
