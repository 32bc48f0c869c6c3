"""lane-change-motorcycle-v1: A pulls out from between trucks in front of a motorcycle that comes up fast; B sees it.

Map `highway`, 50 km/h for a breakdown, on either carriageway; said here for the eastbound one. A truck has broken down
in the right lane; A has stopped behind it, a row of trucks behind A. A goes round by the left lane. The row hides what
comes in that lane until A is half out. B comes along it behind the motorcycle, or has just passed.
"""

import numpy as np

from laco.scenarios.catalog.paths import CARS, EAST, LIMIT, Array, Pen, arrival, ego, turned
from laco.scenarios.catalog.rows import JAM, TRUCKS, VANS, row
from laco.scenarios.layout import Crossing, Layout, Mover, Placement

ID = "lane-change-motorcycle-v1"
LEFT, RIGHT, QUEUE = 5.875, 9.625, 9.3  # [m] lane centres, and where the trucks stand in the right lane
MOTORCYCLES = ("vehicle.yamaha.yzf", "vehicle.kawasaki.ninja", "vehicle.harley-davidson.low_rider")


def layout(seed: int) -> Layout:
    """Everything a seed decides: where, how close all stand, how fast and how soon the motorcycle comes, where B is."""
    rng = np.random.default_rng([seed, 0x2B1C])
    x, a_speed = rng.uniform(-420.0, -330.0), rng.uniform(0.0, 1.2)
    roll, over = rng.uniform(4.0, 8.0), rng.uniform(14.0, 17.0)
    pen = Pen(x, RIGHT, EAST).ahead(roll).aside(LEFT - RIGHT, over).ahead(rng.uniform(26.0, 34.0))
    path = pen.aside(RIGHT - LEFT, 26.0).ahead(rng.uniform(10.0, 18.0)).path
    meet = roll + over * rng.uniform(0.5, 0.75)
    speed, late = rng.uniform(11.5, 15.0), rng.uniform(-0.2, 0.6)
    since = arrival(path, a_speed, meet) + late
    rider = x + meet - speed * since
    car, other = (str(c) for c in rng.choice(CARS, 2, replace=False))
    b = _behind(rng, rider) if rng.random() < 0.5 else _ahead(rng, x + meet)
    hazard = Placement("hazard", str(rng.choice(MOTORCYCLES)), rider, LEFT + rng.uniform(0.1, 0.9), EAST, speed)
    made = Layout(
        scenario=ID,
        seed=seed,
        map="highway",
        limit=LIMIT,
        egos=(ego("A", car, path, a_speed), ego("B", other, *b)),
        parked=(*_queue(rng, x - rng.uniform(3.4, 4.4)), *_breakdown(rng, x + roll + over + 2.0)),
        movers=(Mover.steady(hazard, hazard=True),),
        crossings=(Crossing(x + meet, LEFT, EAST, 60.0, 15.0),),
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": since},
    )
    return turned(made, 2 * int(rng.integers(2)))


def _behind(rng: np.random.Generator, rider: float) -> tuple[Array, float]:
    """B well behind the motorcycle."""
    begin = rider - rng.uniform(22.0, 34.0)
    return np.array([[begin, LEFT], [begin + rng.uniform(70.0, 80.0), LEFT]]), rng.uniform(7.0, 9.0)


def _ahead(rng: np.random.Generator, x: float) -> tuple[Array, float]:
    """B beyond the breakdown, on its way."""
    begin = x + rng.uniform(14.0, 22.0)
    return np.array([[begin, LEFT], [begin + rng.uniform(150.0, 160.0), LEFT]]), rng.uniform(11.0, 12.5)


def _queue(rng: np.random.Generator, x: float) -> tuple[Placement, ...]:
    """Trucks in the right lane up to x [m]."""
    kinds = [str(rng.choice(JAM)) for _ in range(5)]
    line: Array = np.array([[x, QUEUE], [x - 80.0, QUEUE]])
    return row("queue", kinds, line, 0.0, rng.uniform(0.4, 1.2), EAST)


def _breakdown(rng: np.random.Generator, x: float) -> tuple[Placement, ...]:
    """A truck, and a van before it, in the right lane from x [m] on, and a cone behind them."""
    line: Array = np.array([[x, RIGHT + 0.2], [x + 40.0, RIGHT + 0.2]])
    stands = row("broken", (str(rng.choice(TRUCKS)), str(rng.choice(VANS))), line, rng.uniform(0.0, 2.0), 1.0)
    return (*stands, Placement("cone", "static.prop.trafficcone01", x - 3.0, RIGHT + 1.3, EAST))
