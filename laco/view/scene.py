"""What is drawn once per map, in CARLA's frame ([m], [deg]; y points right of x, so a page draws it downwards)."""

import math
from typing import Any

import msgspec

from laco.view.lanes import Lane, Mark, lanes_and_marks

SAME = 0.01  # [m] apart, two corners of a crosswalk are one


class Fixture(msgspec.Struct, frozen=True):
    """A box that stands: kind, centre [m], yaw [deg], outer length, width and height [m]."""

    kind: str
    x: float
    y: float
    yaw: float
    length: float
    width: float
    height: float


class Scene(msgspec.Struct, frozen=True):
    """A map. `number` counts the scenes of a viewer; `bounds` are (x, y) of two corners; points are flat x, y, ..."""

    number: int
    map: str
    bounds: tuple[float, float, float, float]
    lanes: list[Lane]
    marks: list[Mark]
    crosswalks: list[list[float]]
    fixtures: list[Fixture]


def read_scene(world: Any, number: int) -> Scene:
    """Ask a world for what stands still. Raises `RuntimeError` as the client does."""
    road_map = world.get_map()
    lanes, marks = lanes_and_marks(road_map)
    name = str(road_map.name).rsplit("/", 1)[-1]
    fixtures = _fixtures(world)
    return Scene(number, name, _bounds(lanes, fixtures), lanes, marks, _crosswalks(road_map), fixtures)


def _crosswalks(road_map: Any) -> list[list[float]]:
    """The client gives one list of corners; each outline ends with the corner it began with."""
    outlines: list[list[float]] = []
    outline: list[float] = []
    for corner in road_map.get_crosswalks():
        x, y = round(corner.x, 2), round(corner.y, 2)
        outline += [x, y]
        if len(outline) > 2 and math.hypot(x - outline[0], y - outline[1]) < SAME:
            outlines.append(outline[:-2])
            outline = []
    return outlines


def _fixtures(world: Any) -> list[Fixture]:
    import carla

    label = carla.CityObjectLabel
    level = {
        "building": label.Buildings,
        "tree": label.Vegetation,
        "wall": label.Walls,
        "fence": label.Fences,
    }
    parked = (label.Car, label.Truck, label.Bus, label.Motorcycle, label.Bicycle)
    found = [_fixture(kind, box) for kind, wanted in level.items() for box in world.get_level_bbs(wanted)]
    for wanted in parked:
        found += [_fixture("parked", o.bounding_box) for o in world.get_environment_objects(wanted)]
    return found


def _fixture(kind: str, box: Any) -> Fixture:
    at, half = box.location, box.extent
    sizes = (round(2.0 * side, 2) for side in (half.x, half.y, half.z))
    return Fixture(kind, round(at.x, 2), round(at.y, 2), round(box.rotation.yaw, 2), *sizes)


def _bounds(lanes: list[Lane], fixtures: list[Fixture]) -> tuple[float, float, float, float]:
    xs = [x for lane in lanes for x in lane.outline[::2]] or [f.x for f in fixtures] or [0.0]
    ys = [y for lane in lanes for y in lane.outline[1::2]] or [f.y for f in fixtures] or [0.0]
    return min(xs), min(ys), max(xs), max(ys)
