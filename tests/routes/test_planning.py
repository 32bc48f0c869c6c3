"""Waypoints become routes along lane centres, on maps of every kind that we ship."""

import math
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import carla
import numpy as np
import pytest

from laco.errors import ScenarioError
from laco.scenarios.maps import available, read_map
from laco.scenarios.routes.courses import Grounds, courses
from laco.scenarios.routes.ground import Ground, of_file
from laco.scenarios.routes.layouts import layout, ways
from laco.scenarios.routes.planning import Way, plan
from laco.scenarios.routes.reading import Task, Via

from .conftest import task

Points = list[tuple[float, ...]]


@cache
def ground(name: str) -> Ground:
    return of_file(name)


def way(name: str, points: Points) -> Way:
    vias = [Via(p[0], p[1], 0.0, p[2] if len(p) > 2 else None) for p in points]
    return plan(ground(name).graph, vias, "own.xml: route 0", name)


def off_centre(name: str, planned: Way) -> float:
    """The most that a point lies beside the middle of a lane [m]."""
    road_map = ground(name).roads.map
    places = [carla.Location(*map(float, p)) for p in planned.points]
    return max(place.distance(road_map.get_waypoint(place).transform.location) for place in places)


def headings(planned: Way) -> np.ndarray:
    steps = np.diff(planned.points[:, :2], axis=0)
    return np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))


ROUTES: dict[str, tuple[str, Points, float]] = {
    "straight on": ("t_junction", [(140.0, -1.6), (-140.0, -1.6)], 280.0),
    "to the right, out of the side road": ("t_junction", [(1.6, 100.0), (100.0, 1.6)], 193.2),
    "three quarters round": ("roundabout", [(150.0, -1.6), (-1.6, 150.0)], 347.4),
    "a junction's turn, with lanes to choose": ("grid", [(20.0, -98.4), (101.6, -180.0)], 158.6),
    "a bend": ("highway", [(-329.0, 91.6), (-101.0, 16.0)], 0.0),
}


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_keeps_to_the_middle_of_its_lanes(name: str) -> None:
    where, points, length = ROUTES[name]
    planned = way(where, points)
    assert off_centre(where, planned) < 0.35
    assert np.abs(np.diff(headings(planned))).max() < math.radians(20)
    assert np.hypot(*np.diff(planned.points[:, :2], axis=0).T).max() < 4.0
    if length:
        assert planned.length == pytest.approx(length, abs=0.5)
    for at, (x, y) in ((0, points[0][:2]), (-1, points[-1][:2])):
        assert np.hypot(*(planned.points[at, :2] - (x, y))) < 0.2


def test_points_beside_a_lane_are_taken_to_it() -> None:
    exact = way("roundabout", [(150.0, -1.6), (-150.0, -1.6)])
    drawn = way("roundabout", [(150.3, -0.3), (60.0, -4.5), (-149.8, -2.7)])
    assert drawn.length == pytest.approx(exact.length, abs=0.6)
    assert off_centre("roundabout", drawn) < 0.35


def test_a_point_nearer_to_the_oncoming_lane_does_not_send_it_round() -> None:
    """0.2 m over the middle line, on the way that the other point tells."""
    planned = way("roundabout", [(150.0, 0.2), (60.0, 0.1)])
    assert planned.length == pytest.approx(90.0, abs=0.5)
    assert planned.points[:, 1] == pytest.approx(-1.6, abs=0.01)


def test_a_point_that_lies_a_little_back_is_no_reason_to_go_round() -> None:
    planned = way("t_junction", [(1.6, 100.0), (1.6, 102.5), (1.6, 50.0)])
    assert planned.length == pytest.approx(50.0, abs=0.1)


def test_headings_choose_between_lanes_of_a_junction() -> None:
    """Both ways through the junction's middle pass this point."""
    for yaw, end in ((180.0, (-100.0, -1.6)), (90.0, (-1.6, 100.0))):
        planned = way("t_junction", [(100.0, -1.6, 180.0), (8.0, -1.6, yaw), (*end, yaw)])
        assert np.hypot(*(planned.points[-1, :2] - end)) < 0.2


@pytest.mark.parametrize(("start", "end"), [(-101.6, -104.8), (-104.8, -101.6)])
def test_a_lane_change_is_a_long_s(start: float, end: float) -> None:
    planned = way("grid", [(200.0, start), (120.0, end)])
    side = planned.points[:, 1]
    assert planned.length == pytest.approx(80.2, abs=0.1)
    assert np.all(np.diff(side) * np.sign(end - start) >= -1e-9)
    assert np.abs(np.diff(headings(planned))).max() < math.radians(4)
    assert np.count_nonzero(np.abs(side - (start + end) / 2) < 1.5) > 8  # nodes of 2 m between the lanes


def test_a_lane_that_ends_is_left_in_time() -> None:
    planned = way("highway", [(-329.0, 91.6), (500.0, 5.9)])
    assert planned.points[-1, :2] == pytest.approx([500.0, 5.9], abs=0.05)
    ends = np.abs(planned.points[:, 1] - 13.4) < 0.1
    assert planned.points[ends, 0].max() < 153.5  # where the acceleration lane does


@pytest.mark.parametrize("name", available())
def test_every_map_has_lanes_that_lead_on_where_the_client_says_so(name: str) -> None:
    graph = ground(name).graph
    for key in dict.fromkeys(graph.keys):
        last = max(i for i, k in enumerate(graph.keys) if k == key)
        road_map = ground(name).roads.map
        waypoint = road_map.get_waypoint_xodr(key[0], key[2], graph.along[last])
        lanes = {(w.road_id, w.section_id, w.lane_id) for w in waypoint.next(2.1)} - {key}
        assert lanes <= {graph.keys[edge.to] for edge in graph.edges(last)}


