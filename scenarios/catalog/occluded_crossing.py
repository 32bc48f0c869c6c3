"""occluded-crossing-v1: parked trucks hide a crossing car from A; B, coming the other way, sees it.

Four-way crossing without lights (map `crossing`; CARLA's frame: y grows to the south, yaw clockwise from
east). A comes from the south, B from the north; both go straight on. Trucks stand bumper to bumper in the
parking lane along A's arm and around the corner in the eastern arm. The hazard comes from the east at
constant speed, timed around the moment at which an unhindered A would be at the crossing point.
"""

import numpy as np

from laco.scenarios.catalog.paths import CRUISE, EAST, LIMIT, NORTH, SOUTH, WEST
from laco.scenarios.layout import Ego, Layout, Mover, Placement

ID = "occluded-crossing-v1"
LANE = 1.75  # [m] lane centre from the road's middle
KERB = 5.05  # [m] centre of a truck in the parking lane
CORNER = 8.6  # [m] nearest a parked truck's end comes to the middle of the crossing
CAR = "vehicle.lincoln.mkz_2020"
HAZARD = "vehicle.audi.tt"
TRUCK = "vehicle.carlamotors.firetruck"
TRUCK_LENGTH = 8.5  # [m]
GAIN = 2.5  # [m/s^2] what the timing assumes of an unhindered A


def layout(seed: int) -> Layout:
    """Everything a seed decides: speeds, gaps and positions."""
    rng = np.random.default_rng([seed, 0x0CC1])
    a_from, a_speed = rng.uniform(50.0, 62.0), rng.uniform(8.0, 11.0)
    b_from, b_speed = rng.uniform(58.0, 72.0), rng.uniform(6.5, 9.0)
    corner, gap = rng.uniform(0.0, 1.0), rng.uniform(0.3, 0.8)
    speed, late = rng.uniform(11.0, 15.0), rng.uniform(-0.5, 0.8)
    arrival = reach_time(a_from + LANE, a_speed) + late
    return Layout(
        scenario=ID,
        seed=seed,
        map="crossing",
        limit=LIMIT,
        egos=(
            _straight(Placement("A", CAR, LANE, a_from, NORTH, a_speed), -40.0),
            _straight(Placement("B", CAR, -LANE, -b_from, SOUTH, b_speed), 40.0),
        ),
        parked=_trucks(CORNER + corner, gap),
        movers=(Mover.steady(Placement("hazard", HAZARD, LANE + speed * arrival, -LANE, WEST, speed), hazard=True),),
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": arrival},
    )


def _straight(place: Placement, end: float) -> Ego:
    """An ego that follows its lane to y = `end` [m]."""
    return Ego(place, np.array([[place.x, place.y], [place.x, end]]))


def _trucks(end: float, gap: float) -> tuple[Placement, ...]:
    """Six trucks along A's kerb, past its start, and two around the corner; none nearer than `end` [m]."""
    middle = end + TRUCK_LENGTH / 2
    pitch = TRUCK_LENGTH + gap
    south = [Placement(f"truck{i}", TRUCK, KERB, middle + i * pitch, NORTH) for i in range(6)]
    east = [Placement(f"truck{i + 6}", TRUCK, middle + i * pitch, KERB, EAST) for i in range(2)]
    return (*south, *east)


def reach_time(distance: float, speed: float) -> float:
    """Time [s] in which an unhindered A covers `distance` [m] from `speed` [m/s]."""
    gain_time = max(0.0, (CRUISE - speed) / GAIN)
    gained = (speed + CRUISE) / 2 * gain_time
    return gain_time + (distance - gained) / CRUISE
