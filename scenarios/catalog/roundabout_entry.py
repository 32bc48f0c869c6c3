"""roundabout-entry-v1: a jam beside A and works on the island hide a car in the ring from A; B sees it.

Map `roundabout`, turned by quarters; said here for A coming from the south and going on to the north. Traffic in the
ring comes from A's left, from the north over the west. Trucks stand in a jam in the other lane of A's arm, up to the
ring. B follows the hidden car in the ring and leaves by the west, or comes from there and enters behind it.
"""

import math

import numpy as np

from laco.scenarios.catalog.paths import CARS, EAST, HAZARDS, LIMIT, NORTH, Array, Pen, arrival, ego, start, turned
from laco.scenarios.catalog.rows import JAM, TRUCKS, row
from laco.scenarios.layout import Ego, Layout, Mover, Placement

ID = "roundabout-entry-v1"
RING, ARM = 20.0, 1.6  # [m] radius of the ring's lane, lane centre of an arm
JOIN = 69.5  # [deg] between the middle of an arm and where its ways in and out join the ring's lane, less a quarter
BEND, MOUTH = 8.24, 26.47  # [m] radius of the ways in and out, where they begin or end on the arm
INTO = math.radians(JOIN) * BEND  # [m] length of a way in
BESIDE, REAR = -1.8, 27.5  # [m] middle of the trucks beside A, and how near to the ring the last one is


def layout(seed: int) -> Layout:
    """Everything a seed decides: which arm, speeds, how soon the car comes, where B is, and which trucks stand."""
    rng = np.random.default_rng([seed, 0x0D47])
    a_from, a_speed = rng.uniform(62.0, 76.0), rng.uniform(7.0, 10.0)
    route = Pen(ARM, a_from, NORTH).ahead(a_from - MOUTH).turn(JOIN, BEND).turn(-2 * JOIN, RING).turn(JOIN, BEND)
    path = route.ahead(rng.uniform(18.0, 30.0)).path
    speed, late = rng.uniform(6.0, 7.5), rng.uniform(-0.5, 0.6)
    since = arrival(path, a_speed, a_from - MOUTH + INTO) + late
    before = min(math.degrees(speed * since / RING), 235.0)  # [deg] from the car to where A joins
    speed = math.radians(before) * RING / since
    car, other = (str(c) for c in rng.choice(CARS, 2, replace=False))
    follows, gap, b_from = rng.random() < 0.5, rng.uniform(34.0, 46.0), rng.uniform(50.0, 64.0)
    b = _behind(other, JOIN + before + gap) if follows else _from_the_west(other, b_from, rng.uniform(4.5, 6.5))
    made = Layout(
        scenario=ID,
        seed=seed,
        map="roundabout",
        limit=LIMIT,
        egos=(ego("A", car, path, a_speed), b),
        parked=(*_jam(rng), *_on_the_island(rng)),
        movers=(_hazard(str(rng.choice(HAZARDS)), JOIN + before, speed),),
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": since},
    )
    return turned(made, int(rng.integers(4)))


def _ring(angle: float) -> Pen:
    """A pen in the ring's lane, at `angle` [deg] clockwise from the east seen from the middle; the ring leads left."""
    a = math.radians(angle)
    return Pen(RING * math.cos(a), RING * math.sin(a), angle - 90.0)


def _hazard(blueprint: str, angle: float, speed: float) -> Mover:
    """It passes A's arm and leaves the ring by the next one, to the east."""
    path = _ring(angle).turn(-(angle - (90.0 - JOIN)), RING).turn(JOIN, BEND).ahead(60.0).path
    return Mover(start("hazard", blueprint, path, speed), path, ((0.0, speed),), hazard=True)


def _behind(blueprint: str, angle: float) -> Ego:
    """B in the ring, behind the hazard; it leaves by the arm before A's."""
    path = _ring(angle).turn(-(angle - (270.0 - JOIN)), RING).turn(JOIN, BEND).ahead(25.0).path
    return ego("B", blueprint, path, 4.5)


def _from_the_west(blueprint: str, b_from: float, speed: float) -> Ego:
    """B on the arm to A's left, on its way to the north."""
    pen = Pen(-b_from, ARM, EAST).ahead(b_from - MOUTH).turn(JOIN, BEND).turn(-2 * JOIN - 90.0, RING).turn(JOIN, BEND)
    return ego("B", blueprint, pen.ahead(8.0).path, speed)


def _jam(rng: np.random.Generator) -> tuple[Placement, ...]:
    """Trucks and vans in the lane that leaves the ring beside A."""
    kinds = [str(rng.choice(JAM)) for _ in range(5)]
    rear = REAR + rng.uniform(0.0, 1.5)
    return row("truck", kinds, np.array([[BESIDE, rear], [BESIDE, rear + 80.0]]), 0.0, rng.uniform(0.5, 1.5))


def _on_the_island(rng: np.random.Generator) -> tuple[Placement, ...]:
    """Two trucks that hide the far side of the ring."""
    x, y = rng.uniform(-12.5, -10.5), rng.uniform(1.0, 5.0)
    line: Array = np.array([[x, y], [x + 30.0, y]])
    return row("works", TRUCKS, line, 0.0, rng.uniform(0.3, 0.8))
