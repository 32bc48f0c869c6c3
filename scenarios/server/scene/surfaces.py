"""The road itself: lanes, raised sidewalks, junction areas, painted lines and crosswalks."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.scene.mesh import Colour, Mesh, join, plain
from laco.scenarios.server.scene.strips import Mark, Strip

ROAD, SIDEWALK, TERRAIN, LINE, GROUND, RAIL = 1, 2, 10, 24, 25, 27  # CityObjectLabel
CURB = 0.08  # [m] a sidewalk is higher than the road
PAINT = 0.02  # [m] a line lies above the road
SUNK = 0.02  # [m] a junction's area lies below its lanes
DASH, GAP = 3.0, 6.0  # [m] of a broken line
BETWEEN = 0.12  # [m] of the two lines of a double one
STRIPE = 0.5  # [m] of a crosswalk's bars, and of the gaps
PAVED: dict[str, tuple[int, Colour]] = {
    "Driving": (ROAD, (84, 85, 88)),
    "Parking": (ROAD, (97, 96, 96)),
    "Stop": (ROAD, (97, 96, 96)),
    "Shoulder": (ROAD, (104, 102, 98)),
    "Border": (GROUND, (112, 108, 100)),
    "Biking": (ROAD, (120, 80, 70)),
    "Sidewalk": (SIDEWALK, (160, 157, 150)),
    "Median": (TERRAIN, (98, 128, 72)),
    "Restricted": (ROAD, (110, 106, 102)),
    "Bidirectional": (ROAD, (84, 85, 88)),
    "Rail": (RAIL, (120, 112, 104)),
    "Tram": (RAIL, (120, 112, 104)),
}
KERBSTONE: Colour = (118, 116, 112)
COLOURS: dict[str, Colour] = {
    "Yellow": (222, 176, 40),
    "Blue": (60, 90, 190),
    "Green": (60, 150, 80),
    "Red": (190, 60, 50),
}
WHITE: Colour = (232, 232, 228)
# sides of the edge [multiples of `BETWEEN`, positive is outwards] and whether the line is broken there
PATTERNS: dict[str, tuple[tuple[float, bool], ...]] = {
    "Broken": ((0.0, True),),
    "Solid": ((0.0, False),),
    "SolidSolid": ((-1.0, False), (1.0, False)),
    "SolidBroken": ((-1.0, False), (1.0, True)),
    "BrokenSolid": ((-1.0, True), (1.0, False)),
    "BrokenBroken": ((-1.0, True), (1.0, True)),
    "BottsDots": ((0.0, True),),
}
Points = NDArray[np.float64]


def ribbon(left: Points, right: Points, label: int, colour: Colour) -> Mesh:
    """The strip between two edges [n, 3] that run forward, seen from above."""
    count = len(left)
    corner = np.arange(count - 1)
    lower = np.stack((corner, corner + 1, corner + 1 + count), axis=1)
    upper = np.stack((corner, corner + 1 + count, corner + count), axis=1)
    return plain(np.concatenate((left, right)), np.concatenate((lower, upper)), label, colour)


def lane(strip: Strip) -> Mesh:
    """The surface of one lane; nothing for a kind that is not paved."""
    if strip.kind not in PAVED:
        return join(())
    label, colour = PAVED[strip.kind]
    if strip.kind != "Sidewalk":
        return ribbon(strip.inner, strip.outer, label, colour)
    inner, outer = _raised(strip.inner, CURB), _raised(strip.outer, CURB)
    return join(
        (
            ribbon(inner, outer, label, colour),
            ribbon(strip.inner, inner, label, KERBSTONE),
            ribbon(outer, strip.outer, label, KERBSTONE),
        )
    )


def lines(strip: Strip) -> Mesh:
    """What is painted along a lane's edges."""
    across = strip.outer - strip.inner
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    inset = strip.edge and strip.kind == "Driving"
    return join(
        (
            *_edge_lines(strip.outer, across, strip.outer_marks, inset),
            *_edge_lines(strip.inner, across, strip.inner_marks, False),
        )
    )


def junctions(strips: Iterable[Strip]) -> Mesh:
    """The area of every junction: the convex hull of what is driven on there."""
    points: dict[str, list[Points]] = defaultdict(list)
    for strip in strips:
        if strip.junction != "-1" and strip.kind == "Driving":
            points[strip.junction] += [strip.inner, strip.outer]
    return join(_area(np.concatenate(edges)) for edges in points.values())


