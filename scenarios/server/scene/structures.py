"""What stands beside the road: buildings with windows, trees, poles, walls, and parked cars."""

from collections.abc import Callable

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.blueprints import Blueprint, Kind
from laco.scenarios.server.scene.cars import car, truck
from laco.scenarios.server.scene.mesh import Colour, Mesh
from laco.scenarios.server.scene.shapes import Builder, Span

BUILDING, WALL, FENCE, POLE, TREE, STATIC, RAIL = 3, 4, 5, 6, 9, 20, 28  # CityObjectLabel
FACADES: tuple[Colour, ...] = (
    (206, 180, 148),
    (184, 108, 88),
    (222, 214, 196),
    (166, 168, 174),
    (224, 196, 152),
    (168, 146, 130),
)
GLASS: Colour = (72, 92, 112)
ROOF: Colour = (92, 84, 82)
GREENS: tuple[Colour, ...] = ((62, 108, 52), (74, 118, 50), (54, 98, 58))
BARK: Colour = (98, 74, 54)
STEEL: Colour = (120, 122, 126)
PARKED: tuple[Colour, ...] = ((120, 24, 26), (34, 58, 120), (150, 152, 156), (44, 46, 50), (206, 206, 204))
CLEARANCE = 2.2  # [m] under a tree's crown
SPREAD = 0.24  # radius of a crown over the height of the tree
STOREY = 3.2  # [m]
BAY = 4.0  # [m] from window to window
MOST_BAYS, MOST_STOREYS = 12, 12  # of windows on one wall: a tower's are larger
RELIEF = 0.05  # [m] windows stand out of a wall, so that they are told apart from afar


def structure(solid: Solid) -> Mesh:
    """The mesh of something that stands beside the road, in its own frame: inside its box, but for the crown of a
    tree, which spreads above the height of a car."""
    label = solid.blueprint.label
    size = (2 * solid.half_length, 2 * solid.half_width, solid.height)
    return _MAKERS.get(label, _block)(size, -solid.id, label)


def windows(solid: Solid) -> Mesh:
    """The panes of a building, in its own frame; nothing for other things. Rays hit the walls instead."""
    builder, label = Builder(), solid.blueprint.label
    if label == BUILDING:
        length, width = 2 * solid.half_length, 2 * solid.half_width
        rows = _rows(_eaves(solid.height))
        for along, across, turned in ((length, width / 2, False), (width, length / 2, True)):
            for bay in _bays(along):
                for row in rows:
                    for side in (-1, 1):
                        _window(builder, bay, side * across, row, turned, label)
    return builder.mesh()


def _building(size: tuple[float, float, float], number: int, label: int) -> Mesh:
    length, width, height = size
    x, y = length / 2 - RELIEF, width / 2 - RELIEF
    builder, eaves = Builder(), _eaves(height)
    facade = FACADES[number % len(FACADES)]
    builder.box((-x, x), (-y, y), (0.0, eaves), label, facade)
    builder.taper(
        (-x, x), (-y, y), (eaves, height), (-0.94 * x, 0.94 * x), (-0.94 * y, 0.94 * y), label, ROOF
    )
    return builder.mesh()


def _eaves(height: float) -> float:
    return max(height - 0.5, 0.8 * height)


def _rows(eaves: float) -> list[Span]:
    storeys = min(MOST_STOREYS, max(1, round(eaves / STOREY)))
    storey = eaves / storeys
    return [(storey * (i + 0.32), storey * (i + 0.78)) for i in range(storeys)]


def _bays(along: float) -> list[Span]:
    count = min(MOST_BAYS, max(1, int((along - 1.0) / BAY)))
    bay = along / count
    return [(-along / 2 + bay * (i + 0.25), -along / 2 + bay * (i + 0.75)) for i in range(count)]


def _window(builder: Builder, u: Span, v: float, z: Span, turned: bool, label: int) -> None:
    """A pane on the wall at distance `v` from the middle, facing away from it."""
    a, b = (u[1], u[0]) if (v > 0.0) != turned else u
    corners = [(a, z[0]), (b, z[0]), (b, z[1]), (a, z[1])]
    builder.face([(v, w, h) if turned else (w, v, h) for w, h in corners], label, GLASS)


def _tree(size: tuple[float, float, float], number: int, label: int) -> Mesh:
    """A bush fills its box; a tree's box is that of its trunk, and its crown begins above `CLEARANCE`."""
    radius, height = min(size[:2]) / 2, size[2]
    builder, green = Builder(), GREENS[number % len(GREENS)]
    light = (green[0] + 14, green[1] + 16, green[2] + 10)
    trunk = min(0.18, radius / 2)
    if height < 1.5:  # a bush
        builder.column(0.0, 0.0, (0.0, 0.6 * height), (0.8 * radius, radius), label, green)
        builder.column(0.0, 0.0, (0.6 * height, height), (radius, 0.4 * radius), label, light)
        return builder.mesh()
    foot = max(0.3 * height, min(CLEARANCE, 0.5 * height))
    if foot >= CLEARANCE:
        radius = max(radius, SPREAD * height)
    middle, upper = foot + 0.35 * (height - foot), foot + 0.74 * (height - foot)
    builder.column(0.0, 0.0, (0.0, foot), (trunk, 0.8 * trunk), label, BARK, 4)
    crown = ((foot, 0.45), (middle, 1.0), (upper, 0.75), (height, 0.15))
    builder.turned([(z, share * radius) for z, share in crown], label, (green, light, light))
    return builder.mesh()


def _pole(size: tuple[float, float, float], number: int, label: int) -> Mesh:
    builder = Builder()
    radius = min(size[:2]) / 2
    builder.column(0.0, 0.0, (0.0, size[2]), (min(radius, 0.12), min(radius, 0.08)), label, STEEL)
    return builder.mesh()


def _wall(size: tuple[float, float, float], number: int, label: int) -> Mesh:
    colour = {WALL: (168, 158, 146), FENCE: (122, 104, 84), RAIL: (172, 174, 178)}[label]
    return _boxed(size, label, colour)


def _block(size: tuple[float, float, float], number: int, label: int) -> Mesh:
    return _boxed(size, label, (150, 130, 100))


def _boxed(size: tuple[float, float, float], label: int, colour: Colour) -> Mesh:
    builder = Builder()
    x, y, height = size[0] / 2, size[1] / 2, size[2]
    builder.box((-x, x), (-y, y), (0.0, height), label, colour)
    return builder.mesh()


def _parked(size: tuple[float, float, float], number: int, label: int) -> Mesh:
    blueprint = Blueprint("static.vehicle", Kind.PROP, size, label=label, wheels=4)
    make = car if label == 14 else truck
    return make(blueprint, PARKED[number % len(PARKED)], False)


_MAKERS: dict[int, Callable[[tuple[float, float, float], int, int], Mesh]] = {
    BUILDING: _building,
    WALL: _wall,
    FENCE: _wall,
    RAIL: _wall,
    POLE: _pole,
    TREE: _tree,
    14: _parked,
    15: _parked,
    16: _parked,
}
