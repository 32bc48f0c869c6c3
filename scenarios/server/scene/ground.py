"""The land around the roads: flat where the map is, else just below the nearest lane."""

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.roads import Roads
from laco.scenarios.server.scene.mesh import TILE, Colour, Mesh, join, plain
from laco.scenarios.server.scene.strips import Strip
from laco.scenarios.server.scene.surfaces import ribbon

TERRAIN = 10  # CityObjectLabel
DEPTH = 0.12  # [m] below flat roads
SLACK = 0.30  # [m] below the lowest lane nearby, on hilly ones
CELL = 10.0  # [m] of hilly land
MARGIN = 120.0  # [m] of land around the roads that is worked out
FAR = 1500.0  # [m] of flat land beyond it
RIM_DEPTH = 0.05  # [m] of that below the lowest of the rest
VERGE = 1.5  # [m] of the slope beside a road
GREENS: tuple[Colour, ...] = ((98, 128, 72), (103, 132, 75), (93, 123, 69), (100, 126, 74))


def terrain(roads: Roads, strips: list[Strip]) -> Mesh:
    """Land under and around the roads."""
    points = np.concatenate([edge for strip in strips for edge in (strip.inner, strip.outer)])
    cell = TILE if roads.level else CELL
    low = np.floor((points[:, :2].min(axis=0) - MARGIN) / cell) * cell
    high = np.ceil((points[:, :2].max(axis=0) + MARGIN) / cell) * cell
    xs, ys = np.arange(low[0], high[0] + cell / 2, cell), np.arange(low[1], high[1] + cell / 2, cell)
    heights = np.full((len(xs), len(ys)), -DEPTH) if roads.level else _heights(roads, xs, ys)
    parts = [_rim(xs, ys, float(heights.min()) - RIM_DEPTH), _patch(xs, ys, heights)]
    if not roads.level:
        parts.append(_verges(strips))
    return join(parts)


def _heights(roads: Roads, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height at grid points: the lowest lane around each, so that no slope of the land covers a road."""
    ground = np.array([[roads.ground(x, y) for y in ys] for x in xs])
    wide = np.pad(ground, 1, mode="edge")
    shifted = [wide[i : i + len(xs), j : j + len(ys)] for i in range(3) for j in range(3)]
    lowest: NDArray[np.float64] = np.min(shifted, axis=0) - SLACK
    return lowest


def _patch(xs: NDArray[np.float64], ys: NDArray[np.float64], heights: NDArray[np.float64]) -> Mesh:
    x, y = np.meshgrid(xs, ys, indexing="ij")
    vertices = np.stack((x, y, heights), axis=-1).reshape(-1, 3)
    rows = np.arange(len(vertices)).reshape(len(xs), len(ys))
    a, b, c, d = (part.reshape(-1) for part in (rows[:-1, :-1], rows[1:, :-1], rows[1:, 1:], rows[:-1, 1:]))
    triangles = np.concatenate((np.stack((a, b, c), axis=1), np.stack((a, c, d), axis=1)))
    mesh = plain(vertices, triangles, TERRAIN, GREENS[0])
    i, j = (part.reshape(-1) for part in np.meshgrid(range(len(xs) - 1), range(len(ys) - 1), indexing="ij"))
    mesh.colours[:] = np.tile(np.array(GREENS, np.uint8)[(i * 7 + j * 13 + i * j * 5) % len(GREENS)], (2, 1))
    return mesh


def _rim(xs: NDArray[np.float64], ys: NDArray[np.float64], height: float) -> Mesh:
    """Flat land under the patch and around it, as far as one can see."""
    (x0, x1), (y0, y1) = ((line[0] - FAR, line[-1] + FAR) for line in (xs, ys))
    vertices = np.array([(x0, y0, height), (x1, y0, height), (x1, y1, height), (x0, y1, height)])
    return plain(vertices, np.array([(0, 1, 2), (0, 2, 3)]), TERRAIN, GREENS[0])


def _verges(strips: list[Strip]) -> Mesh:
    """Slopes from the roads down into the land."""
    parts = []
    for strip in strips:
        across = strip.outer - strip.inner
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
        foot = strip.outer + across * VERGE - np.array((0.0, 0.0, 2 * SLACK + DEPTH))
        parts.append(ribbon(strip.outer - np.array((0.0, 0.0, DEPTH / 4)), foot, TERRAIN, GREENS[2]))
    return join(parts)
