"""negotiation-v1: three to eight connected vehicles meet at a crossing without lights, and a car that is not.

Map `crossing`, turned by quarters; said here for A coming from the south. The others come from all arms, at most two
from each, and go straight on or turn. The unconnected car comes from the east behind the trucks that stand along A's
arm and around that corner; B, from the north, sees it.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from laco.scenarios.catalog.paths import CARS, EAST, HAZARDS, LIMIT, NORTH, SOUTH, TRUCKS, WEST, Array, Pen, arrival
from laco.scenarios.catalog.paths import ego, row, turned
from laco.scenarios.layout import Ego, Layout, Mover, Placement

ID = "negotiation-v1"
LANE, BOX = 1.75, 8.0  # [m] lane centre from the road's middle, half side of the junction
KERB, CORNER = 5.05, 8.6  # [m] middle of a truck in the parking lane; nearest its end comes to the junction's middle
ARMS = {"south": (0, NORTH), "west": (1, EAST), "north": (2, SOUTH), "east": (3, WEST)}  # quarter turns from A's arm
TURNS = {"straight": 0.0, "left": -90.0, "right": 90.0}  # [deg]
RADIUS = {"left": BOX + LANE, "right": BOX - LANE}  # [m]
SPACE = (13.0, 19.0)  # [m] between two on one arm
"""Vehicles come from arms in this order: A, B, then who else there is; a second one on an arm comes last."""
ORDER = ("west", "north", "south", "west")


def layout(seed: int) -> Layout:
    """Everything a seed decides: how many, from where to where, speeds, and how soon the car comes."""
    rng = np.random.default_rng([seed, 0x4E60])
    a_from, a_speed = rng.uniform(48.0, 60.0), rng.uniform(8.0, 11.0)
    a = _way("south", a_from, "left" if rng.random() < 0.25 else "straight", 40.0)
    speed, late = rng.uniform(10.5, 14.0), rng.uniform(-0.4, 0.7)
    since = arrival(a, a_speed, a_from + LANE) + late
    b = _way("north", rng.uniform(54.0, 68.0), "straight", 44.0)
    others = _others(rng, int(rng.integers(1, 7)))
    cars = [str(c) for c in rng.choice(CARS, 8)]
    egos = (ego("A", cars[0], a, a_speed), ego("B", cars[1], b, rng.uniform(6.5, 9.0)), *others)
    hazard = Placement("hazard", str(rng.choice(HAZARDS)), LANE + speed * since, -LANE, WEST, speed)
    made = Layout(
        scenario=ID,
        seed=seed,
        map="crossing",
        limit=LIMIT,
        egos=egos,
        parked=_trucks(rng),
        movers=(Mover.steady(hazard, hazard=True),),
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": since, "vehicles": float(len(egos))},
    )
    return turned(made, int(rng.integers(4)))
