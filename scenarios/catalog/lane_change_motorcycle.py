"""lane-change-motorcycle-v1: a truck that overtakes A hides the motorcycle behind it, which B, further back, sees.

Map `highway`, 50 km/h for a breakdown, on either carriageway; said here for the eastbound one. A truck has broken down
in the right lane, and A, slow, goes round it as soon as the truck in the left lane has passed. A motorcycle rides close
behind that truck. B follows: behind A, where it sees both lanes, or at some distance behind the motorcycle.
"""

import numpy as np

from laco.scenarios.catalog.paths import CARS, EAST, LIMIT, TRUCKS, VANS, Array, Pen, arrival, ego, row, turned
from laco.scenarios.layout import Crossing, Layout, Mover, Placement

ID = "lane-change-motorcycle-v1"
LEFT, RIGHT = 5.875, 9.625  # [m] lane centres
OVER = 20.0  # [m] in which A changes lanes
MOTORCYCLES = ("vehicle.yamaha.yzf", "vehicle.kawasaki.ninja", "vehicle.harley-davidson.low_rider")
HALF = 4.25  # [m] of the longer truck


def layout(seed: int) -> Layout:
    """Everything a seed decides: where, speeds, how close the motorcycle rides, when they come, where B is."""
    rng = np.random.default_rng([seed, 0x2B1C])
    x, a_speed = rng.uniform(-430.0, -330.0), rng.uniform(3.0, 5.5)
    run_up, stay = rng.uniform(12.0, 20.0), rng.uniform(24.0, 32.0)
    route = Pen(x, RIGHT, EAST).ahead(run_up).aside(LEFT - RIGHT, OVER).ahead(stay).aside(RIGHT - LEFT, 26.0)
    meet = run_up + OVER * rng.uniform(0.45, 0.7)
    path = route.ahead(rng.uniform(14.0, 22.0)).path
    speed, close, late = rng.uniform(10.5, 12.5), rng.uniform(2.0, 4.5), rng.uniform(-0.1, 0.5)
    since = arrival(path, a_speed, meet) + late
    rider = x + meet - speed * since
    truck = rider + 1.1 + close + HALF
    car, other = (str(c) for c in rng.choice(CARS, 2, replace=False))
    b = _after_a(rng, x, run_up) if rng.random() < 0.5 else _after_the_rider(rng, rider)
    made = Layout(
        scenario=ID,
        seed=seed,
        map="highway",
        limit=LIMIT,
        egos=(ego("A", car, path, a_speed), ego("B", other, *b)),
        parked=_breakdown(rng, x + run_up + OVER),
        movers=(
            Mover.steady(Placement("truck", str(rng.choice(TRUCKS)), truck, LEFT, EAST, speed)),
            Mover.steady(Placement("hazard", str(rng.choice(MOTORCYCLES)), rider, LEFT, EAST, speed), hazard=True),
        ),
        crossings=(Crossing(x + meet, LEFT, EAST, 60.0, 15.0),),
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": since, "close": close},
    )
    return turned(made, 2 * int(rng.integers(2)))


def _after_a(rng: np.random.Generator, x: float, run_up: float) -> tuple[Array, float]:
    """B in the right lane behind A; its goal lies before the lane change."""
    begin = x - rng.uniform(20.0, 30.0)
    return np.array([[begin, RIGHT], [x + run_up - 4.0, RIGHT]]), rng.uniform(3.0, 5.0)


def _after_the_rider(rng: np.random.Generator, rider: float) -> tuple[Array, float]:
    """B in the left lane, well behind the motorcycle."""
    begin = rider - rng.uniform(26.0, 36.0)
    return np.array([[begin, LEFT], [begin + rng.uniform(70.0, 80.0), LEFT]]), rng.uniform(8.0, 10.0)


def _breakdown(rng: np.random.Generator, x: float) -> tuple[Placement, ...]:
    """A truck, and a van before it, in the right lane from x [m] on, and a sign behind them."""
    line: Array = np.array([[x, RIGHT + 0.2], [x + 40.0, RIGHT + 0.2]])
    stands = row("broken", (str(rng.choice(TRUCKS)), str(rng.choice(VANS))), line, rng.uniform(0.0, 3.0), 1.0)
    return (*stands, Placement("cone", "static.prop.trafficcone01", x - 4.0, RIGHT + 1.0, EAST))
