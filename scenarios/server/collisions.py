"""Bodies that touch: which, how they part, and the impulse.

Broad phase: a neighbour list as in molecular dynamics. Pairs nearer than a skin are found once, and looked
for again only when something can have moved half the skin. Narrow phase: separating axes (`laco.geometry`).
Response: perfectly inelastic along the normal, momentum kept; boxes are moved apart; nothing spins.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from laco.geometry import separations
from laco.scenarios.server.actors import Solid

SKIN = 6.0  # [m]
GAP = 1e-3  # [m] left between bodies moved apart, so that resting ones do not touch on
CELL = 16.0  # [m] of the grid that holds what never moves

Way = tuple[float, float, float]


class Contact(NamedTuple):
    """Two bodies that met: `impulse` (x, y) [N s] is what `second` got; `first` got its opposite."""

    first: Solid
    second: Solid
    impulse: tuple[float, float]


class Collisions:
    """Finds and resolves contacts among solids and the level's boxes."""

    def __init__(self, level: Iterable[Solid]) -> None:
        self._grid: dict[tuple[int, int], list[Solid]] = {}
        for solid in level:
            for cell in _cells(solid.x, solid.y, solid.radius):
                self._grid.setdefault(cell, []).append(solid)
        self._pairs: list[tuple[Solid, Solid]] = []
        self._slack = -1.0  # [m] how far anything may still move before pairs must be found again

    def forget(self) -> None:
        """Bodies came, went or jumped: find the pairs again."""
        self._slack = -1.0

    def resolve(self, solids: list[Solid], travel: float, dt: float) -> list[Contact]:
        """Part every overlapping pair after a step in which nothing moved farther than `travel` [m]."""
        self._slack -= 2.0 * travel
        if self._slack < 0.0:
            self._pairs = self._near(solids)
            self._slack = SKIN
        contacts = []
        for a, b in self._pairs:
            dx, dy, reach = b.x - a.x, b.y - a.y, a.radius + b.radius
            if dx * dx + dy * dy < reach * reach:
                contact = self._part(a, b, dt)
                if contact is not None:
                    contacts.append(contact)
        return contacts

    def _near(self, solids: list[Solid]) -> list[tuple[Solid, Solid]]:
        """Pairs closer than the skin of which at least one can move, in an order that depends on ids
        alone."""
        bodies = sorted((s for s in solids if s.collides), key=lambda s: (s.x - s.radius, s.id))
        pairs: list[tuple[Solid, Solid]] = []
        for i, a in enumerate(bodies):
            limit = a.x + a.radius + SKIN
            for b in bodies[i + 1 :]:
                if b.x - b.radius > limit:
                    break
                if (a.inverse_mass or b.inverse_mass) and _gap(a, b) < SKIN:
                    pairs.append((a, b) if a.id < b.id else (b, a))
        pairs.sort(key=lambda pair: (pair[0].id, pair[1].id))
        if self._grid:
            pairs += [
                (a, b) for a in solids if a.collides and a.inverse_mass for b in self.level_near(a, SKIN)
            ]
        return pairs

    def level_near(self, solid: Solid, margin: float) -> list[Solid]:
        """The level's boxes whose circle is within `margin` [m] of the solid's."""
        found: dict[int, Solid] = {}
        for cell in _cells(solid.x, solid.y, solid.radius + margin):
            for other in self._grid.get(cell, ()):
                if _gap(solid, other) < margin:
                    found[other.id] = other
        return [found[key] for key in sorted(found)]

    def _part(self, a: Solid, b: Solid, dt: float) -> Contact | None:
        if a.z > b.z + b.height or b.z > a.z + a.height:
            return None
        ways = separations(a.box(), b.box())
        share = a.inverse_mass + b.inverse_mass
        if ways is None or not share:
            return None
        relative = (a.vx - b.vx, a.vy - b.vy)
        nx, ny, depth = _entry(ways, relative, dt)
        move = (depth + GAP) / share
        self._slack -= depth + GAP
        if a.inverse_mass:
            a.shift(-nx * move * a.inverse_mass, -ny * move * a.inverse_mass)
        if b.inverse_mass:
            b.shift(nx * move * b.inverse_mass, ny * move * b.inverse_mass)
        impulse = max(0.0, relative[0] * nx + relative[1] * ny) / share
        jx, jy = impulse * nx, impulse * ny
        if impulse:
            _strike(a, -jx, -jy, dt)
            _strike(b, jx, jy, dt)
        return Contact(a, b, (jx, jy))


def _entry(ways: list[Way], relative: tuple[float, float], dt: float) -> Way:
    """The face through which they met: the one crossed last, judged by their speed; else the shallowest."""
    best, shortest = None, 2.0 * dt
    for way in ways:
        closing = relative[0] * way[0] + relative[1] * way[1]
        if closing > 0.0 and way[2] < shortest * closing:
            best, shortest = way, way[2] / closing
    return best or min(ways, key=lambda way: way[2])


def _strike(body: Solid, x: float, y: float, dt: float) -> None:
    """Give a body an impulse [N s] within the step just made, so that its acceleration shows it."""
    if body.inverse_mass:
        x, y = x * body.inverse_mass, y * body.inverse_mass
        body.set_velocity(body.vx + x, body.vy + y)
        body.ax += x / dt
        body.ay += y / dt


def _gap(a: Solid, b: Solid) -> float:
    return math.hypot(b.x - a.x, b.y - a.y) - a.radius - b.radius


def _cells(x: float, y: float, radius: float) -> list[tuple[int, int]]:
    columns = range(math.floor((x - radius) / CELL), math.floor((x + radius) / CELL) + 1)
    rows = range(math.floor((y - radius) / CELL), math.floor((y + radius) / CELL) + 1)
    return [(column, row) for column in columns for row in rows]
