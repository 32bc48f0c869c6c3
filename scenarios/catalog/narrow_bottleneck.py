"""narrow-bottleneck-v1: parked vehicles on both sides leave one lane; the big one in front hides who comes through from
the other end. B, beyond, sees it: it either drives ahead of A or comes behind the hazard.

The long road of the map `straight`, eastwards (CARLA's frame: y grows to the south). A's way swings out to the middle
of what is left and back again; so does the hazard's, which is in the bottleneck when an unhindered A is.
"""

import numpy as np

from laco.scenarios.catalog.paths import EAST, LIMIT, WEST, Array, arrival, weave
from laco.scenarios.catalog.rows import LENGTHS, TRUCKS, VANS
from laco.scenarios.catalog.straight import LANE, ONCOMING, RIGHT, detour
from laco.scenarios.layout import Crossing, Ego, Layout, Mover, Placement

ID = "narrow-bottleneck-v1"
THEIRS = 128.7  # [m] y where those who come keep right
MIDDLE = 129.4  # [m] y of what is left
NEAR, FAR = 132.3, 126.95  # [m] y of the parked vehicles; those on the far side stand half on the sidewalk
PARKED = ("vehicle.audi.tt", "vehicle.nissan.patrol")
SMALL = (*VANS, *PARKED)
CARS = ("vehicle.lincoln.mkz_2020", "vehicle.tesla.model3", "vehicle.toyota.prius", "vehicle.seat.leon")


def layout(seed: int) -> Layout:
    """Everything a seed decides: what is parked, where B is, distances and speeds."""
    rng = np.random.default_rng([seed, 0xB077])
    begin = rng.uniform(172.0, 180.0)
    parked, end = _rows(rng, begin)
    a_from, a_speed = begin - rng.uniform(58.0, 68.0), rng.uniform(8.0, 11.5)
    route_a = _through(rng, a_from, begin, end)
    speed, late = rng.uniform(10.5, 14.0), rng.uniform(-0.5, 0.7)
    meet = begin + rng.uniform(2.0, 0.5 * (end - begin))
    met = arrival(route_a, a_speed, meet - a_from) + late
    hazard_from = meet + speed * met
    car_a, car_b, car_h = map(str, rng.choice(CARS, 3))
    return Layout(
        scenario=ID,
        seed=seed,
        map="straight",
        limit=LIMIT,
        egos=(
            Ego(Placement("A", car_a, a_from, RIGHT, EAST, a_speed), route_a),
            _other(rng, car_b, end, hazard_from),
        ),
        parked=parked,
        movers=(_coming(rng, car_h, hazard_from, speed, begin, end),),
        crossings=(Crossing(end + 3.0, ONCOMING, WEST, 100.0, 15.0),),
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": met, "length": end - begin},
    )


def _rows(rng: np.random.Generator, begin: float) -> tuple[tuple[Placement, ...], float]:
    """Parked vehicles on both sides from x = `begin` [m]; a big one first on A's side. Also where they end."""
    places: list[Placement] = []
    kinds = [str(rng.choice(TRUCKS)), *map(str, rng.choice(SMALL, int(rng.integers(1, 4))))]
    edge = begin
    for kind in kinds:
        places.append(Placement(f"right{len(places)}", kind, edge + LENGTHS[kind] / 2, NEAR, EAST))
        edge += LENGTHS[kind] + rng.uniform(0.8, 1.6)
    end, edge = edge, begin + rng.uniform(0.0, 5.0)
    while edge < end - 4.0:
        kind = str(rng.choice(PARKED))
        places.append(Placement(f"left{len(places)}", kind, edge + LENGTHS[kind] / 2, FAR, WEST))
        edge += LENGTHS[kind] + rng.uniform(0.8, 3.0)
    return tuple(places), end


def _through(rng: np.random.Generator, start: float, begin: float, end: float) -> Array:
    """A's way through the bottleneck from x = `begin` to `end` [m]."""
    out, home = begin - rng.uniform(3.0, 5.0), end + rng.uniform(3.0, 5.0)
    return weave(*detour(rng, start, out, home, MIDDLE), (home + rng.uniform(32.0, 38.0), LANE))


def _other(rng: np.random.Generator, kind: str, end: float, hazard_from: float) -> Ego:
    """B: ahead of A and through, or behind the hazard and about to stop before the bottleneck, which is A's then."""
    if rng.random() < 0.5:
        start, y, yaw, speed = end + rng.uniform(8.0, 16.0), LANE, EAST, rng.uniform(3.0, 6.0)
        stop = start + rng.uniform(50.0, 60.0)
    else:
        start, y, yaw, speed = hazard_from + rng.uniform(14.0, 22.0), THEIRS, WEST, rng.uniform(9.0, 11.0)
        stop = end + rng.uniform(26.0, 32.0)
    return Ego(Placement("B", kind, start, y, yaw, speed), np.array([[start, y], [stop, y]]))


def _coming(rng: np.random.Generator, kind: str, start: float, speed: float, begin: float, end: float) -> Mover:
    """The hazard through the bottleneck from the other end, at constant speed."""
    path = weave(
        (start, THEIRS), (end + rng.uniform(16.0, 20.0), THEIRS), (end + 3.0, MIDDLE), (begin - 4.0, MIDDLE),
        (begin - rng.uniform(18.0, 22.0), THEIRS), (begin - 60.0, THEIRS),
    )  # fmt: skip
    return Mover(Placement("hazard", kind, start, THEIRS, WEST, speed), path, ((0.0, speed),), hazard=True)
