"""Meshes of the world: areas and places that follow from the maps' own numbers."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from laco.scenarios.maps import available, read_map
from laco.scenarios.server.actors import Solid
from laco.scenarios.server.blueprints import Blueprint, Kind, library
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.roads import Roads
from laco.scenarios.server.scene import Mesh, body_mesh, join, static_scene, tiles, traffic_light
from laco.scenarios.server.scene.structures import structure, windows
from laco.scenarios.server.scene.surfaces import crosswalks

ROAD, SIDEWALK, BUILDING, TREE, TERRAIN, LINE = 1, 2, 3, 9, 10, 24
ARM = 160.0  # [m] of each of the crossing's four arms
SOLID = [b for b in library().values() if b.kind in (Kind.VEHICLE, Kind.WALKER, Kind.PROP) and all(b.size)]

SHOWN = [
    "vehicle.tesla.model3", "vehicle.dodge.charger_police", "vehicle.mercedes.sprinter", "vehicle.ford.ambulance",
    "vehicle.carlamotors.european_hgv", "vehicle.carlamotors.firetruck", "vehicle.mitsubishi.fusorosa",
    "vehicle.yamaha.yzf", "vehicle.bh.crossbike", "walker.pedestrian.0001", "static.prop.trafficcone01",
    "static.prop.streetbarrier", "static.prop.warningconstruction", "static.prop.busstop", "static.prop.bin",
    "static.prop.vendingmachine",
]  # fmt: skip


@pytest.fixture(scope="module")
def crossing() -> Mesh:
    return static_scene(Roads(read_map("crossing"), "crossing"), [])


@pytest.fixture(scope="module")
def hill() -> tuple[Roads, Mesh]:
    roads = Roads(read_map("hill"), "hill")
    return roads, static_scene(roads, [])


def normals(mesh: Mesh) -> NDArray[np.float64]:
    """Twice the area of each triangle, as a vector towards its outer side [m, 3]."""
    corners = mesh.corners().astype(np.float64)
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def area(mesh: Mesh, label: int, *, outside: float = 0.0) -> float:
    """Upward area of a label's triangles [m^2] whose centres are farther than `outside` [m] from the origin in x or
    y."""
    far = np.abs(mesh.corners().mean(axis=1)[:, :2]).max(axis=1) > outside
    up = normals(mesh)[:, 2]
    return float(up[(mesh.labels == label) & far & (up > 0.0)].sum() / 2)


def top(mesh: Mesh, x: float, y: float) -> tuple[int, float]:
    """Label and height [m] of what one sees there from above."""
    corners = mesh.corners().astype(np.float64)
    edges, up = np.roll(corners, -1, axis=1) - corners, normals(mesh)[:, 2]
    sides = edges[..., 0] * (y - corners[..., 1]) - edges[..., 1] * (x - corners[..., 0])
    hit = np.flatnonzero((sides >= 0.0).all(axis=1) & (up > 1e-9))
    slopes = normals(mesh)[hit]
    heights = corners[hit, 0, 2] - (
        (slopes[:, 0] * (x - corners[hit, 0, 0]) + slopes[:, 1] * (y - corners[hit, 0, 1])) / slopes[:, 2]
    )
    highest = int(heights.argmax())
    return int(mesh.labels[hit[highest]]), float(heights[highest])


def test_arms_have_the_area_of_their_lanes(crossing: Mesh) -> None:
    assert area(crossing, ROAD, outside=8.0) == pytest.approx(4 * ARM * (2 * 3.5 + 2 * 2.5), rel=1e-3)
    assert area(crossing, SIDEWALK) == pytest.approx(4 * ARM * 2 * 2.0, rel=1e-3)


def test_lines_have_the_area_of_their_paint(crossing: Mesh) -> None:
    dashes = 18  # of 3 m, every 9 m from 3 m on, along 160 m
    per_arm = dashes * 3.0 * 0.15 + 2 * ARM * 0.15  # a broken line in the middle, a solid one on each side
    assert area(crossing, LINE) == pytest.approx(4 * per_arm, rel=1e-3)


@pytest.mark.parametrize(
    ("x", "y", "label", "height"),
    [
        (50.0, 1.75, ROAD, 0.0),
        (50.0, -4.5, ROAD, 0.0),  # parking
        (50.0, 7.0, SIDEWALK, 0.08),
        (50.0, 20.0, TERRAIN, -0.12),
        (8.0 + 4.0, 0.0, LINE, 0.02),  # within the first dash
        (8.0 + 8.0, 0.0, ROAD, 0.0),  # within the gap after it
        (0.0, 0.0, ROAD, 0.0),  # the junction
    ],
)
def test_what_lies_where(crossing: Mesh, x: float, y: float, label: int, height: float) -> None:
    found, z = top(crossing, x, y)
    assert found == label
    assert z == pytest.approx(height, abs=1e-3)


def test_road_follows_the_hill_and_land_stays_below_it(hill: tuple[Roads, Mesh]) -> None:
    roads, mesh = hill
    for x in np.arange(2.0, 398.0, 7.3):
        label, z = top(mesh, float(x), 1.0)
        assert label == ROAD
        assert z == pytest.approx(roads.ground(float(x), 1.75), abs=0.04)
    assert top(mesh, 200.0, 40.0)[0] == TERRAIN
    assert 0.0 < top(mesh, 200.0, 1.0)[1] - top(mesh, 200.0, 40.0)[1] < 2.0


def test_crosswalk_is_half_painted() -> None:
    outline = [(0.0, 0.0), (8.0, 0.0), (8.0, 4.0), (0.0, 4.0), (0.0, 0.0)]
    mesh = crosswalks([SimpleNamespace(x=x, y=y, z=0.0) for x, y in outline])
    assert area(mesh, LINE) == pytest.approx(8 * 0.5 * 4.0)  # eight bars of 0.5 m
    backwards = crosswalks([SimpleNamespace(x=x, y=y, z=0.0) for x, y in reversed(outline)])
    assert area(backwards, LINE) == pytest.approx(16.0)


@pytest.mark.parametrize("name", available())
def test_every_map_has_a_surface_under_its_spawn_points(name: str) -> None:
    roads = Roads(read_map(name), name)
    mesh = static_scene(roads, [])
    for pose in roads.spawn_points[:5]:
        label, z = top(mesh, pose.x, pose.y)
        assert label in (ROAD, LINE)
        assert z == pytest.approx(pose.z - 0.5, abs=0.06)


def test_nothing_of_the_ground_is_degenerate(crossing: Mesh) -> None:
    assert np.linalg.norm(normals(crossing), axis=1).min() > 0.0


def test_same_map_same_mesh(crossing: Mesh) -> None:
    again = static_scene(Roads(read_map("crossing"), "crossing"), [])
    assert crossing.vertices.tobytes() == again.vertices.tobytes()
    assert crossing.colours.tobytes() == again.colours.tobytes()


def test_bodies_are_as_high_as_their_boxes_and_stay_inside() -> None:
    for blueprint in SOLID:
        mesh, size = body_mesh(blueprint, (200, 0, 0)), np.array(blueprint.size)
        assert (np.abs(mesh.vertices - (0.0, 0.0, size[2] / 2)) <= size / 2 + 1e-4).all(), blueprint.id
        assert np.ptp(mesh.vertices[:, 2]) == pytest.approx(size[2], rel=0.05), blueprint.id
        if blueprint.kind is Kind.VEHICLE:
            assert np.ptp(mesh.vertices[:, 0]) == pytest.approx(size[0], rel=0.05), blueprint.id


@pytest.mark.parametrize("name", SHOWN)
def test_a_body_shows_its_outside(name: str) -> None:
    mesh = body_mesh(library()[name])
    for axis in range(3):
        assert shows_outside(mesh, axis, -1)
        assert shows_outside(mesh, axis, 1)


def shows_outside(mesh: Mesh, axis: int, sign: int) -> bool:
    """Whether the first thing that rays meet along an axis, from its `sign` end, is the outer side of a triangle."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    corners, outer = mesh.corners().astype(np.float64), normals(mesh)
    kept = np.abs(outer[:, axis]) > 1e-9
    corners, outer = corners[kept], outer[kept]
    edges = np.roll(corners, -1, axis=1) - corners
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    shares = np.meshgrid(
        np.linspace(0.0413, 0.9671, 15), np.linspace(0.0337, 0.9793, 17)
    )  # no ray along a seam
    p, q = (
        low[i] + (high[i] - low[i]) * part.reshape(-1, 1, 1) for i, part in zip((u, v), shares, strict=True)
    )
    sides = edges[..., u] * (q - corners[..., v]) - edges[..., v] * (p - corners[..., u])
    hit = (sides > 1e-9).all(axis=2) | (sides < -1e-9).all(axis=2)  # [rays, triangles]
    along = outer[:, u] * (p[..., 0] - corners[:, 0, u]) + outer[:, v] * (q[..., 0] - corners[:, 0, v])
    depth = np.where(hit, sign * (corners[:, 0, axis] - along / outer[:, axis]), -np.inf)
    first = depth.argmax(axis=1)[hit.any(axis=1)]
    return len(first) > 10 and bool((sign * outer[first, axis] > 0.0).all())


