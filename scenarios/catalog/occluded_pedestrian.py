"""occluded-pedestrian-v1: a row of parked vans hides a person from A who steps into the road; B, coming the other way,
looks into the gap.

South arm of the map `crossing` (CARLA's frame: y grows to the south). A drives north beside the vans, B comes from
the junction. The person stands on the sidewalk in a gap of the row, or at its end, and sets off when A is so near
that both are at the same place, give or take a second.
"""

import numpy as np

from laco.agents.drivers.expert import ACCEL
from laco.scenarios.catalog.paths import CRUISE, LIMIT, NORTH, SOUTH, WEST, Array, arrival
from laco.scenarios.catalog.rows import VANS, drawn_row
from laco.scenarios.layout import Crossing, Ego, Gate, Layout, Mover, Placement

ID = "occluded-pedestrian-v1"
LANE = 1.75  # [m] lane centre from the road's middle
BOX = 8.0  # [m] half side of the junction box
KERB = 4.75  # [m] middle of a van in the parking lane
WALK = (7.0, 7.7)  # [m] where on the sidewalk the person stands
PARKED = (*VANS, "vehicle.carlamotors.carlacola")
CARS = ("vehicle.lincoln.mkz_2020", "vehicle.tesla.model3", "vehicle.nissan.patrol")
CHILD = range(9, 15)  # numbers of walkers who are children
START = 0.3  # [s] from standing to walking


def layout(seed: int) -> Layout:
    """Everything a seed decides: who walks how fast, the vans and the gap, distances and speeds."""
    rng = np.random.default_rng([seed, 0x9ED1])
    at, person_x = rng.uniform(88.0, 98.0), rng.uniform(*WALK)
    number = int(rng.integers(1, 51))
    pace = rng.uniform(2.0, 2.8) if number in CHILD else rng.uniform(1.3, 2.2)
    a_from, a_speed = at + rng.uniform(50.0, 62.0), rng.uniform(8.0, 11.5)
    late = rng.uniform(-0.2, 0.35)
    route_a = np.array([[LANE, a_from], [LANE, at - rng.uniform(34.0, 42.0)]])
    walking = (person_x - LANE) / pace + START / 2
    met = arrival(route_a, a_speed, a_from - at - 2.0) + late
    gate = a_from - at - 2.0 - CRUISE * (walking - late)
    # Unhindered, B passes the gap just after A, and looks into it until then.
    b_speed = rng.uniform(6.5, 9.0)
    b_from = at - CRUISE * (met + rng.uniform(0.2, 0.9)) + (CRUISE - b_speed) ** 2 / (2 * ACCEL)
    person = Placement("hazard", f"walker.pedestrian.{number:04d}", person_x, at, WEST)
    car_a, car_b = rng.choice(CARS, 2)
    return Layout(
        scenario=ID,
        seed=seed,
        map="crossing",
        limit=LIMIT,
        egos=(
            Ego(Placement("A", str(car_a), LANE, a_from, NORTH, a_speed), route_a),
            _oncoming(str(car_b), max(b_from, BOX + 3.0), b_speed, at + 30.0),
        ),
        parked=_row(rng, at),
        movers=(
            Mover(
                person,
                np.array([[person_x, at], [-person_x, at]]),
                ((0.0, 0.0), (START, pace)),
                Gate("A", max(gate, 0.0)),
                hazard=True,
            ),
        ),
        crossings=(Crossing(LANE, at, WEST, 6.0, 2.5),),
        notes={"pace": pace, "late": late, "arrival": met},
    )


def _oncoming(car: str, start: float, speed: float, end: float) -> Ego:
    """B in the other lane from y = `start` to `end` [m]."""
    route: Array = np.array([[-LANE, start], [-LANE, end]])
    return Ego(Placement("B", car, -LANE, start, SOUTH, speed), route)


def _row(rng: np.random.Generator, at: float) -> tuple[Placement, ...]:
    """Vans from just before the person towards A, and perhaps one beyond a gap."""
    drawn = {"aside": (-0.1, 0.15), "gap": (0.5, 1.2)}
    near = [*drawn_row(rng, PARKED, at + rng.uniform(3.6, 4.6), int(rng.integers(3, 6)), **drawn)]
    beyond = drawn_row(rng, PARKED, rng.uniform(18.0, 24.0) - at, int(rng.integers(0, 2)), **drawn)  # northwards
    stands = (*near, *((kind, -along, aside) for kind, along, aside in beyond))
    return tuple(Placement(f"van{i}", kind, KERB + d, y, NORTH) for i, (kind, y, d) in enumerate(stands))
