"""blind-curve-v1: behind a bend the other lane is blocked, so a car comes in A's; B, waiting there, sees it.

Map `curve`: A comes from the west into the tight bend, or from the east into the wide one; both lead to the right, and
trucks stand along the inside. The other lane is blocked just behind the bend. An unconnected car drives
round that on A's side, and past B, which comes to its goal there and waits. A cannot see them.
"""

import math

import numpy as np

from laco.scenarios.catalog.paths import (
    CARS,
    EAST,
    HAZARDS,
    LIMIT,
    WEST,
    Array,
    Pen,
    arrival,
    at,
    cut,
    ego,
    measured,
    start,
)
from laco.scenarios.catalog.rows import TRUCKS, VANS, row
from laco.scenarios.layout import Layout, Mover, Placement

ID = "blind-curve-v1"
TIGHT, LOOSE = 30.25, 58.25  # [m] radius of A's lane in either bend
STRAIGHT, NEXT_TIGHT, NEXT_LOOSE = 68.0, 33.75, 61.75  # [m] between the bends, and radius of A's lane in the next one
LEAD = 40.0  # [m] of A's lane before the bend
ASIDE, ACROSS = 3.75, 3.5  # [m] from the middle of A's lane to the trucks, and to the other lane
SWING, CLEAR = 12.0, 5.0  # [m] over which a car changes sides, and what it keeps from the blocked part


def layout(seed: int) -> Layout:
    """Everything a seed decides: which bend, what is blocked, starts and speeds, how soon the car comes."""
    rng = np.random.default_rng([seed, 0xB11D])
    tight = bool(rng.random() < 0.6)
    lane = _lane(tight, 0.0)
    end = LEAD + math.pi / 2 * (TIGHT if tight else LOOSE)  # [m] of A's lane to the end of the bend
    blocked = end + rng.uniform(4.0, 8.0), end + rng.uniform(24.0, 29.0)
    begin, a_speed = end - rng.uniform(68.0, 78.0), rng.uniform(8.0, 11.0)
    a_route = cut(lane, begin, blocked[1] + rng.uniform(20.0, 28.0))
    speed, late = rng.uniform(7.5, 9.5), rng.uniform(-0.5, 0.7)
    meet = blocked[0] - rng.uniform(2.0, 7.0)
    goal = blocked[1] + rng.uniform(8.0, 10.0)
    since = arrival(a_route, a_speed, meet - begin) + late
    path = _round(lane, blocked[0], goal + 4.0, meet, speed * since)
    room = max(5.0, min(rng.uniform(15.0, 19.0), meet + speed * since - goal - 10.0))  # the car starts behind B
    b_route = _beside(lane, goal, goal + room)[::-1]
    car, second = (str(c) for c in rng.choice(CARS, 2, replace=False))
    return Layout(
        scenario=ID,
        seed=seed,
        map="curve",
        limit=LIMIT,
        egos=(ego("A", car, a_route, a_speed), ego("B", second, b_route, rng.uniform(4.0, 5.5))),
        parked=(*_inside(rng, tight), *_broken_down(rng, lane, blocked)),
        movers=(Mover(start("hazard", str(rng.choice(HAZARDS)), path, speed), path, ((0.0, speed),), hazard=True),),
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": since, "tight": float(tight)},
    )


def _lane(tight: bool, right: float) -> Array:
    """A's way through its bend and the next one, or what lies `right` of it."""
    x, y, yaw = (-LEAD, 1.75 + right, EAST) if tight else (92.0 + LEAD, 158.25 - right, WEST)
    first, second = (TIGHT, NEXT_LOOSE) if tight else (LOOSE, NEXT_TIGHT)
    pen = Pen(x, y, yaw).ahead(LEAD).turn(90.0, first - right)
    return pen.ahead(STRAIGHT).turn(-90.0, second + right).ahead(100.0).path


def _beside(lane: Array, begin: float, end: float, sides: Array | None = None) -> Array:
    """Points, a metre apart, along the other lane from `begin` to `end` [m] of A's; sides [n]: 1 is A's lane, 0 not."""
    along, distance = _metres(begin, end), measured(lane)
    here, there = (np.stack([np.interp(s, distance, lane[:, i]) for i in (0, 1)], axis=1) for s in (along, along + 0.1))
    step = there - here
    left = np.stack([step[:, 1], -step[:, 0]], axis=1) / np.hypot(*step.T)[:, None]
    share = np.zeros(len(along)) if sides is None else sides
    return np.asarray(here + ACROSS * (1.0 - share)[:, None] * left)


def _metres(begin: float, end: float) -> Array:
    return np.linspace(begin, end, max(2, round(abs(end - begin))))


def _round(lane: Array, begin: float, end: float, meet: float, before: float) -> Array:
    """The path of a car that comes the other way, keeps to A's lane between `end` and `begin` [m] of that, and is at
    `meet` after `before` [m]."""
    along = _metres(begin - CLEAR - SWING - 30.0, meet + before + 20.0)
    returns = np.clip((along - (begin - CLEAR - SWING)) / SWING, 0.0, 1.0)
    leaves = np.clip((end + CLEAR + SWING - along) / SWING, 0.0, 1.0)
    share = np.minimum(returns, leaves)
    path = _beside(lane, along[0], along[-1], share * share * (3 - 2 * share))[::-1]
    done = measured(path)
    met = float(np.interp(-meet, -along[::-1], done))
    return cut(path, met - before, float(done[-1]))


def _broken_down(rng: np.random.Generator, lane: Array, blocked: tuple[float, float]) -> tuple[Placement, ...]:
    """Two vans, or a van and a truck, in the other lane."""
    first = _stands("broken0", str(rng.choice(VANS)), lane, blocked[0] + 3.2)
    return first, _stands("broken1", str(rng.choice((*VANS, *TRUCKS))), lane, blocked[1] - 4.3)


def _stands(role: str, blueprint: str, lane: Array, along: float) -> Placement:
    """In the other lane, looking along it."""
    x, y, yaw = at(lane, along)
    pen = Pen(x, y, yaw - 90.0).ahead(ACROSS + 0.2)
    return Placement(role, blueprint, pen.x, pen.y, yaw + 180.0)


def _inside(rng: np.random.Generator, tight: bool) -> tuple[Placement, ...]:
    """Trucks and a van along the inner kerb, from before the bend to past its end."""
    kinds = [*(str(rng.choice(TRUCKS)) for _ in range(9 if tight else 11)), str(rng.choice(VANS))]
    begin = LEAD - (rng.uniform(26.0, 30.0) if tight else rng.uniform(1.0, 4.0))
    return row("truck", kinds, _lane(tight, ASIDE), begin, rng.uniform(0.9, 1.1))
