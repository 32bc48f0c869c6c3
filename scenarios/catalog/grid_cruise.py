"""grid-cruise-v1: 6 to 16 connected vehicles cruise through a grid whose lights are off; trucks hide cars that cross.

Map `grid`; nobody minds its lights, as in the benchmarks that turn them off. Three to five of its junctions, no two of
them neighbours, each have a car coming from the side behind trucks parked in the outer lane of a vehicle's arm, a
connected vehicle that sees it, and sometimes one more that follows or comes the other way, and through traffic.
Every junction is turned by quarters of its own; said here for one coming from the south, and the car from the east.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from laco.scenarios.catalog.paths import (
    CARS,
    EAST,
    HAZARDS,
    LIMIT,
    NORTH,
    SOUTH,
    WEST,
    Array,
    Pen,
    arrival,
    ego,
    moved,
    start,
    turned,
)
from laco.scenarios.catalog.rows import JAM, TRUCKS, row
from laco.scenarios.layout import Layout, Mover, Placement

ID = "grid-cruise-v1"
JUNCTIONS = ((100.0, -100.0), (340.0, -100.0), (100.0, -340.0), (340.0, -340.0), (220.0, -220.0))  # [m]
INNER, OUTER, BOX = 1.6, 4.8, 11.4  # [m] lane centres from the road's middle, half side of a junction
PARKED, CORNER = 4.95, 12.2  # [m] middle of a parked truck; nearest its end comes to the junction's middle
BEND = BOX - OUTER  # [m] radius of a right turn
NAMES = "ABCDEFGHIJKLMNOP"


@dataclass
class _Knot:
    """What happens at one junction, before it has names: the first of egos is the one in danger, the second sees."""

    egos: list[tuple[Array, float]]
    parked: tuple[Placement, ...]
    movers: tuple[Mover, ...]


def layout(seed: int) -> Layout:
    """Everything a seed decides: which junctions, how many at each, from where, speeds, how soon the cars come."""
    rng = np.random.default_rng([seed, 0x6C1D])
    count = int(rng.integers(3, 6))
    sizes = [int(rng.integers(2, 5)) for _ in range(count)]
    while sum(sizes) > len(NAMES):
        sizes[sizes.index(max(sizes))] -= 1
    names = iter(NAMES)
    parts = [
        _placed(rng, f"_{i}" if i else "", names, _knot(rng, size), JUNCTIONS[j])
        for i, (size, j) in enumerate(zip(sizes, rng.permutation(len(JUNCTIONS)), strict=False))
    ]
    return Layout(
        scenario=ID,
        seed=seed,
        map="grid",
        limit=LIMIT,
        egos=tuple(e for part in parts for e in part.egos),
        parked=tuple(p for part in parts for p in part.parked),
        movers=tuple(m for part in parts for m in part.movers),
        notes={"vehicles": float(sum(sizes)), "hazards": float(count)},
    )


def _placed(
    rng: np.random.Generator, tag: str, names: Iterator[str], knot: _Knot, junction: tuple[float, float]
) -> Layout:
    """A knot at its junction, turned at random."""
    egos = tuple(ego(next(names), str(rng.choice(CARS)), path, speed) for path, speed in knot.egos)
    alone = Layout(ID, 0, "grid", LIMIT, egos, knot.parked, knot.movers)
    return moved(turned(alone, int(rng.integers(4))), *junction, tag)


def _knot(rng: np.random.Generator, size: int) -> _Knot:
    a_from, a_speed = rng.uniform(52.0, 64.0), rng.uniform(7.5, 10.5)
    a: Array = np.array([[INNER, a_from], [INNER, -46.0]])
    speed, late = rng.uniform(10.5, 13.5), rng.uniform(-0.4, 0.7)
    since = arrival(a, a_speed, a_from + INNER) + late
    x = INNER + speed * since
    west = bool(rng.random() < 0.5)
    sees = _from_the_west(rng) if west else _from_the_east(rng, x)
    egos = [(a, a_speed), sees, *_more(rng, a_from, a_speed, size - 2)]
    movers = [_hazard(str(rng.choice(HAZARDS)), x, speed, since)]
    if not west and rng.random() < 0.6:
        movers.append(_traffic(rng, since))
    return _Knot(egos, _trucks(rng), tuple(movers))


def _from_the_west(rng: np.random.Generator) -> tuple[Array, float]:
    """One that faces the hidden car and turns right before it."""
    away = rng.uniform(46.0, 60.0)
    pen = Pen(-away, OUTER, EAST).ahead(away - BOX).turn(90.0, BEND).ahead(rng.uniform(24.0, 32.0))
    return pen.path, float(rng.uniform(6.0, 8.5))


def _from_the_east(rng: np.random.Generator, x: float) -> tuple[Array, float]:
    """One that drives ahead of the hidden car in the outer lane, and turns right."""
    away = x - rng.uniform(8.0, 20.0)
    pen = Pen(away, -OUTER, WEST).ahead(away - BOX).turn(90.0, BEND).ahead(rng.uniform(24.0, 32.0))
    return pen.path, float(rng.uniform(8.0, 10.0))


def _more(rng: np.random.Generator, a_from: float, a_speed: float, count: int) -> list[tuple[Array, float]]:
    """Up to two: one that comes the other way, one that follows the first and stops behind it."""
    away, gap = rng.uniform(50.0, 66.0), rng.uniform(15.0, 20.0)
    other = np.array([[-INNER, -away], [-INNER, 46.0]]), float(rng.uniform(6.5, 9.0))
    follower = np.array([[INNER, a_from + gap], [INNER, -31.0]]), a_speed
    some = [other, follower] if rng.random() < 0.5 else [follower, other]
    return some[:count]


def _hazard(blueprint: str, x: float, speed: float, since: float) -> Mover:
    """It crosses, and stops on the other side."""
    path: Array = np.array([[x, -INNER], [-120.0, -INNER]])
    brakes = since + 36.0 / speed
    profile = ((0.0, speed), (brakes, speed), (brakes + speed / 3.0, 0.0))
    return Mover(start("hazard", blueprint, path, speed), path, profile, hazard=True)


def _traffic(rng: np.random.Generator, since: float) -> Mover:
    """A car from the north that crosses after the hidden one."""
    speed = float(rng.uniform(7.0, 9.0))
    y = -speed * (since + rng.uniform(2.5, 4.0))
    return Mover.steady(Placement("traffic", str(rng.choice(CARS)), -OUTER, max(y, -96.0), SOUTH, speed))


def _trucks(rng: np.random.Generator) -> tuple[Placement, ...]:
    """In the outer lane of the arm from the south, and around the corner in the one to the east."""
    end, gap = CORNER + rng.uniform(0.0, 1.2), rng.uniform(0.4, 1.0)
    kinds = [str(rng.choice(JAM)) for _ in range(6)]
    kinds[0] = str(rng.choice(TRUCKS))
    along: Array = np.array([[PARKED, end], [PARKED, end + 90.0]])
    corner: Array = np.array([[end, PARKED], [end + 40.0, PARKED]])
    return (*row("truck", kinds[:5], along, 0.0, gap, NORTH), *row("corner", (*kinds[5:], TRUCKS[1]), corner, 0.0, gap))
