"""What the server makes of an OpenDRIVE document: spawn points, objects, heights."""

import itertools
import math

import pytest

from laco.errors import ScenarioError
from laco.geometry import overlap
from laco.scenarios.maps import read_map
from laco.scenarios.server import opendrive
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.roads import Roads
from laco.scenarios.server.vehicle import Control, Vehicle
from laco.scenarios.server.world import World

CROSSING = Roads(read_map("crossing"), "crossing")


def test_spawn_points_are_many_apart_and_the_same_every_time() -> None:
    points = CROSSING.spawn_points
    assert len(points) >= 10
    assert Roads(read_map("crossing"), "crossing").spawn_points == points
    boxes = [(p.x, p.y, math.radians(p.yaw), 4.3, 1.5) for p in points]  # a truck on each
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    assert all(p.z == 0.5 for p in points)
    assert not any(CROSSING.map.get_waypoint(location(p)).is_junction for p in points)


def location(pose: Pose):  # type: ignore[no-untyped-def]
    import carla

    return carla.Location(pose.x, pose.y, pose.z)


def test_the_first_spawn_point_has_a_long_straight_way_to_itself() -> None:
    first, *others = CROSSING.spawn_points
    waypoint = CROSSING.map.get_waypoint(location(first))
    for metres in range(5, 121, 5):
        ahead = waypoint.next(float(metres))
        straight = [
            w for w in ahead if abs(math.remainder(w.transform.rotation.yaw - first.yaw, 360.0)) < 1.0
        ]
        assert straight
    c, s = math.cos(math.radians(first.yaw)), math.sin(math.radians(first.yaw))
    for other in others:
        dx, dy = other.x - first.x, other.y - first.y
        forward, aside = dx * c + dy * s, dy * c - dx * s
        assert not (forward > 0 and abs(aside) < 1.75)


def test_the_second_spawn_point_has_room_behind_it_on_its_lane() -> None:
    waypoint = CROSSING.map.get_waypoint(location(CROSSING.spawn_points[1]))
    (behind,) = waypoint.previous(15.0)
    assert (behind.road_id, behind.lane_id) == (waypoint.road_id, waypoint.lane_id)


def test_objects_become_boxes_in_carlas_frame() -> None:
    text = """<OpenDRIVE><road id="1" length="100"><planView>
        <geometry s="0" x="10" y="20" hdg="0" length="50"><line/></geometry>
        <geometry s="50" x="60" y="20" hdg="0" length="50"><arc curvature="0.02"/></geometry>
        </planView>
        <elevationProfile><elevation s="0" a="1" b="0.1" c="0" d="0"/></elevationProfile>
        <objects><object type="building" name="a" s="10" t="8" zOffset="0.5" hdg="0.5" length="4" width="2"
        height="6"/>
        <object type="none" name="tree_3" s="100" t="0" radius="0.4" height="5"/>
        <object type="crosswalk" name="zebra" s="20" t="0" length="3" width="3"/></objects></road>
        </OpenDRIVE>"""
    root = opendrive.parse(text)
    house, tree = opendrive.things(root)
    assert house[:3] == pytest.approx((20.0, -28.0, 1.0 + 1.0 + 0.5 + 3.0))
    assert house.extent == (2.0, 1.0, 3.0)
    assert (house.yaw, house.label) == (pytest.approx(-math.degrees(0.5)), 3)
    # 50 m along a circle of 50 m radius is one radian
    assert tree[:2] == pytest.approx((60 + 50 * math.sin(1.0), -(20 + 50 * (1 - math.cos(1.0)))))
    assert (tree.extent[0], tree.label) == (0.4, 9)
    assert not opendrive.is_level(root)


def test_curves_agree_with_the_client_library() -> None:
    """A spiral and cubic curves, against carla.Map's own reading of the same road."""
    import carla

    template = """<OpenDRIVE><header revMajor="1" revMinor="4"/>
        <road id="1" length="40" junction="-1"><planView>
        <geometry s="0" x="0" y="0" hdg="0.3" length="40">{}</geometry></planView><lanes><laneSection s="0">
        <center><lane id="0" type="none"/></center><right><lane id="-1" type="driving">
        <width sOffset="0" a="0.001" b="0" c="0" d="0"/></lane></right></laneSection></lanes></road>
        </OpenDRIVE>"""
    shapes = ('<arc curvature="0.03"/>', '<spiral curvStart="0.0" curvEnd="0.05"/>')
    for shape in shapes:
        text = template.format(shape)
        road = opendrive.parse(text).find("road")
        assert road is not None
        where = carla.Map("curve", text).get_waypoint_xodr(1, -1, 30.0).transform
        x, y, heading = opendrive.place(road, 30.0)
        assert (x, -y) == pytest.approx((where.location.x, where.location.y), abs=0.02)
        assert -math.degrees(heading) == pytest.approx(math.remainder(where.rotation.yaw, 360.0), abs=0.2)


