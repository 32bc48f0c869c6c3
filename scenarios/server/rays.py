"""What a straight ray meets: the ground, bodies, and what stands beside the road."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.poses import Vector
from laco.scenarios.server.world import World

MARCH = 1.0  # [m] between samples of uneven ground


class Hit(NamedTuple):
    """Where, and what (CityObjectLabel); `share` is how far along the ray."""

    share: float
    point: Vector
    label: int

    def wire(self) -> list[Any]:
        """The protocol's LabelledPoint."""
        return [list(self.point), self.label]


def hits(world: World, start: Vector, end: Vector) -> list[Hit]:
    """Everything between two points [m], nearest first."""
    found = list(_bodies(world, start, end))
    share = _ground(world, start, end)
    if share is not None:
        x, y, z = _along(start, end, share)
        found.append(Hit(share, (x, y, z), world.roads.surface(x, y)))
    return sorted(found)


def _bodies(world: World, start: Vector, end: Vector) -> Iterable[Hit]:
    solids = [actor for actor in world.actors.values() if isinstance(actor, Solid)]
    for solid in (*solids, *world.level):
        share = _entry(solid, start, end)
        if share is not None:
            yield Hit(share, _along(start, end, share), solid.blueprint.label)


def _entry(solid: Solid, start: Vector, end: Vector) -> float | None:
    """Share of the segment at which it enters an upright box; None when it passes, or begins inside."""
    x, y, yaw, length, width = solid.box()
    c, s = math.cos(yaw), math.sin(yaw)
    px, py = start[0] - x, start[1] - y
    dx, dy, dz = end[0] - start[0], end[1] - start[1], end[2] - start[2]
    half = solid.height / 2
    near, far = -math.inf, 1.0
    for origin, step, reach in (
        (px * c + py * s, dx * c + dy * s, length),
        (py * c - px * s, dy * c - dx * s, width),
        (start[2] - solid.z - half, dz, half),
    ):
        if abs(step) < 1e-12:
            if abs(origin) > reach:
                return None
            continue
        low, high = sorted(((-reach - origin) / step, (reach - origin) / step))
        near, far = max(near, low), min(far, high)
    return near if 0.0 <= near <= far else None


def _ground(world: World, start: Vector, end: Vector) -> float | None:
    """Share of the segment at which it goes below the ground."""
    if world.roads.level:
        return start[2] / (start[2] - end[2]) if start[2] >= 0.0 > end[2] else None
    steps = min(1000, max(1, math.ceil(math.dist(start, end) / MARCH)))
    above = 0.0
    for i in range(steps + 1):
        if _height(world, start, end, i / steps) < 0.0:
            return _crossing(world, start, end, above, i / steps) if i else None
        above = i / steps
    return None


def _crossing(world: World, start: Vector, end: Vector, above: float, below: float) -> float:
    for _ in range(12):
        middle = (above + below) / 2
        if _height(world, start, end, middle) < 0.0:
            below = middle
        else:
            above = middle
    return below


def _height(world: World, start: Vector, end: Vector, share: float) -> float:
    x, y, z = _along(start, end, share)
    return z - world.roads.ground(x, y)


def _along(start: Vector, end: Vector, share: float) -> Vector:
    return (
        start[0] + share * (end[0] - start[0]),
        start[1] + share * (end[1] - start[1]),
        start[2] + share * (end[2] - start[2]),
    )
