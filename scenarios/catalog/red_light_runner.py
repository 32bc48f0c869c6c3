"""red-light-runner-v1: A has green; from the left or from the right a car runs the red light past a queue of trucks
that hides it. B sees it coming: it has just crossed into that side street, or follows the runner to the stop line.

Middle junction of the map `grid`, its lights standing still: green for A's street. The runner comes at constant speed
in the lane beyond the queue, timed around the moment at which an unhindered A would be where the ways cross.
"""

import numpy as np

from laco.scenarios.catalog.paths import EAST, LIMIT, NORTH, WEST, arrival
from laco.scenarios.catalog.rows import TRUCKS, drawn_row
from laco.scenarios.catalog.signals import BOX, INNER, MIDDLE, OUTER, place, there
from laco.scenarios.layout import Ego, Layout, Mover, Placement

ID = "red-light-runner-v1"
CARS = ("vehicle.lincoln.mkz_2020", "vehicle.tesla.model3", "vehicle.toyota.prius", "vehicle.audi.etron")
RUNNERS = ("vehicle.audi.tt", "vehicle.ford.mustang", "vehicle.dodge.charger_2020", "vehicle.mini.cooper_s")


def layout(seed: int) -> Layout:
    """Everything a seed decides: from which side, lanes, the queue, distances and speeds."""
    rng = np.random.default_rng([seed, 0x4ED1])
    left = bool(rng.random() < 0.5)  # the runner comes from the west
    a_lane, a_from, a_speed = float(rng.choice([INNER, OUTER])), rng.uniform(52.0, 66.0), rng.uniform(8.0, 11.5)
    route_a = there(np.array([[a_lane, a_from], [a_lane, -rng.uniform(34.0, 42.0)]]))
    # Beyond the queue, seen from A: the inner lane of those from the west, the outer lane of those from the east.
    lane, queue = (INNER, OUTER) if left else (-OUTER, -INNER)
    speed, late = rng.uniform(10.5, 14.5), rng.uniform(-0.5, 0.6)
    met = arrival(route_a, a_speed, a_from - lane) + late
    way = 1.0 if left else -1.0  # of the runner along x
    runner = place("hazard", str(rng.choice(RUNNERS)), a_lane - way * speed * met, lane, EAST if left else WEST, speed)
    return Layout(
        scenario=ID,
        seed=seed,
        map="grid",
        limit=LIMIT,
        egos=(
            Ego(place("A", str(rng.choice(CARS)), a_lane, a_from, NORTH, a_speed), route_a),
            _across(rng, way) if left and rng.random() < 0.5 else _behind(rng, way, lane, runner),
        ),
        parked=_queue(rng, way, queue),
        movers=(Mover.steady(runner, hazard=True),),
        green=NORTH,
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": met},
    )


def _across(rng: np.random.Generator, way: float) -> Ego:
    """B, leaving the junction into the runner's side street, on the other side of its middle."""
    lane, start = float(-way * rng.choice([INNER, OUTER])), -way * (BOX + rng.uniform(2.0, 14.0))
    route = there(np.array([[start, lane], [start - way * rng.uniform(44.0, 56.0), lane]]))
    yaw = WEST if way > 0 else EAST
    return Ego(place("B", str(rng.choice(CARS)), start, lane, yaw, rng.uniform(3.0, 6.5)), route)


def _behind(rng: np.random.Generator, way: float, lane: float, runner: Placement) -> Ego:
    """B, behind the runner, on its way to the stop line."""
    x, y = runner.x - way * rng.uniform(11.0, 16.0), MIDDLE[1] + lane
    route = np.array([[x, y], [MIDDLE[0] - way * (BOX + 3.5), y]])
    return Ego(Placement("B", str(rng.choice(CARS)), x, y, EAST if way > 0 else WEST, rng.uniform(7.0, 10.0)), route)


def _queue(rng: np.random.Generator, way: float, lane: float) -> tuple[Placement, ...]:
    """Three to five trucks that wait at the stop line."""
    edge, count, yaw = BOX + rng.uniform(0.8, 2.5), int(rng.integers(3, 6)), EAST if way > 0 else WEST
    stands = drawn_row(rng, TRUCKS, edge, count, aside=(-0.1, 0.1), gap=(0.6, 1.4))
    return tuple(place(f"truck{i}", kind, -way * s, lane + d, yaw) for i, (kind, s, d) in enumerate(stands))