def slope(grade: float) -> World:
    """A straight road along +x that climbs."""
    profile = '<elevation s="0" a="0" b="{}" c="0" d="0"/>'
    flat = """<OpenDRIVE><header revMajor="1" revMinor="4"/>
        <road id="1" length="100" junction="-1"><planView>
        <geometry s="0" x="0" y="0" hdg="0" length="100"><line/></geometry></planView><elevationProfile>
        """
    rest = """</elevationProfile><lanes><laneSection s="0">
        <center><lane id="0" type="none"/></center><right><lane id="-1" type="driving">
        <width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes></road>
        </OpenDRIVE>"""
    return World(flat + profile.format(grade) + rest)


def test_cars_stand_on_a_slope() -> None:
    world = slope(0.1)
    car = world.spawn("vehicle.tesla.model3", Pose(50.0, 1.75, 5.5))
    assert isinstance(car, Vehicle)
    car.apply(Control(hand_brake=True))
    for _ in range(20):
        world.step(0.05)
    assert (car.x, car.z) == pytest.approx((50.0, 5.0), abs=0.01)
    assert car.pitch == pytest.approx(math.degrees(math.atan(0.1)), abs=0.01)
    assert car.roll == pytest.approx(0.0, abs=0.01)


def test_a_car_rolls_down_a_slope_and_climbs_it() -> None:
    world = slope(0.1)
    down, up = (world.spawn("vehicle.tesla.model3", Pose(x, 1.75)) for x in (50.0, 20.0))
    assert isinstance(down, Vehicle)
    assert isinstance(up, Vehicle)
    up.apply(Control(throttle=1.0))
    for _ in range(20):
        world.step(0.05)
    along = 9.81 * math.sin(math.atan(0.1))
    assert math.hypot(down.vx, down.vz) == pytest.approx(along - 0.15, abs=0.02)  # for 1 s, less rolling resistance
    assert down.vx < 0.0
    assert up.vx == pytest.approx(5.0 - along - 0.15, abs=0.02)
    assert up.z == pytest.approx(0.1 * up.x, abs=0.01)


@pytest.mark.parametrize("text", ["", "nonsense", "<OpenDRIVE/>"])
def test_what_is_no_map_is_refused(text: str) -> None:
    with pytest.raises(ScenarioError):
        Roads(text, "bad")


def bridge() -> World:
    """Two straight roads that cross at (50, 0): one along +x at height 0, one along y 6 m above it."""
    lanes = """<lanes><laneSection s="0"><center><lane id="0" type="none"/></center><right>
        <lane id="-1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right>
        </laneSection></lanes>"""
    low = '<geometry s="0" x="0" y="1.75" hdg="0" length="100"><line/></geometry>'
    high = '<geometry s="0" x="48.25" y="-50" hdg="1.5707963" length="100"><line/></geometry>'
    roads = [
        f"""<road id="{i}" length="100" junction="-1"><planView>{line}</planView><elevationProfile>
        <elevation s="0" a="{z}" b="0" c="0" d="0"/></elevationProfile>{lanes}</road>"""
        for i, line, z in ((1, low, 0), (2, high, 6))
    ]
    return World(f'<OpenDRIVE><header revMajor="1" revMinor="4"/>{"".join(roads)}</OpenDRIVE>')


def test_a_car_stays_on_its_bridge_and_another_below_it() -> None:
    world = bridge()
    below, above = world.spawn("vehicle.tesla.model3", Pose(30.0, 0.0)), None
    above = world.spawn("vehicle.tesla.model3", Pose(50.0, 20.0, 6.5, 0.0, -90.0))
    assert isinstance(below, Vehicle)
    assert isinstance(above, Vehicle)
    below.set_velocity(20.0, 0.0)
    above.set_velocity(0.0, -20.0)
    for tick in range(40):
        world.step(0.05)
        assert below.z == pytest.approx(0.0, abs=1e-3)
        assert world.contacts == []
        if tick > 8:  # it was put half a metre above the road
            assert above.z == pytest.approx(6.0, abs=1e-3)
    assert below.x > 60.0
    assert above.y < -10.0


def test_height_between_whole_metres_is_the_roads() -> None:
    world = slope(0.1)
    for x in (10.0, 10.3, 47.77):
        assert world.roads.ground(x, 1.75) == pytest.approx(0.1 * x, abs=1e-4)