def crosswalks(corners: list[Any]) -> Mesh:
    """Zebra bars on the client's `get_crosswalks()`: closed outlines, one after the other."""
    bars: list[Mesh] = []
    outline: list[tuple[float, float, float]] = []
    for corner in corners:
        point = (corner.x, corner.y, corner.z)
        if outline and np.allclose(point, outline[0], atol=1e-3):
            bars.append(_zebra(np.array(outline)))
            outline = []
        else:
            outline.append(point)
    return join(bars)


def _raised(points: Points, height: float) -> Points:
    raised: Points = points + np.array((0.0, 0.0, height))
    return raised


def _edge_lines(edge: Points, across: Points, marks: list[Mark], inset: bool) -> Iterable[Mesh]:
    start = 0
    while start < len(marks) - 1:
        end = start + 1
        while end < len(marks) - 1 and marks[end] == marks[start]:
            end += 1
        mark, piece = marks[start], slice(start, end + 1)
        width = mark.width or 0.15
        shift = -(width / 2 + 0.05) if inset else 0.0
        for side, broken in PATTERNS.get(mark.kind, ()):
            where = _raised(edge[piece] + across[piece] * (shift + side * BETWEEN), PAINT)
            yield from _line(where, across[piece] * width / 2, broken, COLOURS.get(mark.colour, WHITE))
        start = end


def _line(where: Points, half: Points, broken: bool, colour: Colour) -> Iterable[Mesh]:
    """A line of half width `half` [n, 3] along points [n, 3]."""
    if not broken:
        yield ribbon(where - half, where + half, LINE, colour)
        return
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(where, axis=0), axis=1))))
    table = np.hstack((where, half))
    for begin in np.arange(GAP / 2, along[-1] - DASH / 2, DASH + GAP):
        end = min(begin + DASH, along[-1])
        places = np.array([begin, *along[(along > begin) & (along < end)], end])
        rows = np.stack([np.interp(places, along, column) for column in table.T], axis=1)
        yield ribbon(rows[:, :3] - rows[:, 3:], rows[:, :3] + rows[:, 3:], LINE, colour)


def _area(points: Points) -> Mesh:
    hull = _hull(points)
    fan = np.array([(0, i, i + 1) for i in range(1, len(hull) - 1)], np.int32).reshape(-1, 3)
    label, colour = PAVED["Driving"]
    return plain(_raised(hull, -SUNK), fan, label, colour)


def _hull(points: Points) -> Points:
    """Corners of the convex hull on the plane, going round so that it is seen from above (monotone chain)."""
    ordered = sorted({(round(x, 3), round(y, 3)): (x, y, z) for x, y, z in points.tolist()}.values())

    def half(sequence: Iterable[tuple[float, ...]]) -> list[tuple[float, ...]]:
        chain: list[tuple[float, ...]] = []
        for p in sequence:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], p) <= 0.0:
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return np.array(half(ordered) + half(reversed(ordered)))


def _turn(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _zebra(outline: Points) -> Mesh:
    """Bars across the longer side of a four-cornered outline; another shape is painted over as it is."""
    if len(outline) != 4:
        hull = _hull(outline)
        fan = np.array([(0, i, i + 1) for i in range(1, len(hull) - 1)], np.int32).reshape(-1, 3)
        return plain(_raised(hull, PAINT), fan, LINE, WHITE)
    a, b, c, d = outline if _turn(*outline[:3].tolist()) > 0.0 else outline[::-1]
    if np.linalg.norm(b - a) < np.linalg.norm(c - b):
        a, b, c, d = b, c, d, a
    length = float(np.linalg.norm(b - a))
    bars = []
    for begin in np.arange(STRIPE / 2, length - STRIPE / 2, 2 * STRIPE):
        near, far = begin / length, min(begin + STRIPE, length) / length
        left = np.stack((a + near * (b - a), a + far * (b - a)))
        right = np.stack((d + near * (c - d), d + far * (c - d)))
        bars.append(ribbon(_raised(left, PAINT), _raised(right, PAINT), LINE, WHITE))
    return join(bars)
