"""Bodies that touch: which, how they part, and the impulse.

`kernels` finds the pairs: boxes that overlap at the end of some part of a step, so that a fast body does not jump
through a thin one. Response: perfectly inelastic along the normal at the middle of the overlap, momentum and angular
momentum kept; boxes are moved apart.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from laco.geometry import common_middle, separations
from laco.scenarios.server import kernels
from laco.scenarios.server.actors import Solid
from laco.scenarios.server.bodies import Bodies

GAP = 1e-3  # [m] left between bodies moved apart, so that resting ones do not touch on
CELL = 16  # [m] of the grid that holds what never moves
MOST = 4096  # pairs in a step

Way = tuple[float, float, float]


class Contact(NamedTuple):
    """Two bodies that met: `impulse` (x, y) [N s] is what `second` got; `first` got its opposite."""

    first: Solid
    second: Solid
    impulse: tuple[float, float]


class Collisions:
    """Finds and resolves contacts among bodies and the level's boxes."""

    def __init__(self, level: Sequence[Solid]) -> None:
        self._level = level
        self.boxes = np.array([solid.row for solid in level]) if level else np.zeros((0, 1))
        self.grid = _grid(level)
        self.found = np.zeros((MOST, 3), dtype=np.int64)

    def resolve(self, bodies: Bodies, parts: int, dt: float) -> list[Contact]:
        """Part every pair that met within a step, which is looked at `parts` times."""
        contacts: list[Contact] = []
        for a, b, part in self._meetings(bodies, parts):
            if part < parts:  # they go no farther in this step
                a.back_to(part / parts)
                b.back_to(part / parts)
            contact = _part(a, b, dt)
            if contact is not None:
                contacts.append(contact)
        return contacts

    def _meetings(self, bodies: Bodies, parts: int) -> list[tuple[Solid, Solid, int]]:
        """In an order that depends on ids alone."""
        rows, count, found, solids = bodies.rows, len(bodies), self.found, bodies.solids
        pairs = []
        n = kernels.meetings(rows, count, parts, found)
        for i, j, part in self._stored(n):
            a, b = solids[i], solids[j]
            pairs.append((a, b, part) if a.id < b.id else (b, a, part))
        if self._level:
            n = kernels.level_meetings(rows, count, self.boxes, self.grid, parts, found)
            pairs += [(solids[i], self._level[j], part) for i, j, part in self._stored(n)]
        if len(pairs) > 1:
            first = {(a.id, b.id): (a, b, part) for a, b, part in reversed(pairs)}
            pairs = [first[key] for key in sorted(first)]
        return pairs

    def _stored(self, n: int) -> list[list[int]]:
        """The `n` pairs that a kernel has found, as far as there was room; mostly there is none."""
        return self.found[: min(n, MOST)].tolist() if n else []

    def level_near(self, solid: Solid, margin: float) -> list[Solid]:
        """The level's boxes whose circle is within `margin` [m] of the solid's."""
        return [other for other in self._level if other.collides and _gap(solid, other) < margin]


def _part(a: Solid, b: Solid, dt: float) -> Contact | None:
    """Move two overlapping bodies apart and let them share their momentum."""
    ways = separations(a.box(), b.box())
    share = a.inverse_mass + b.inverse_mass
    if ways is None or not share:
        return None
    relative = (a.vx - b.vx, a.vy - b.vy)
    nx, ny, depth = _entry(ways, relative, dt)
    x, y = common_middle(a.box(), b.box())
    arm_a, arm_b = (x - a.x) * ny - (y - a.y) * nx, (x - b.x) * ny - (y - b.y) * nx  # [m]
    move = (depth + GAP) / share
    if a.inverse_mass:
        a.shift(-nx * move * a.inverse_mass, -ny * move * a.inverse_mass)
    if b.inverse_mass:
        b.shift(nx * move * b.inverse_mass, ny * move * b.inverse_mass)
    closing = relative[0] * nx + relative[1] * ny + _rate(a) * arm_a - _rate(b) * arm_b
    impulse = max(0.0, closing) / (share + arm_a * arm_a / a.inertia + arm_b * arm_b / b.inertia)
    jx, jy = impulse * nx, impulse * ny
    if impulse:
        _strike(a, -jx, -jy, -impulse * arm_a, dt)
        _strike(b, jx, jy, impulse * arm_b, dt)
    return Contact(a, b, (jx, jy))


def _rate(body: Solid) -> float:
    return math.radians(body.yaw_rate)


def _entry(ways: list[Way], relative: tuple[float, float], dt: float) -> Way:
    """The face through which they met: the one crossed last, judged by their speed; else the shallowest."""
    best, shortest = None, 2.0 * dt
    for way in ways:
        closing = relative[0] * way[0] + relative[1] * way[1]
        if closing > 0.0 and way[2] < shortest * closing:
            best, shortest = way, way[2] / closing
    return best or min(ways, key=lambda way: way[2])


def _strike(body: Solid, x: float, y: float, moment: float, dt: float) -> None:
    """Give a body an impulse [N s] and its moment about the vertical [N m s] within the step just made, so that its
    acceleration shows it."""
    if body.inverse_mass:
        x, y = x * body.inverse_mass, y * body.inverse_mass
        body.set_velocity(body.vx + x, body.vy + y)
        body.turn(moment / body.inertia)
        body.ax += x / dt
        body.ay += y / dt


def _gap(a: Solid, b: Solid) -> float:
    return math.hypot(b.x - a.x, b.y - a.y) - a.radius - b.radius  # type: ignore[no-any-return]


def _grid(level: Sequence[Solid]) -> kernels.Indices:
    """The level's boxes by the cells that their circles touch, as `kernels.level_meetings` reads them."""
    spans = [
        (
            math.floor((s.x - s.radius) / CELL), math.floor((s.x + s.radius) / CELL),
            math.floor((s.y - s.radius) / CELL), math.floor((s.y + s.radius) / CELL),
        )
        for s in level
    ] or [(0, 0, 0, 0)]  # fmt: skip
    first, low = min(span[0] for span in spans), min(span[2] for span in spans)
    columns, lines = max(span[1] for span in spans) - first + 1, max(span[3] for span in spans) - low + 1
    cells: list[list[int]] = [[] for _ in range(columns * lines)]
    for index in range(len(level)):
        left, right, bottom, top = spans[index]
        for x in range(left, right + 1):
            for y in range(bottom, top + 1):
                cells[(x - first) * lines + y - low].append(index)
    head = [first, low, columns, lines, CELL]
    starts = np.cumsum([len(head) + len(cells) + 1, *map(len, cells)])  # where the lists begin, and the end
    return np.array([*head, *starts, *(index for cell in cells for index in cell)], dtype=np.int64)
