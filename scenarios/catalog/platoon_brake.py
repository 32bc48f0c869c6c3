"""platoon-brake-v1: A follows connected van B, which follows a stranger that brakes hard; A cannot see past the van.

The long road of the map `straight`, eastwards (CARLA's frame: y grows to the south). On some seeds connected C
follows A. In the twin the leader drives on.
"""

import numpy as np

from laco.scenarios.catalog.paths import EAST, LIMIT
from laco.scenarios.catalog.rows import LENGTHS, VANS
from laco.scenarios.catalog.straight import LANE
from laco.scenarios.layout import Ego, Layout, Mover, Placement, Profile

ID = "platoon-brake-v1"
START = 108.0  # [m] x of the last vehicle's least start
CARS = ("vehicle.lincoln.mkz_2020", "vehicle.tesla.model3", "vehicle.toyota.prius", "vehicle.nissan.patrol")
CAR = 4.9  # [m] longest of the cars
GATHER = 2.0  # [m/s^2] how the leader speeds up again


def layout(seed: int) -> Layout:
    """Everything a seed decides: speed, gaps, when and how hard the leader brakes, whether there is a C."""
    rng = np.random.default_rng([seed, 0x9A70])
    speed, van = rng.uniform(9.5, 12.3), str(rng.choice(VANS))
    gaps = [rng.uniform(0.55, 0.9) * speed, rng.uniform(0.9, 1.3) * speed]
    third = rng.random() < 0.5
    a_from = START + (16.0 if third else 0.0) + rng.uniform(0.0, 8.0)
    b_from = a_from + CAR / 2 + gaps[0] + LENGTHS[van] / 2
    leader = Placement(
        "hazard", str(rng.choice(CARS)), b_from + LENGTHS[van] / 2 + gaps[1] + CAR / 2, LANE, EAST, speed
    )
    egos = [
        _ego("A", str(rng.choice(CARS)), a_from, speed, rng.uniform(92.0, 106.0)),
        _ego("B", van, b_from, speed, rng.uniform(96.0, 110.0)),
    ]
    if third:
        c_from = a_from - CAR - rng.uniform(0.7, 0.95) * speed
        egos.append(_ego("C", str(rng.choice(CARS)), c_from, speed, rng.uniform(80.0, 90.0)))
    brakes, rate = rng.uniform(1.6, 4.0), rng.uniform(6.5, 8.5)
    profile = _brake(speed, brakes, rate, rng.uniform(0.0, 2.0), rng.uniform(1.5, 3.0))
    path = np.array([[leader.x, LANE], [leader.x + 200.0, LANE]])
    return Layout(
        scenario=ID,
        seed=seed,
        map="straight",
        limit=LIMIT,
        egos=tuple(egos),
        movers=(Mover(leader, path, profile, hazard=True, calm=((0.0, speed),)),),
        notes={"speed": speed, "gap": gaps[0], "brakes": brakes, "rate": rate},
    )


def _ego(name: str, kind: str, start: float, speed: float, length: float) -> Ego:
    """A connected vehicle that keeps its lane for `length` [m]."""
    return Ego(Placement(name, kind, start, LANE, EAST, speed), np.array([[start, LANE], [start + length, LANE]]))


def _brake(speed: float, begin: float, rate: float, low: float, stay: float) -> Profile:
    """From `speed` down to `low` [m/s] at `rate` [m/s^2], `stay` [s] there, and up again."""
    down = begin + (speed - low) / rate
    up = down + stay
    return (0.0, speed), (begin, speed), (down, low), (up, low), (up + (speed - low) / GATHER, speed)
