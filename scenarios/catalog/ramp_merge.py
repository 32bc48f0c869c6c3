"""ramp-merge-v1: work trucks hide the traffic that A has to merge with; B, in that traffic, sees it.

Map `highway`, 50 km/h for the roadworks: trucks close the eastbound right lane, and end where A, coming up the ramp,
has to cross over from the acceleration lane, which is closed further on. Only the left lane is open. An unconnected
car comes along it and is beside A where A moves in. B drives ahead of that car or follows it.
"""

from dataclasses import replace

import numpy as np

from laco.scenarios.catalog.paths import CARS, EAST, HAZARDS, LIMIT, SOUTH, Array, Pen, arrival, at, ego, measured
from laco.scenarios.catalog.rows import LENGTHS, TRUCKS, row
from laco.scenarios.layout import Crossing, Layout, Mover, Placement

ID = "ramp-merge-v1"
LEFT, RIGHT, RAMP = 5.875, 9.625, 13.375  # [m] lane centres
CLOSED = 9.3  # [m] middle of the trucks on the closed lane
BOARDS = 11.05  # [m] middle of the boards that stand where one could see between two trucks
RAMP_END = -50.0  # [m]
WORKS = 95.0  # [m] of closed lane before the gap
GAP = 0.25  # [m] between two trucks


def layout(seed: int) -> Layout:
    """Everything a seed decides: speeds, where the gap is, how soon the car comes, and whether B leads it."""
    rng = np.random.default_rng([seed, 0x0BA3])
    end, start = rng.uniform(-14.0, 2.0), rng.uniform(-80.0, -66.0)
    route = _up_the_ramp(start, end - rng.uniform(1.0, 3.5), rng.uniform(36.0, 42.0))
    meet = _along_where(route, LEFT + 2.4)
    a_speed, speed, late = rng.uniform(8.5, 11.5), rng.uniform(10.8, 12.4), rng.uniform(-0.3, 0.6)
    since = arrival(route, a_speed, meet) + late
    x = at(route, meet)[0] - speed * since
    leads, lead, room = rng.random() < 0.6, rng.uniform(25.0, 34.0), rng.uniform(36.0, 46.0)
    b_x, b_speed = (x + lead, 12.4) if leads else (x - room, rng.uniform(9.0, 10.5))
    b_end = float(route[-1, 0]) + (35.0 if leads else -14.0)  # who arrives stands there
    car, other = rng.choice(CARS, 2, replace=False)
    hazard = Placement("hazard", str(rng.choice(HAZARDS)), x, LEFT, EAST, speed)
    return Layout(
        scenario=ID,
        seed=seed,
        map="highway",
        limit=LIMIT,
        egos=(ego("A", str(car), route, a_speed), ego("B", str(other), _lane(b_x, LEFT, b_end - b_x), b_speed)),
        parked=_works(rng, end),
        movers=(Mover.steady(hazard, hazard=True),),
        crossings=(Crossing(at(route, meet)[0], LEFT, EAST, 60.0, 15.0),),
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": since},
    )


def _up_the_ramp(start: float, off: float, over: float) -> Array:
    """From x = `start` [m] up the ramp, and from x = `off` over two lanes to the left within `over` [m]."""
    xs = np.arange(start, RAMP_END, 2.0)
    rest = Pen(RAMP_END, RAMP, EAST).ahead(off - RAMP_END).aside(LEFT - RAMP, over).ahead(45.0)
    ramp = np.stack([xs, RAMP + 78.5 * ((RAMP_END - xs) / 280.0) ** 2], axis=1)
    return np.concatenate([ramp, rest.path])


def _lane(x: float, y: float, length: float) -> Array:
    return np.array([[x, y], [x + length, y]])


def _along_where(route: Array, y: float) -> float:
    """Distance [m] at which the route, that leads north, has come to `y`."""
    return float(measured(route)[np.argmax(route[:, 1] <= y)])


def _works(rng: np.random.Generator, end: float) -> tuple[Placement, ...]:
    """Trucks in the right lane up to x = `end` [m], boards between them, a truck again further on, and what closes
    the acceleration lane."""
    kinds = [str(rng.choice(TRUCKS)) for _ in range(11)]
    closed = row("works", kinds, _lane(end - WORKS, CLOSED, WORKS), 0.0, GAP)
    shift = end - closed[-1].x - LENGTHS[kinds[-1]] / 2  # the last one's front stands at the end
    before = [replace(p, x=p.x + shift) for p in closed]
    joints = [p.x + (LENGTHS[p.blueprint] + GAP) / 2 for p in before[:-1]]
    boards = [Placement(f"board{i}", "static.prop.streetbarrier", x, BOARDS, EAST) for i, x in enumerate(joints)]
    behind = Placement("works11", TRUCKS[0], end + rng.uniform(72.0, 80.0), RIGHT, EAST)
    sign = Placement("sign", "static.prop.warningconstruction", end + 46.0, RAMP, SOUTH)
    return (*before, *boards, behind, sign, Placement("works12", TRUCKS[1], end + 56.0, RAMP, EAST))
