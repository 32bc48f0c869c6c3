"""Every shipped map as the real CARLA client reads it, against its SUMO network."""

import itertools
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import carla
import numpy as np
import pytest
from shapely import LineString, Point, Polygon, union_all

from laco.errors import ScenarioError
from laco.scenarios.maps import available, make, net_of, plain, read_map
from laco.scenarios.maps.network import Network, read_network
from laco.scenarios.server.roads import Roads
from laco.scenarios.server.soundness import complaints, mend

LAID_OUT = {  # ways through junctions, lights, controllers, yield signs, stop signs, crosswalks
    "crossing": (12, 0, 0, 0, 0, 0),
    "grid": (9 * 16, 36, 18, 0, 0, 36),
    "t_junction": (6, 0, 0, 0, 1, 2),
    "roundabout": (12, 0, 0, 4, 0, 0),
    "highway": (5, 0, 0, 1, 0, 0),
    "narrow_street": (2, 0, 0, 1, 0, 0),
    "straight": (34, 0, 0, 0, 0, 0),
    "curve": (0, 0, 0, 0, 0, 0),
    "hill": (0, 0, 0, 0, 0, 0),
}
NETS = [name for name in LAID_OUT if name != "hill"]
KINDS = {
    "driving": carla.LaneType.Driving,
    "sidewalk": carla.LaneType.Sidewalk,
    "parking": carla.LaneType.Parking,
}
AGREE = 0.04  # [m] between the lane centres of a map and of its network


@cache
def roads(name: str) -> Roads:
    return Roads(read_map(name), name)


@cache
def network(name: str) -> Network:
    path = net_of(name)
    assert path is not None
    return read_network(path)


def test_what_is_shipped() -> None:
    assert set(available()) == set(LAID_OUT) == set(make.NAMES)
    assert [name for name in available() if net_of(name) is None] == ["hill"]


