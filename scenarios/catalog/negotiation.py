"""negotiation-v1: three to eight connected vehicles meet at a crossing without lights, and a car that is not.

Map `crossing`, turned by quarters; said here for A coming from the south and going straight on. The others come from
all arms, at most two from each, and go straight on or turn. The unconnected car comes from the east behind the trucks
that stand along A's arm and around that corner; B, from the north, sees it. Each way out of the crossing serves one
arm, for who has come to its goal stands there.
"""

import numpy as np

from laco.scenarios.catalog.paths import (
    CARS,
    EAST,
    HAZARDS,
    LIMIT,
    NORTH,
    SOUTH,
    WEST,
    Array,
    Pen,
    arrival,
    ego,
    turned,
)
from laco.scenarios.catalog.rows import TRUCKS, row
from laco.scenarios.layout import Ego, Layout, Mover, Placement

ID = "negotiation-v1"
LANE, BOX = 1.75, 8.0  # [m] lane centre from the road's middle, half side of the junction
KERB, CORNER = 5.05, 8.6  # [m] middle of a truck in the parking lane; nearest its end comes to the junction's middle
ARMS = {"south": NORTH, "west": EAST, "north": SOUTH, "east": WEST}  # and where one looks that comes from there
ALL_STRAIGHT = {"south": "straight", "west": "straight", "north": "straight", "east": "straight"}
TWO_TURN = {"south": "straight", "west": "right", "north": "left", "east": "straight"}
TAIL = 42.0  # [m] that the first of an arm goes on behind the crossing


def layout(seed: int) -> Layout:
    """Everything a seed decides: how many, from where to where, speeds, and how soon the car comes."""
    rng = np.random.default_rng([seed, 0x4E60])
    moves = ALL_STRAIGHT if rng.random() < 0.5 else TWO_TURN
    a_from, a_speed = rng.uniform(48.0, 60.0), rng.uniform(8.0, 11.0)
    a_way = _way("south", a_from, "straight", TAIL)
    speed, late = rng.uniform(10.5, 14.0), rng.uniform(-0.4, 0.7)
    since = arrival(a_way[[0, -1]], a_speed, a_from + LANE) + late
    x = LANE + speed * since
    nearest = {"south": a_from, "north": rng.uniform(54.0, 68.0)}
    nearest |= {"west": rng.uniform(40.0, 70.0), "east": x + rng.uniform(18.0, 26.0)}
    speeds = {"south": a_speed, "north": rng.uniform(6.5, 9.0), "west": rng.uniform(6.0, 10.0), "east": speed - 2.0}
    egos = _vehicles(rng, ["south", "north", *_others(rng)], moves, nearest, speeds)
    hazard = Placement("hazard", str(rng.choice(HAZARDS)), x, -LANE, WEST, speed)
    made = Layout(
        scenario=ID,
        seed=seed,
        map="crossing",
        limit=LIMIT,
        egos=egos,
        parked=_trucks(rng),
        movers=(Mover.steady(hazard, hazard=True),),
        notes={"hazard_speed": speed, "hazard_late": late, "hazard_arrival": since, "vehicles": float(len(egos))},
    )
    return turned(made, int(rng.integers(4)))


def _others(rng: np.random.Generator) -> list[str]:
    """The arms of one to six more vehicles, in an order of its own."""
    arms = ["west", "west", "east", "east", "south", "north"]
    return [str(arm) for arm in rng.permutation(arms)[: rng.integers(1, 7)]]


def _vehicles(
    rng: np.random.Generator,
    arms: list[str],
    moves: dict[str, str],
    nearest: dict[str, float],
    speeds: dict[str, float],
) -> tuple[Ego, ...]:
    """One for each of `arms`, by the letters; a second one on an arm follows the first and stops behind it."""
    egos: list[Ego] = []
    for i, arm in enumerate(arms):
        second = arm in arms[:i]
        away = nearest[arm] + (rng.uniform(13.0, 19.0) if second else 0.0)
        path = _way(arm, away, moves[arm], TAIL - (15.0 if second else 0.0))
        egos.append(ego("ABCDEFGH"[i], str(rng.choice(CARS)), path, speeds[arm]))
    return tuple(egos)


def _way(arm: str, away: float, move: str, tail: float) -> Array:
    """From `away` [m] before the junction's middle to `tail` behind it."""
    x, y = {"south": (LANE, away), "west": (-away, LANE), "north": (-LANE, -away), "east": (away, -LANE)}[arm]
    pen = Pen(x, y, ARMS[arm]).ahead(away - BOX)
    if move == "left":
        pen.turn(-90.0, BOX + LANE)
    elif move == "right":
        pen.turn(90.0, BOX - LANE)
    else:
        pen.ahead(2 * BOX)
    return pen.ahead(tail - BOX).path


def _trucks(rng: np.random.Generator) -> tuple[Placement, ...]:
    """Along A's kerb, past its start, and around the corner in the eastern arm."""
    end, gap = CORNER + rng.uniform(0.0, 1.0), rng.uniform(0.3, 0.8)
    kinds = [str(rng.choice(TRUCKS)) for _ in range(8)]
    south = row("truck", kinds[:6], np.array([[KERB, end], [KERB, end + 80.0]]), 0.0, gap)
    return (*south, *row("corner", kinds[6:], np.array([[end, KERB], [end + 40.0, KERB]]), 0.0, gap))
