"""Buildings and trees beside the roads: boxes and trunks with a height, placed by a seeded generator.

Nothing stands on a road, a sidewalk or a junction. Needs `shapely`, which comes with the extra `maps`.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from laco.scenarios.maps.document import Anchor, Document, number
from laco.scenarios.maps.network import Network, Points

Range = tuple[float, float]
APART = 0.6  # [m] at least between two things
CLEAR = 0.8  # [m] at least to any road or sidewalk


@dataclass(frozen=True)
class Scenery:
    """What stands beside the roads of a map; all lengths in [m].

    Buildings stand in rows, `setback` behind the sidewalk, and begin at the corners; trees stand in rows in front of
    them. A `gap` lies between two of a row. `reach` is how much of a road's ends, seen from its junctions, is built.
    """

    seed: int
    building_gap: Range | None = (1.0, 8.0)
    setback: Range = (1.2, 3.0)
    front: Range = (10.0, 22.0)
    depth: Range = (9.0, 14.0)
    height: Range = (6.0, 18.0)
    tree_gap: Range | None = (14.0, 30.0)
    tree_setback: Range = (1.0, 1.8)
    tree_height: Range = (5.0, 9.0)
    reach: float = math.inf
    extra: "tuple[Stand, ...]" = ()  # what stands at given places


@dataclass(frozen=True)
class Stand:
    """One thing: kind, centre, heading [rad], and length, width and height."""

    kind: str
    x: float
    y: float
    heading: float
    length: float
    width: float
    height: float

    def footprint(self) -> Any:
        """As a shapely polygon."""
        from shapely import Polygon

        c, s = math.cos(self.heading), math.sin(self.heading)
        half = ((1, 1), (-1, 1), (-1, -1), (1, -1))
        corners = [(u * self.length / 2, v * self.width / 2) for u, v in half]
        return Polygon([(self.x + u * c - v * s, self.y + u * s + v * c) for u, v in corners])


def add_scenery(document: Document, network: Network, scenery: Scenery) -> list[Stand]:
    """Place buildings and trees and write them as objects; the same for the same seed."""
    rng = random.Random(scenery.seed)
    taken = _Taken(network)
    stands = [stand for stand in scenery.extra if taken.add(stand)]
    for row in (_buildings, _trees):
        for border in _sides(network):
            stands += [stand for stand in row(rng, scenery, border) if taken.add(stand)]
    placed = [(stand, at) for stand in stands if (at := document.anchor(stand.x, stand.y)) is not None]
    for index, (stand, at) in enumerate(placed):
        _write(at, 6001 + index, stand)
    return [stand for stand, _ in placed]


class _Taken:
    """Ground on which nothing more may stand."""

    def __init__(self, network: Network) -> None:
        from shapely import STRtree, union_all

        self._roads = union_all(ground(network)).buffer(CLEAR)
        self._stands: list[Any] = []
        self._tree = STRtree([])

    def add(self, stand: Stand) -> bool:
        """Take the ground of a thing, if it is free."""
        from shapely import STRtree

        shape = stand.footprint()
        near = shape.buffer(APART)
        if shape.intersects(self._roads) or len(self._tree.query(near, predicate="intersects")):
            return False
        self._stands.append(shape)
        self._tree = STRtree(self._stands)
        return True


def ground(network: Network) -> list[Any]:
    """Shapely polygons of all lanes, junctions, crosswalks and walking areas."""
    from shapely import LineString, Polygon

    lanes = [lane for edge in network.edges.values() for lane in edge.lanes]
    strips = [LineString(lane.shape).buffer(lane.width / 2, cap_style="flat") for lane in lanes]
    ways = [LineString(link.shape).buffer(2.0) for link in network.links]
    zebras = [LineString(one.shape).buffer(one.width / 2) for one in network.crossings]
    outlines = [*network.junctions.values(), *network.areas]
    return [*strips, *ways, *zebras, *(Polygon(one).buffer(0) for one in outlines if len(one) > 2)]


def _sides(network: Network) -> Iterator[tuple[Points, bool, bool]]:
    """The outer borders of all roads, their free side to the right, and whether a junction lies at either end."""
    pairs = {(edge.source, edge.target) for edge in network.edges.values()}
    ends = {link.junction for link in network.links}
    for edge in network.edges.values():
        yield edge.right_border, edge.source in ends, edge.target in ends
        if (edge.target, edge.source) not in pairs:
            yield edge.left_border[::-1], edge.target in ends, edge.source in ends


def _buildings(rng: random.Random, scenery: Scenery, side: tuple[Points, bool, bool]) -> Iterator[Stand]:
    if scenery.building_gap is None:
        return
    border, *_ = side
    length = _length(border)
    s = rng.uniform(0.5, 1.5)
    while s < length - scenery.front[0]:
        front, depth = rng.uniform(*scenery.front), rng.uniform(*scenery.depth)
        back, height = rng.uniform(*scenery.setback), rng.uniform(*scenery.height)
        if s + front > length - scenery.front[0] / 2:
            front = length - rng.uniform(0.5, 1.5) - s  # the last of the row stands at the corner
        if _built(side, s + front / 2, front / 2, length, scenery.reach):
            yield _stand("building", border, s + front / 2, back + depth / 2, (front, depth, height))
        s += front + rng.uniform(*scenery.building_gap)


def _trees(rng: random.Random, scenery: Scenery, side: tuple[Points, bool, bool]) -> Iterator[Stand]:
    if scenery.tree_gap is None:
        return
    border, *_ = side
    s, length = rng.uniform(*scenery.tree_gap) / 2, _length(border)
    while s < length:
        trunk = rng.uniform(0.4, 0.8)
        back, height = rng.uniform(*scenery.tree_setback), rng.uniform(*scenery.tree_height)
        yield _stand("tree", border, s, back + trunk / 2, (trunk, trunk, height))
        s += rng.uniform(*scenery.tree_gap)


def _built(side: tuple[Points, bool, bool], s: float, half: float, length: float, reach: float) -> bool:
    """Whether a building whose middle is at `s` begins within `reach` of a junction."""
    _, at_start, at_end = side
    return bool(
        (at_start and s - half < reach) or (at_end and length - s - half < reach) or math.isinf(reach)
    )


def _length(line: Points) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def _stand(kind: str, border: Points, s: float, aside: float, size: tuple[float, float, float]) -> Stand:
    """A thing that stands `aside` to the right of a border, at `s` along it."""
    steps = np.linalg.norm(np.diff(border, axis=0), axis=1)
    ends = np.cumsum(steps)
    i = min(int(np.searchsorted(ends, s)), len(steps) - 1)
    way = (border[i + 1] - border[i]) / steps[i]
    x, y = border[i] + way * (s - (ends[i] - steps[i])) + aside * np.array([way[1], -way[0]])
    return Stand(kind, float(x), float(y), math.atan2(way[1], way[0]), *size)


def _write(at: Anchor, id: int, stand: Stand) -> None:
    turn = math.remainder(stand.heading - at.heading, 2 * math.pi)
    item = ET.SubElement(
        at.road.objects, "object", id=str(id), name=f"{stand.kind}_{id - 6000}", type=stand.kind, s=number(at.s, 3),
        t=number(at.t, 3), zOffset="0", hdg=number(turn, 6), pitch="0", roll="0", orientation="none",
    )  # fmt: skip
    if stand.kind == "tree":
        item.set("radius", number(stand.length / 2, 3))
    else:
        item.set("length", number(stand.length, 3))
        item.set("width", number(stand.width, 3))
    item.set("height", number(stand.height, 2))