def test_a_rider_is_no_motorcycle() -> None:
    plan = library()["vehicle.yamaha.yzf"]
    assert set(body_mesh(plan).labels.tolist()) == {13, 18}


def test_brake_lamps_shine_when_braking() -> None:
    plan = library()["vehicle.tesla.model3"]
    idle, braking = body_mesh(plan), body_mesh(plan, braking=True)
    assert braking.glows.sum() > idle.glows.sum()


def level_box(label: int, size: tuple[float, float, float], number: int = -1) -> Solid:
    return Solid(number, Blueprint("static.thing", Kind.PROP, size, label=label), Pose(), [])


@pytest.mark.parametrize("label", [3, 4, 5, 6, 14, 15, 20, 28])
def test_level_meshes_are_inside_their_boxes(label: int) -> None:
    mesh = structure(level_box(label, (12.0, 4.0, 7.0)))
    assert (np.abs(mesh.vertices - (0.0, 0.0, 3.5)) <= np.array((6.0, 2.0, 3.5)) + 1e-4).all()
    assert set(mesh.labels.tolist()) == {label}


def test_windows_lie_on_the_walls_and_look_out() -> None:
    solid = level_box(BUILDING, (20.0, 10.0, 9.0))
    panes = windows(solid)
    # round(8.5 / 3.2) = 3 rows; (20 - 1) / 4 and (10 - 1) / 4 give 4 and 2 windows in a row, on two sides each
    assert len(panes) == 2 * 3 * 2 * (4 + 2)
    outwards = np.einsum("ij,ij->i", normals(panes)[:, :2], panes.corners().mean(axis=1)[:, :2])
    assert (outwards > 0.0).all()
    assert (np.abs(panes.vertices - (0.0, 0.0, 4.5)) <= np.array((10.0, 5.0, 4.5)) + 1e-4).all()
    assert not len(windows(level_box(TREE, (0.5, 0.5, 8.0))))


