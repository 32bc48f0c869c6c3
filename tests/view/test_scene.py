"""The map as a person knows it: the crossing's figures are those of its description, the grid's of its generator."""

from collections import Counter

import carla
import pytest

from laco.view.lanes import _thinned
from laco.view.scene import Scene, read_scene
from laco.view.spans import lane_spans


def area(outline: list[float]) -> float:
    points = list(zip(outline[::2], outline[1::2], strict=True))
    pairs = zip(points, points[1:] + points[:1], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2.0


@pytest.fixture
def crossing(world: carla.World) -> Scene:
    return read_scene(world, 1)


def test_the_crossing_has_four_roads_of_six_lanes(crossing: Scene) -> None:
    assert crossing.map == "crossing"
    lanes = Counter((lane.type, lane.width) for lane in crossing.lanes if not lane.junction)
    assert lanes == {("Driving", 3.5): 8, ("Parking", 2.5): 8, ("Sidewalk", 2.0): 8}
    assert (
        sum(lane.junction and lane.type == "Driving" for lane in crossing.lanes) == 12
    )  # 4 roads, 3 ways on
    assert crossing.bounds == (-168.0, -168.0, 168.0, 168.0)


def test_a_straight_lane_covers_its_length_times_its_width(crossing: Scene) -> None:
    for lane in crossing.lanes:
        if not lane.junction:
            assert area(lane.outline) == pytest.approx(160.0 * lane.width, rel=1e-3)
            assert len(lane.outline) == 8  # four corners: what lies between is left out


def test_it_is_right_hand_traffic_and_not_mirrored(crossing: Scene) -> None:
    """South is +y. Who comes from there drives towards -y (yaw 270) in the east half, at +x."""
    arrows = [lane.arrow for lane in crossing.lanes if lane.type == "Driving"]
    south = sorted((x, y, yaw % 360.0) for x, y, yaw in arrows if y > 20.0)
    assert south == [(-1.75, 88.0, 90.0), (1.75, 88.0, 270.0)]


def test_the_middle_line_is_broken_and_the_edges_are_solid(crossing: Scene) -> None:
    marks = Counter((mark.type, mark.color, mark.width) for mark in crossing.marks)
    assert marks == {("Broken", "White", 0.15): 4, ("Solid", "White", 0.15): 8}
    middle = [mark.line for mark in crossing.marks if mark.type == "Broken" and mark.line[1] > 7.0]
    assert any(all(abs(x) < 0.01 for x in line[::2]) for line in middle)


def test_the_grid_has_crosswalks_and_buildings(grid: carla.World) -> None:
    scene = read_scene(grid, 2)
    assert len(scene.crosswalks) == 9 * 4
    assert all(len(outline) >= 8 for outline in scene.crosswalks)
    buildings = [box for box in scene.fixtures if box.kind == "building"]
    assert len(buildings) > 50
    assert all(box.length > 2.0 and box.width > 2.0 and box.height > 2.0 for box in buildings)


def test_spans_end_where_the_next_section_begins() -> None:
    xodr = """<OpenDRIVE><road id="7" length="30" junction="4"><lanes>
      <laneSection s="0"><left><lane id="1"/></left><center><lane id="0"/></center></laneSection>
      <laneSection s="12.5"><center><lane id="0"/></center><right><lane id="-1"/><lane id="-2"/></right></laneSection>
    </lanes></road></OpenDRIVE>"""
    spans = [(s.road, s.lane, s.start, s.end, s.junction, s.inner) for s in lane_spans(xodr)]
    assert spans == [
        (7, 1, 0.0, 12.5, True, True),
        (7, -2, 12.5, 30.0, True, False),
        (7, -1, 12.5, 30.0, True, True),
    ]


def test_thinning_keeps_corners_and_bends() -> None:
    corner = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (2.0, 1.0), (2.0, 2.0)]
    assert _thinned(corner) == [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0)]
    bend = [(x / 2, (x / 2) ** 2 / 10) for x in range(9)]
    assert len(_thinned(bend)) > 4