@pytest.mark.parametrize("name", LAID_OUT)
def test_the_client_reads_it_without_a_word(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    road_map = carla.Map(name, read_map(name))
    assert road_map.get_topology()
    assert capfd.readouterr() == ("", "")
    root = ET.fromstring(read_map(name))
    assert not list(complaints(root))
    assert not mend(root)


@pytest.mark.parametrize("name", LAID_OUT)
def test_its_parts_are_as_many_as_they_should_be(name: str) -> None:
    road_map = roads(name).map
    root = ET.fromstring(read_map(name))
    ways = sum(a.is_junction for a, _ in road_map.get_topology())
    signs = [len(road_map.get_all_landmarks_of_type(kind)) for kind in ("1000001", "205", "206")]
    corners = road_map.get_crosswalks()
    controllers = root.findall("controller")
    assert (ways, signs[0], len(controllers), *signs[1:], len(corners) / 5) == LAID_OUT[name]
    for controller in controllers:  # each of one junction, which has two
        assert len(root.findall(f"junction/controller[@id='{controller.get('id')}']")) == 1
        assert len(controller) == 2


@pytest.mark.parametrize("name", LAID_OUT)
def test_cars_can_start_on_driving_lanes(name: str) -> None:
    here = roads(name)
    assert len(here.spawn_points) >= 10
    for point in here.spawn_points:
        lane = here.map.get_waypoint(carla.Location(point.x, point.y, 0.0), project_to_road=False)
        assert lane is not None
        assert not lane.is_junction
        assert abs(math.remainder(lane.transform.rotation.yaw - point.yaw, 360.0)) < 0.1
        assert point.z == pytest.approx(lane.transform.location.z + 0.5, abs=0.01)


Key = tuple[int, int]


def lanes(name: str) -> dict[Key, set[Key]]:
    """Driving lanes (of all maps, roads have one section) and those a car may be on next, after a lane change, too."""
    onward: dict[Key, set[Key]] = {}
    for waypoint in roads(name).map.generate_waypoints(5.0):
        found = onward.setdefault((waypoint.road_id, waypoint.lane_id), set())
        sides = [
            side
            for side, allowed in (
                (waypoint.get_left_lane(), carla.LaneChange.Left),
                (waypoint.get_right_lane(), carla.LaneChange.Right),
            )
            if waypoint.lane_change & allowed and side and side.lane_type == carla.LaneType.Driving
        ]
        for other in (*waypoint.next(5.5), *sides):
            found.add((other.road_id, other.lane_id))
    return onward


def leaves_the_map(name: str, road: int, lane: int) -> bool:
    side = "successor" if lane < 0 else "predecessor"
    return ET.fromstring(read_map(name)).find(f"road[@id='{road}']/link/{side}") is None


@pytest.mark.parametrize("name", LAID_OUT)
def test_no_lane_is_a_trap(name: str) -> None:
    """From every lane one reaches an end of the map or, on one without ends, the first lane; ways through junctions go
    on."""
    onward = lanes(name)
    inside = {(w.road_id, w.lane_id) for w in roads(name).map.generate_waypoints(5.0) if w.is_junction}
    assert all(onward[key] - {key} for key in inside)
    ends = {key for key in onward if leaves_the_map(name, *key)} or {min(onward)}
    before: dict[Key, set[Key]] = {key: set() for key in onward}
    for key, others in onward.items():
        for other in others:
            before[other].add(key)
    reached, open_ = set(ends), list(ends)
    while open_:
        for key in before[open_.pop()] - reached:
            reached.add(key)
            open_.append(key)
    assert reached == set(onward)


def along(name: str, road: int, lane: int) -> list[tuple[float, float]]:
    """The centre of an OpenDRIVE lane, in SUMO's coordinates."""
    here = roads(name).map
    length = float(road_lengths(name)[road])
    found = []
    for s in np.linspace(0.001, length - 0.001, max(20, round(length / 5.0))):
        where = here.get_waypoint_xodr(road, lane, float(s)).transform.location
        found.append((where.x, -where.y))
    return found


@cache
def road_lengths(name: str) -> dict[int, float]:
    return {
        int(road.attrib["id"]): float(road.attrib["length"])
        for road in ET.fromstring(read_map(name)).iter("road")
    }


@pytest.mark.parametrize("name", NETS)
def test_lanes_agree_with_the_network(name: str) -> None:
    """To 4 cm. The hard shoulder that tapers off before the ramp is the one thing SUMO cannot say."""
    here, net = roads(name).map, network(name)
    for lane in (lane for edge in net.edges.values() for lane in edge.lanes if lane.kind in KINDS):
        for x, y in lane.shape:
            there = here.get_waypoint(carla.Location(x, -y, 0.0), True, KINDS[lane.kind]).transform.location
            assert (
                math.hypot(there.x - x, -there.y - y) < 0.15
            )  # the client's search along curves is not exact
        middle = (lane.shape[0] + lane.shape[1]) / 2
        found = here.get_waypoint(carla.Location(middle[0], -middle[1], 0.0), True, KINDS[lane.kind])
        line = LineString(lane.shape)
        far = [line.distance(Point(*point)) for point in along(name, found.road_id, found.lane_id)]
        assert max(far) < AGREE
        assert found.lane_width == pytest.approx(lane.width)


@pytest.mark.parametrize("name", NETS)
def test_ways_through_junctions_agree_with_the_network(name: str) -> None:
    links = [LineString(link.shape) for link in network(name).links]
    ways = [a for a, _ in roads(name).map.get_topology() if a.is_junction]
    left = list(links)
    for way in ways:
        line = along(name, way.road_id, way.lane_id)
        distances = [max(link.distance(Point(*point)) for point in line) for link in left]
        assert min(distances) < AGREE
        left.pop(int(np.argmin(distances)))
    assert not left


def obstacles(name: str) -> Iterator[tuple[int, Polygon]]:
    for thing in roads(name).things:
        c, s = math.cos(math.radians(thing.yaw)), math.sin(math.radians(thing.yaw))
        (u, v, _), half = thing.extent, ((1, 1), (-1, 1), (-1, -1), (1, -1))
        corners = [(thing.x + a * u * c - b * v * s, thing.y + a * u * s + b * v * c) for a, b in half]
        yield thing.label, Polygon(corners)


def test_nothing_stands_on_a_lane() -> None:
    """Cars on parking strips apart, which stand on nothing else."""
    for name in LAID_OUT:
        strips: list[Polygon] = []
        for waypoint in waypoints_of_all_lanes(name):
            where, half = waypoint.transform.location, waypoint.lane_width / 2
            yaw = math.radians(waypoint.transform.rotation.yaw)
            across = (-math.sin(yaw) * half, math.cos(yaw) * half)
            side = [(where.x + sign * across[0], where.y + sign * across[1]) for sign in (-1, 1)]
            if waypoint.lane_type != carla.LaneType.Parking:
                strips.append(LineString(side).buffer(0.25, cap_style="flat"))
        ground = union_all(strips)
        shapes = list(obstacles(name))
        assert not any(shape.intersects(ground) for _, shape in shapes), name
        assert not any(a.intersects(b) for (_, a), (_, b) in itertools.combinations(shapes, 2)), name


def waypoints_of_all_lanes(name: str) -> Iterator[carla.Waypoint]:
    here = roads(name).map
    for road in ET.fromstring(read_map(name)).iter("road"):
        ids = [
            int(lane.attrib["id"])
            for lane in road.iterfind("lanes/laneSection/*/lane")
            if lane.get("id") != "0"
        ]
        for s in np.arange(0.25, float(road.attrib["length"]), 1.5):
            yield from (here.get_waypoint_xodr(int(road.attrib["id"]), id, float(s)) for id in ids)


def test_houses_hide_what_comes_from_the_side() -> None:
    """Corner houses stand between two cars 30 m before a junction of the grid, on most corners."""
    houses = union_all([shape for label, shape in obstacles("grid") if label == 3])
    hidden = 0
    for x, y in itertools.product((100.0, 220.0, 340.0), (-100.0, -220.0, -340.0)):
        for a, b in itertools.product((-1, 1), (-1, 1)):
            hidden += LineString([(x + 30 * a, y), (x, y + 30 * b)]).intersects(houses)
    assert hidden >= 30  # of 36


def test_lights_of_the_grid_name_their_links() -> None:
    net = network("grid")
    signals = list(ET.fromstring(read_map("grid")).iter("signal"))
    assert len(signals) == LAID_OUT["grid"][1]
    for signal in signals:
        note = signal.find("userData[@code='sumo']")
        assert note is not None
        light, _, indices = note.attrib["value"].partition(":")
        mine = [
            link for link in net.links if link.light == light and link.index in map(int, indices.split(","))
        ]
        assert {link.direction for link in mine} == {"r", "s", "l"}
        assert len(mine) == 4
        assert len({link.source for link in mine}) == 1
    heard = [w.get_landmarks_of_type(100.0, "1000001") for w in lanes_towards_the_middle()]
    assert [len(found) for found in heard] == [1, 1]
    assert all(abs(math.remainder(f[0].transform.rotation.yaw, 360.0)) < 0.1 for f in heard)


def lanes_towards_the_middle() -> list[carla.Waypoint]:
    """Both lanes of the eastbound approach to the middle junction, 60 m before it."""
    here = roads("grid").map
    return [here.get_waypoint(carla.Location(160.0, -220.0 + side, 0.0)) for side in (1.6, 4.8)]


def test_limits_marks_and_shoulder_of_the_highway() -> None:
    here = roads("highway").map
    left, right = (here.get_waypoint(carla.Location(-400.0, 4.0 + side, 0.0)) for side in (1.875, 5.625))
    assert (left.lane_width, left.transform.rotation.yaw) == pytest.approx((3.75, 0.0))
    assert left.left_lane_marking.type == right.right_lane_marking.type == carla.LaneMarkingType.Solid
    assert left.lane_change == carla.LaneChange.Right
    assert right.lane_change == carla.LaneChange.Left
    assert right.get_right_lane().lane_type == carla.LaneType.Shoulder
    assert ET.fromstring(read_map("highway")).find("road/type/speed").attrib == {"max": "120", "unit": "km/h"}  # type: ignore[union-attr]


def test_two_cars_cannot_pass_in_the_narrow_street() -> None:
    parked = [thing for thing in roads("narrow_street").things if thing.label == 14]
    gap = min(t.y - t.extent[1] for t in parked if t.y > 0) - max(
        t.y + t.extent[1] for t in parked if t.y < 0
    )
    assert len(parked) == 10
    assert 3.0 < gap < 2 * 1.85  # the narrowest car of the field's is wider than 1.8 m


def test_the_hill_climbs_at_six_per_cent() -> None:
    here = roads("hill")
    heights = [here.ground(x, 1.75) for x in (50.0, 150.0, 250.0, 350.0)]
    assert heights == pytest.approx([0.0, 0.6 + 0.06 * 30.0, 0.6 + 0.06 * 130.0, 0.06 * 180.0], abs=0.01)
    assert here.map.get_waypoint(carla.Location(200.0, 1.75, 0.0)).transform.rotation.pitch == pytest.approx(
        math.degrees(math.atan(0.06)), abs=0.01
    )


@pytest.mark.parametrize("name", LAID_OUT)
def test_the_script_makes_the_same_bytes(name: str) -> None:
    pytest.importorskip("sumo", reason="needs the extra [maps]")
    folder = Path(make.__file__).parent
    for file, text in make.make(name).items():
        assert (folder / file).read_bytes() == text.encode(), file


def test_without_sumos_tools_the_reason_is_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sumo", None)
    with pytest.raises(ScenarioError, match=r"pip install 'laco-driving\[maps\]'"):
        plain.netgenerate("--grid")
    assert make.main(["grid"]) == 2


def test_nets_tell_neither_dates_nor_places() -> None:
    for name in NETS:
        path = net_of(name)
        assert path is not None
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("<!--", "/tmp", "/home", "20:", "Configuration"))
