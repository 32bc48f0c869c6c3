"""The map `crossing` as the real CARLA client reads it, and reading maps; the other maps: `test_shipped_maps.py`."""

import itertools
import math
from importlib import resources
from pathlib import Path

import carla
import pytest

from laco.errors import ScenarioError
from laco.scenarios.maps import crossing as make
from laco.scenarios.maps import net_of, read_map

MAP = carla.Map("crossing", read_map("crossing"))
# Where the lane centres enter the junction in CARLA's frame (x east, y south), and the heading [deg].
ENTRIES = {"south": (1.75, 8, -90), "east": (8, -1.75, 180), "north": (-1.75, -8, 90), "west": (-8, 1.75, 0)}
LANES = [(1.75, "Driving", 3.5), (4.75, "Parking", 2.5), (7.0, "Sidewalk", 2.0)]
STEP = 0.5  # [m]


def turned(a: float, b: float) -> float:
    """Absolute difference of two headings [deg]."""
    return abs((a - b + 180) % 360 - 180)


def waypoint(x: float, y: float, kind: carla.LaneType = carla.LaneType.Driving) -> carla.Waypoint:
    return MAP.get_waypoint(carla.Location(x, y, 0), project_to_road=True, lane_type=kind)


def upstream(arm: str, distance: float) -> carla.Waypoint:
    """The entering lane of an arm, that far before the junction."""
    x, y, yaw = ENTRIES[arm]
    back = math.radians(yaw)
    return waypoint(x - distance * math.cos(back), y - distance * math.sin(back))


def drive(start: carla.Waypoint, length: float, heading: float) -> list[carla.Waypoint]:
    """Follow the lane, where it forks towards `heading` [deg]."""
    chain = [start]
    while len(chain) * STEP < length:
        onward = chain[-1].next(STEP)
        assert onward, f"the lane ends at {chain[-1].transform}"
        chain.append(min(onward, key=lambda one: turned(exit_heading(one), heading)))
    return chain


def exit_heading(point: carla.Waypoint) -> float:
    """Heading with which the junction path of a waypoint ends; its own outside of the junction."""
    last = point.next_until_lane_end(STEP)[-1] if point.is_junction else point
    return float(last.transform.rotation.yaw)


def assert_smooth(chain: list[carla.Waypoint]) -> None:
    for before, after in itertools.pairwise(chain):
        here, there = before.transform, after.transform
        # `next` measures along the reference line; in a bend the lane centre runs inside or outside of it.
        slack = STEP * make.DRIVING / 2 / make.BOX + 0.01
        assert here.location.distance(there.location) == pytest.approx(STEP, abs=slack)
        assert turned(here.rotation.yaw, there.rotation.yaw) < 4.5
        ahead = math.radians(here.rotation.yaw)
        dx, dy = there.location.x - here.location.x, there.location.y - here.location.y
        assert abs(dy * math.cos(ahead) - dx * math.sin(ahead)) < 0.1


def test_the_shipped_file_is_what_the_script_makes() -> None:
    shipped = resources.files("laco.scenarios.maps") / "crossing.xodr"
    assert shipped.read_bytes() == make.crossing().encode()


def test_straight_through_from_south_to_north() -> None:
    chain = drive(upstream("south", 150), 2 * 150 + 2 * make.BOX, heading=-90)
    assert_smooth(chain)
    assert all(abs(point.transform.location.x - 1.75) < 0.01 for point in chain)
    assert all(turned(point.transform.rotation.yaw, -90) < 0.1 for point in chain)
    assert [point.is_junction for point in chain].count(True) == pytest.approx(2 * make.BOX / STEP, abs=1)
    assert chain[-1].transform.location.y == pytest.approx(-157.5, abs=1)


@pytest.mark.parametrize("arm", ENTRIES)
@pytest.mark.parametrize("turn", [-90, 0, 90])
def test_each_approach_has_three_smooth_exits(arm: str, turn: float) -> None:
    start = upstream(arm, 10)
    heading = start.transform.rotation.yaw + turn
    assert turned(start.transform.rotation.yaw, ENTRIES[arm][2]) < 0.1
    assert len(start.next(10 + STEP)) == 3
    chain = drive(start, 40, heading)
    assert_smooth(chain)
    last = chain[-1]
    assert not last.is_junction
    assert last.lane_id == -1
    assert turned(last.transform.rotation.yaw, heading) < 0.1


def test_topology_is_twelve_paths() -> None:
    entering = [(a, b) for a, b in MAP.get_topology() if b.is_junction]
    leaving = [(a, b) for a, b in MAP.get_topology() if a.is_junction]
    assert (len(entering), len(leaving)) == (12, 12)
    for before, after in entering + leaving:
        if before.is_junction:
            before = before.next_until_lane_end(0.1)[-1]
            assert before.transform.location.distance(after.transform.location) < 0.2
    assert waypoint(0, 0).get_junction().id == make.JUNCTION


@pytest.mark.parametrize(("offset", "kind", "width"), LANES)
@pytest.mark.parametrize("arm", ENTRIES)
def test_lanes_of_an_arm(arm: str, offset: float, kind: str, width: float) -> None:
    yaw = math.radians(ENTRIES[arm][2])
    for side in (1, -1):  # the entering and the leaving side, seen 60 m before the centre
        x = -60 * math.cos(yaw) - side * offset * math.sin(yaw)
        y = -60 * math.sin(yaw) + side * offset * math.cos(yaw)
        lane = waypoint(x, y, getattr(carla.LaneType, kind))
        assert lane.transform.location.distance(carla.Location(x, y, 0)) < 0.01
        assert lane.lane_width == pytest.approx(width)
        assert str(lane.lane_type) == kind
        expected = ENTRIES[arm][2] if side == 1 else ENTRIES[arm][2] + 180
        assert turned(lane.transform.rotation.yaw, expected) < 0.1  # traffic keeps to the right


def test_marks_speed_and_projection() -> None:
    lane = upstream("west", 50)
    assert lane.left_lane_marking.type == carla.LaneMarkingType.Broken
    assert lane.right_lane_marking.type == carla.LaneMarkingType.Solid
    assert lane.lane_change == carla.LaneChange.NONE
    assert read_map("crossing").count('<speed max="50" unit="km/h"') == 16
    # 100 m east of the origin on the equator.
    assert MAP.transform_to_geolocation(carla.Location(100, 0, 0)).longitude == pytest.approx(9e-4, rel=0.01)


def test_an_own_file_is_read(tmp_path: Path) -> None:
    own = tmp_path / "own.xodr"
    own.write_text(make.crossing(), encoding="utf-8")
    assert read_map(str(own)) == make.crossing()
    assert net_of(str(own)) is None
    (tmp_path / "own.net.xml").write_text("<net/>", encoding="utf-8")
    assert net_of(str(own)) == tmp_path / "own.net.xml"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "not an OpenDRIVE file"),
        (b"<svg/>", "root element is <svg>"),
        (b"<OpenDRIVE/>", "has no roads"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (None, "cannot read map"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "bad.xodr"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ScenarioError, match=message) as caught:
        read_map(str(path))
    assert "\n" not in str(caught.value)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'crossing'"):
        read_map("crosing")
    with pytest.raises(ScenarioError, match="no map is called 'x'; there is crossing, "):
        read_map("x")
    with pytest.raises(ScenarioError, match="cannot read map"):
        read_map("no\0name.xodr")
