"""unprotected-left-v1: A turns left; a truck that waits to do the same opposite hides the lane beside it, in which a
car comes straight on. B comes behind it and sees it, and the lane, until it turns right.

Middle junction of the map `grid`, its lights standing still: green for A and for the oncoming traffic. The hazard
comes at constant speed, timed around the moment at which an unhindered A would cross its lane. On some seeds
connected C goes ahead of A.
"""

import numpy as np

from laco.scenarios.catalog.paths import LIMIT, NORTH, SOUTH, Array, arc, arrival
from laco.scenarios.catalog.rows import TRUCKS, drawn_row
from laco.scenarios.catalog.signals import BOX, INNER, MIDDLE, OUTER, place, there
from laco.scenarios.layout import Ego, Layout, Mover, Placement

ID = "unprotected-left-v1"
CARS = ("vehicle.lincoln.mkz_2020", "vehicle.tesla.model3", "vehicle.toyota.prius", "vehicle.seat.leon")
COMING = ("vehicle.audi.tt", "vehicle.ford.mustang", "vehicle.nissan.micra", "vehicle.mercedes.sprinter")
WAITING = (*TRUCKS, "vehicle.mitsubishi.fusorosa")
TURN = BOX + INNER  # [m] radius of A's turn


def layout(seed: int) -> Layout:
    """Everything a seed decides: what waits opposite, distances and speeds."""
    rng = np.random.default_rng([seed, 0x1EF7])
    a_from, a_speed = rng.uniform(38.0, 54.0), rng.uniform(7.0, 10.5)
    route_a = there(_turn(a_from, rng.uniform(42.0, 50.0)))
    # Where the turn crosses the outer lane of those who come the other way.
    crossed = BOX - np.sqrt(TURN**2 - (BOX - OUTER) ** 2)
    along = a_from - BOX + TURN * np.arccos((BOX - OUTER) / TURN)
    speed, late = rng.uniform(9.5, 12.3), rng.uniform(-0.5, 0.6)
    met = arrival(route_a, a_speed, along) + late
    hazard = place("hazard", str(rng.choice(COMING)), -OUTER, crossed - speed * met, SOUTH, speed)
    return Layout(
        scenario=ID,
        seed=seed,
        map="grid",
        limit=LIMIT,
        egos=(
            Ego(place("A", str(rng.choice(CARS)), INNER, a_from, NORTH, a_speed), route_a),
            _behind(rng, hazard),
            *([_ahead(rng)] if rng.random() < 0.4 else []),
        ),
        parked=_waiting(rng),
        movers=(Mover.steady(hazard, hazard=True),),
        green=NORTH,
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": met},
    )


def _turn(start: float, end: float) -> Array:
    """A's way from y = `start` [m], left into the western arm, to x = -`end` [m]."""
    bend = arc((-BOX, BOX), TURN, 0.0, -90.0)
    return np.concatenate([[[INNER, start]], bend, [[-end, -INNER]]])


def _behind(rng: np.random.Generator, hazard: Placement) -> Ego:
    """B, behind the hazard, about to turn right into the western arm's outer lane."""
    x, start = -OUTER, hazard.y - MIDDLE[1] - rng.uniform(13.0, 20.0)
    bend = arc((-BOX, -BOX), BOX - OUTER, 0.0, 90.0)
    route = there(np.concatenate([[[x, start]], bend, [[-BOX - rng.uniform(22.0, 30.0), -OUTER]]]))
    return Ego(place("B", str(rng.choice(CARS)), x, start, SOUTH, hazard.speed), route)


def _ahead(rng: np.random.Generator) -> Ego:
    """C, straight on through the junction ahead of A."""
    start = rng.uniform(-10.0, 6.0)
    route = there(np.array([[OUTER, start], [OUTER, start - rng.uniform(52.0, 62.0)]]))
    return Ego(place("C", str(rng.choice(CARS)), OUTER, start, NORTH, rng.uniform(4.0, 7.0)), route)


def _waiting(rng: np.random.Generator) -> tuple[Placement, ...]:
    """One to three trucks in the inner lane opposite, of which the first has pulled into the junction."""
    edge, count = rng.uniform(6.5, 10.0), int(rng.integers(1, 4))
    stands = drawn_row(rng, WAITING, edge, count, aside=(0.0, 0.3), gap=(0.8, 2.0))
    return tuple(place(f"truck{i}", kind, -INNER + d, -s, SOUTH) for i, (kind, s, d) in enumerate(stands))
