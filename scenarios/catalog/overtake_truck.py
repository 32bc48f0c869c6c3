"""overtake-truck-v1: a truck has stopped in A's lane, and hides the oncoming lane through which A has to go round it;
B, which has just done so, drives on ahead and sees who comes.

The long road of the map `straight`, eastwards (CARLA's frame: y grows to the south). The hazard comes the other way,
timed such that it meets an unhindered A beside the truck.
"""

import numpy as np

from laco.scenarios.catalog.paths import EAST, LIMIT, WEST, Array, arrival, weave
from laco.scenarios.catalog.rows import LENGTHS
from laco.scenarios.catalog.straight import LANE, ONCOMING, RIGHT, detour
from laco.scenarios.layout import Crossing, Ego, Layout, Mover, Placement

ID = "overtake-truck-v1"
CAR, HALF_CAR = "vehicle.lincoln.mkz_2020", 0.93  # [m] half its width
OTHERS = ("vehicle.audi.tt", "vehicle.tesla.model3", "vehicle.toyota.prius", "vehicle.seat.leon")
STOPPED = {  # half widths [m]
    "vehicle.carlamotors.firetruck": 1.45,
    "vehicle.carlamotors.european_hgv": 1.45,
    "vehicle.mitsubishi.fusorosa": 1.97,
}


def layout(seed: int) -> Layout:
    """Everything a seed decides: the truck, how far A stays off it, distances and speeds."""
    rng = np.random.default_rng([seed, 0x07E2])
    kind = str(rng.choice(list(STOPPED)))
    length, half = LENGTHS[kind], STOPPED[kind]
    middle, side = rng.uniform(176.0, 186.0), rng.uniform(130.4, 130.7)  # its left side stands over the middle line
    back, front = middle - length / 2, middle + length / 2
    a_from, a_speed = back - rng.uniform(58.0, 70.0), rng.uniform(8.0, 11.5)
    route_a = _round(rng, a_from, back, front, side - HALF_CAR - rng.uniform(0.65, 0.8))
    speed, late = rng.uniform(11.0, 15.0), rng.uniform(-0.8, 0.8)
    met = arrival(route_a, a_speed, middle - a_from) + late
    b_from = front + rng.uniform(8.0, 18.0)
    route_b = np.array([[b_from, LANE], [b_from + rng.uniform(50.0, 62.0), LANE]])
    return Layout(
        scenario=ID,
        seed=seed,
        map="straight",
        limit=LIMIT,
        egos=(
            Ego(Placement("A", CAR, a_from, RIGHT, EAST, a_speed), route_a),
            Ego(Placement("B", str(rng.choice(OTHERS)), b_from, LANE, EAST, rng.uniform(3.0, 6.0)), route_b),
        ),
        parked=(Placement("truck", kind, middle, side + half, EAST),),
        movers=(_coming(str(rng.choice(OTHERS)), middle, speed, met, rng.uniform(0.2, 0.4)),),
        crossings=(Crossing(front, ONCOMING, WEST, 100.0, 15.0),),
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": met},
    )


def _round(rng: np.random.Generator, start: float, back: float, front: float, aside: float) -> Array:
    """A's way: at `aside` [m] past the truck that stands from x = `back` to `front` [m]."""
    out, home = back - rng.uniform(3.0, 5.0), front + rng.uniform(4.0, 6.0)
    return weave(*detour(rng, start, out, home, aside), (front + rng.uniform(44.0, 50.0), LANE))


def _coming(kind: str, middle: float, speed: float, met: float, aside: float) -> Mover:
    """The hazard in the oncoming lane, `aside` [m] to its right; at x = `middle` [m] after `met` [s]."""
    place = Placement("hazard", kind, middle + speed * met, ONCOMING - aside, WEST, speed)
    return Mover.steady(place, hazard=True)
