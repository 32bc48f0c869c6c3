"""Things put on the road by hand: cones, barriers, signs, boxes."""

from collections.abc import Callable

from laco.scenarios.server.blueprints import Blueprint
from laco.scenarios.server.scene.mesh import Colour, Mesh
from laco.scenarios.server.scene.shapes import Builder, Span

Size = tuple[float, float, float]
ORANGE: Colour = (236, 98, 30)
WHITE: Colour = (236, 236, 232)
RED: Colour = (204, 44, 36)
STEEL: Colour = (128, 130, 134)
GLASS: Colour = (140, 166, 180)
GREEN: Colour = (46, 96, 62)
WOOD: Colour = (168, 132, 88)
YELLOW: Colour = (240, 196, 40)


def prop(blueprint: Blueprint) -> Mesh:
    """A prop by its name; an unknown one is a crate of its size."""
    builder = Builder()
    name = blueprint.id.rpartition(".")[2]
    make = next((make for word, make in _MAKERS.items() if word in name), _crate)
    if all(blueprint.size):
        make(builder, blueprint.size, blueprint.label)
    return builder.mesh()


def _cone(builder: Builder, size: Size, label: int) -> None:
    x, y, height = size[0] / 2, size[1] / 2, size[2]
    builder.box((-x, x), (-y, y), (0.0, 0.06 * height), label, (40, 40, 42))
    radii, heights = (0.82, 0.58, 0.40, 0.16), (0.06, 0.40, 0.66, 1.0)
    for i, colour in enumerate((ORANGE, WHITE, ORANGE)):
        z, r = (heights[i] * height, heights[i + 1] * height), (radii[i] * x, radii[i + 1] * x)
        builder.column(0.0, 0.0, z, r, label, colour, 8)


def _barrier(builder: Builder, size: Size, label: int) -> None:
    """Two striped boards on feet, across y or x, whichever is longer."""
    long = 0 if size[0] >= size[1] else 1
    half, thin, height = size[long] / 2, size[1 - long] / 2, size[2]
    post, board = min(0.04, 0.2 * half, 0.5 * thin), min(0.06, 0.8 * thin)
    for at in (-0.8 * half, 0.8 * half):
        _bar(builder, long, (at - post, at + post), (-thin, thin), (0.0, 0.06), label, STEEL)
        _bar(builder, long, (at - post, at + post), (-post, post), (0.06, height), label, STEEL)
    for low, high in ((0.40, 0.62), (0.72, 0.98)):
        for stripe in range(6):
            u = (-half + stripe * half / 3, -half + (stripe + 1) * half / 3)
            _bar(
                builder,
                long,
                u,
                (-board, board),
                (low * height, high * height),
                label,
                WHITE if stripe % 2 else RED,
            )


def _bar(builder: Builder, long: int, u: Span, v: Span, z: Span, label: int, colour: Colour) -> None:
    builder.box(*((u, v) if long == 0 else (v, u)), z, label, colour)


def _board(builder: Builder, size: Size, label: int) -> None:
    """A warning board on two posts: an orange face with a dark arrow-like bar."""
    x, y, height = min(size[0] / 2, 0.06), size[1] / 2, size[2]
    for at in (-0.7 * y, 0.7 * y):
        builder.box((-x, x), (at - 0.04, at + 0.04), (0.0, 0.5 * height), label, STEEL)
    builder.box((-x, x), (-y, y), (0.35 * height, height), label, ORANGE)
    builder.box((-1.2 * x, 1.2 * x), (-0.7 * y, 0.7 * y), (0.6 * height, 0.75 * height), label, (30, 30, 32))


def _shelter(builder: Builder, size: Size, label: int) -> None:
    """A roof on a back wall of glass and two side panes."""
    x, y, height = size[0] / 2, size[1] / 2, size[2]
    builder.box((-x, x), (-y, y), (0.93 * height, height), label, STEEL)
    builder.box((-x, x), (0.9 * y, y), (0.1 * height, 0.93 * height), label, GLASS)
    for at in (-x, 0.95 * x):
        builder.box((at, at + 0.05 * x), (-0.2 * y, y), (0.0, 0.93 * height), label, STEEL)
    builder.box((-0.7 * x, 0.7 * x), (0.4 * y, 0.8 * y), (0.15 * height, 0.20 * height), label, WOOD)


def _machine(builder: Builder, size: Size, label: int) -> None:
    x, y, height = size[0] / 2, size[1] / 2, size[2]
    builder.box((-x, 0.96 * x), (-y, y), (0.0, height), label, RED)
    builder.box((0.9 * x, x), (-0.8 * y, 0.4 * y), (0.35 * height, 0.9 * height), label, GLASS)


def _bin(builder: Builder, size: Size, label: int) -> None:
    x, y, height = size[0] / 2, size[1] / 2, size[2]
    builder.taper(
        (-0.8 * x, 0.8 * x), (-0.8 * y, 0.8 * y), (0.0, 0.88 * height), (-x, x), (-y, y), label, GREEN
    )
    builder.box((-x, x), (-y, y), (0.88 * height, height), label, (36, 38, 40))


def _crate(builder: Builder, size: Size, label: int) -> None:
    x, y, height = size[0] / 2, size[1] / 2, size[2]
    builder.box((-x, x), (-y, y), (0.0, 0.92 * height), label, WOOD)
    builder.box((-0.97 * x, 0.97 * x), (-0.97 * y, 0.97 * y), (0.92 * height, height), label, (146, 112, 72))


def _container(builder: Builder, size: Size, label: int) -> None:
    x, y, height = size[0] / 2, size[1] / 2, size[2]
    builder.box((-x, x), (-y, y), (0.0, height), label, (58, 92, 128))


_MAKERS: dict[str, Callable[[Builder, Size, int], None]] = {
    "cone": _cone,
    "warning": _board,
    "barrier": _barrier,
    "busstop": _shelter,
    "vending": _machine,
    "bin": _bin,
    "container": _container,
}