def test_a_tree_spreads_above_the_height_of_a_car() -> None:
    mesh = structure(level_box(TREE, (0.5, 0.5, 8.0)))
    low = mesh.vertices[mesh.vertices[:, 2] < 2.1]
    assert np.abs(low[:, :2]).max() <= 0.25
    assert np.abs(mesh.vertices[:, :2]).max() > 1.5
    assert mesh.vertices[:, 2].max() == pytest.approx(8.0, abs=1e-4)


def test_building_stands_where_its_box_is() -> None:
    pose = Pose(100.0, -40.0, 2.0, 0.0, 90.0, 0.0)
    mesh = structure(level_box(BUILDING, (20.0, 10.0, 9.0))).placed(pose)
    assert mesh.vertices.min(axis=0) == pytest.approx((95.0, -50.0, 2.0), abs=0.06)
    assert mesh.vertices.max(axis=0) == pytest.approx((105.0, -30.0, 11.0), abs=0.06)


@pytest.mark.parametrize(("state", "colour"), [(0, "red"), (1, "yellow"), (2, "green"), (3, ""), (4, "")])
def test_one_lamp_shines_and_looks_at_traffic(state: int, colour: str) -> None:
    mesh = traffic_light(state, 3.0, (0.3, 0.9))
    lit = mesh.part(mesh.glows)
    if not colour:
        assert not len(lit)
        return
    red, green, _ = lit.colours[0].astype(int)
    assert colour == ("yellow" if red > 200 and green > 150 else "red" if red > green else "green")
    assert (normals(lit)[:, 1] > 0.0).all()


def test_tiles_are_squares_that_hold_everything(crossing: Mesh) -> None:
    parts = tiles(crossing, 40.0)
    assert sum(len(part) for part in parts) == len(crossing)
    for part in parts:
        assert (np.ptp(part.corners().mean(axis=1)[:, :2], axis=0) <= 40.0).all()
    whole = join(parts)
    assert area(whole, ROAD) == pytest.approx(area(crossing, ROAD))
