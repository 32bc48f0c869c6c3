"""Simple solids to build bodies from. Faces are flat; a shape that is not convex is put together from convex
ones."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.scene.mesh import Colour, Mesh, empty

Point = tuple[float, float, float]
Span = tuple[float, float]  # from, to [m]
Level = tuple[Span, Span, float]  # a rectangle in x and y, and its height [m]
UNDERSIDE: Colour = (30, 30, 32)
SUN = np.array((0.34, 0.22, 0.914))  # where the light comes from in drawings, a unit vector
AMBIENT = 0.66  # share of the light that reaches every face


class Builder:
    """Collects faces; `mesh()` gives them with their shading."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._triangles: list[tuple[int, int, int]] = []
        self._labels: list[int] = []
        self._colours: list[Colour] = []
        self._glows: list[bool] = []

    def face(self, corners: Sequence[Point], label: int, colour: Colour, glow: bool = False) -> None:
        """A flat convex polygon, seen from where its corners go round by the right-hand rule."""
        start = len(self._points)
        self._points.extend(corners)
        for i in range(1, len(corners) - 1):
            self._triangles.append((start, start + i, start + i + 1))
            self._labels.append(label)
            self._colours.append(colour)
            self._glows.append(glow)

    def loft(
        self, lower: Sequence[Point], upper: Sequence[Point], label: int, colour: Colour, glow: bool = False
    ) -> None:
        """A convex solid between two rings of equally many points; both ends are closed."""
        centre = np.mean(np.array([*lower, *upper]), axis=0)
        for corners in (tuple(lower), tuple(upper), *_sides(lower, upper)):
            distinct = list(dict.fromkeys(corners))
            if len(distinct) > 2:
                self.face(_outward(distinct, centre), label, colour, glow)

    def stack(self, levels: Sequence[Level], label: int, colours: Sequence[Colour]) -> None:
        """One hollow body through rectangles from below upwards, with a colour between each two of them and its last
        on top. Two at one height make a ledge."""
        self._hollow([_rectangle(x, y, z) for x, y, z in levels], label, colours)

    def turned(
        self, levels: Sequence[tuple[float, float]], label: int, colours: Sequence[Colour], sides: int = 6
    ) -> None:
        """The same of round levels: height and radius [m] of each."""
        circle = _circle(sides)
        self._hollow([[(r * c, r * s, z) for c, s in circle] for z, r in levels], label, colours)

    def _hollow(self, rings: list[list[Point]], label: int, colours: Sequence[Colour]) -> None:
        for lower, upper, colour in zip(rings[:-1], rings[1:], colours, strict=True):
            for corners in _sides(lower, upper):
                distinct = list(dict.fromkeys(corners))
                if len(distinct) > 2:
                    self.face(distinct, label, colour)
        self.face(rings[-1], label, colours[-1])
        self.face(rings[0][::-1], label, UNDERSIDE)

    def box(self, x: Span, y: Span, z: Span, label: int, colour: Colour, glow: bool = False) -> None:
        """An upright box."""
        self.taper(x, y, z, x, y, label, colour, glow)

    def taper(
        self,
        x: Span,
        y: Span,
        z: Span,
        top_x: Span,
        top_y: Span,
        label: int,
        colour: Colour,
        glow: bool = False,
    ) -> None:
        """A block with another rectangle on top than below."""
        self.loft(_rectangle(x, y, z[0]), _rectangle(top_x, top_y, z[1]), label, colour, glow)

    def column(
        self,
        x: float,
        y: float,
        z: Span,
        radii: Span,
        label: int,
        colour: Colour,
        sides: int = 6,
        glow: bool = False,
    ) -> None:
        """An upright round thing with its radii [m] below and above; zero makes a cone."""
        rings = [
            [(x + r * c, y + r * s, h) for c, s in _circle(sides)] for r, h in zip(radii, z, strict=True)
        ]
        self.loft(rings[0], rings[1], label, colour, glow)

    def wheel(self, x: float, y: Span, radius: float, label: int, colour: Colour, sides: int = 8) -> None:
        """A disc on the ground, rolling along x; `y` runs from its inner side, which is left open, to its outer."""
        outwards = y[1] > y[0]
        inner, outer = (
            [(x + radius * c, side, radius + radius * s) for c, s in _circle(sides)] for side in y
        )
        self.face(outer[::-1] if outwards else outer, label, colour)
        for i in range(sides):
            tread = (inner[i], inner[(i + 1) % sides], outer[(i + 1) % sides], outer[i])
            self.face(tread[::-1] if outwards else tread, label, colour)

    def mesh(self) -> Mesh:
        """Everything so far, shaded face by face."""
        if not self._triangles:
            return empty()
        vertices = np.array(self._points, np.float32)
        triangles = np.array(self._triangles, np.int32)
        glows = np.array(self._glows, np.bool_)
        colours = shaded(vertices[triangles], np.array(self._colours, np.float64), glows)
        return Mesh(vertices, triangles, np.array(self._labels, np.uint8), colours, glows)


def shaded(
    corners: NDArray[np.float32], colours: NDArray[np.float64], glows: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Colours [m, 3] of faces [m, 3, 3] in the light of the drawing; what glows keeps its own."""
    edges = corners.astype(np.float64)
    normals = np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    light = AMBIENT + (1.0 - AMBIENT) * np.clip(normals @ SUN, 0.0, 1.0)
    light[glows] = 1.0
    tints: NDArray[np.uint8] = np.clip(np.rint(colours * light[:, None]), 0, 255).astype(np.uint8)
    return tints


def _outward(corners: list[Point], centre: NDArray[np.floating]) -> list[Point]:
    points = np.array(corners)
    normal = np.cross(points[1] - points[0], points[2] - points[0])
    return corners if normal @ (points.mean(axis=0) - centre) >= 0.0 else corners[::-1]


def _sides(lower: Sequence[Point], upper: Sequence[Point]) -> list[tuple[Point, Point, Point, Point]]:
    """The faces between two rings; outwards when the rings go round by the right-hand rule about z."""
    pairs = [(i, (i + 1) % len(lower)) for i in range(len(lower))]
    return [(lower[i], lower[j], upper[j], upper[i]) for i, j in pairs]


def _rectangle(x: Span, y: Span, z: float) -> list[Point]:
    return [(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)]


def _circle(sides: int) -> list[Span]:
    turns = [2 * math.pi * (i + 0.5) / sides for i in range(sides)]
    return [(math.cos(turn), math.sin(turn)) for turn in turns]