BAD = {
    "off the map": ([(1.6, 100.0), (300.0, 100.0)], "waypoint 1 (300.0, 100.0) is 180 m from the nearest lane"),
    "off the road": ([(1.6, 100.0), (40.0, 14.0)], "waypoint 1 (40.0, 14.0) is 12 m from the nearest lane"),
    "backwards": ([(1.6, 50.0), (1.6, 100.0)], "no way leads from waypoint 0 (1.6, 50.0) to waypoint 1 (1.6, 100.0)"),
    "all in one place": ([(1.6, 100.0), (1.6, 99.0)], "its waypoints lie within 5 m; that is no route"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_planned(name: str) -> None:
    points, told = BAD[name]
    with pytest.raises(ScenarioError) as caught:
        way("t_junction", points)
    assert told in str(caught.value)
    assert str(caught.value).startswith("own.xml: route 0")
    assert "\n" not in str(caught.value)


class TestVehicles:
    def test_around_a_single_route_as_in_v2xverse(self) -> None:
        """Ahead, in the lane to the right, behind, in the lane to the left."""
        for lane, beside in ((-98.4, (160.0, -95.2)), (-95.2, (140.0, -98.4))):
            found = ways(task([(150.0, lane), (220.0, lane)], town="grid"), ground("grid"), 4)
            wanted = [(150.0, lane), (162.0, lane), beside, (138.0, lane)]
            if lane == -95.2:
                wanted[2:] = wanted[:1:-1]
            for planned, place in zip(found, wanted, strict=True):
                assert planned.points[0, :2] == pytest.approx(place, abs=1.01)  # between two nodes

    def test_they_all_go_to_the_same_end(self) -> None:
        found = ways(task([(150.0, -98.4), (170.0, -98.4), (300.0, -98.4)]), ground("grid"), 6)
        assert len(found) == 6
        for planned in found:
            assert planned.points[-1, :2] == pytest.approx([300.0, -98.4], abs=0.05)
            assert planned.length < 180.0  # none goes back for a waypoint that it has passed

    def test_no_room(self) -> None:
        with pytest.raises(ScenarioError, match="there is room for 3 vehicles, not 9"):
            ways(task([(1.6, 140.0), (1.6, 100.0)]), ground("t_junction"), 9)

    def test_files_for_each(self) -> None:
        both = task([(1.6, 100.0), (100.0, 1.6)], [(100.0, -1.6), (-100.0, -1.6)])
        assert [ego.name for ego in layout(both, ground("t_junction")).egos] == ["A", "B"]
        assert len(layout(both, ground("t_junction"), 1).egos) == 1
        with pytest.raises(ScenarioError, match="has files for 2 vehicles, not for 3"):
            layout(both, ground("t_junction"), 3)


def test_a_layout_has_the_map_s_speed_limits_and_starts_along_its_lane() -> None:
    made = layout(task([(-329.0, 91.6), (500.0, 5.9)], id="7", town="highway"), ground("highway"), 1)
    (ego,) = made.egos
    assert (made.scenario, made.map, made.limit) == ("route-7", "highway", pytest.approx(120 / 3.6))
    assert ego.placement.yaw == pytest.approx(-29.2, abs=0.1)
    assert ego.limit(0.0, 1.0) <= ego.limit(800.0, 1.0) == pytest.approx(120 / 3.6)


class TestGrounds:
    """Which map a route is driven on."""

    def server(self, name: str) -> Any:
        road_map = carla.Map(name, read_map("t_junction"))
        return SimpleNamespace(world=SimpleNamespace(get_map=lambda: road_map), asking=lambda _: nullcontext())

    def of(self, town: str, grounds: Grounds, source: Path = Path("own.xml")) -> Ground:
        vias = (Via(1.6, 60.0), Via(60.0, 1.6))
        (found,) = courses([Task("0", town, (vias,), source)], grounds, 1)
        return found.ground

    def test_its_town_where_that_is_ours(self) -> None:
        assert self.of("t_junction", Grounds()).map == "t_junction"

    def test_a_file_of_the_user_s_beside_the_routes(self, tmp_path: Path) -> None:
        saved = tmp_path / "Town05.xodr"
        saved.write_text(read_map("t_junction"))
        found = self.of("Town05", Grounds(), tmp_path / "town05_short_r1.xml")
        assert (found.name, found.map) == ("Town05", str(saved))

    def test_the_map_that_is_named_whatever_the_town(self) -> None:
        assert self.of("Town05", Grounds("t_junction", self.server("Town01"))).map == "t_junction"

    def test_the_map_that_the_server_is_on(self) -> None:
        assert self.of("Town05", Grounds(None, self.server("Carla/Maps/Town05"))).map == ""
        assert self.of("Town05", Grounds(None, self.server("Carla/Maps/OpenDriveMap"))).map == ""

    def test_a_server_on_another_map(self) -> None:
        with pytest.raises(ScenarioError, match="is made for Town05, and the server is on Town01; load the town there"):
            self.of("Town05", Grounds(None, self.server("Carla/Maps/Town01")))

    def test_no_such_town(self, tmp_path: Path) -> None:
        with pytest.raises(ScenarioError, match="is made for Town05, which is not ours to ship"):
            self.of("Town05", Grounds(), tmp_path / "r.xml")
