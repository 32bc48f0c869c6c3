"""Training layouts and perturbed views: wider than the scenario, drawn from the same streets."""

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from laco.agents.approaches import approaches
from laco.agents.observation import Actor, Body, Observation, Sight
from laco.agents.perception import SIGHT_RANGE, Approach
from laco.agents.route import Route
from laco.scenarios.catalog.occluded_crossing import LANE, layout
from laco.scenarios.layout import Ego, Layout, Mover, Placement
from laco.scenarios.maps import read_map

FIRST_SEED = 1000  # seeds below belong to the tests
TURNS = ("straight", "left", "right")
Approaches = Mapping[tuple[str, str], tuple[Approach, ...]]


def turn_route(start: float, turn: str, flip: bool) -> NDArray[np.float64]:
    """A way through the crossing from `start` [m] south of it; `flip` turns the picture by 180 degrees."""
    quarter = np.linspace(0.0, np.pi / 2, 12)
    if turn == "straight":
        points = np.array([[LANE, start], [LANE, -40.0]])
    elif turn == "left":
        radius = 8.0 + LANE
        bend = np.stack([-8.0 + radius * np.cos(quarter), 8.0 - radius * np.sin(quarter)], axis=1)
        points = np.concatenate([[[LANE, start]], bend, [[-48.0, -LANE]]])
    else:
        radius = 8.0 - LANE
        bend = np.stack([8.0 - radius * np.cos(quarter), 8.0 - radius * np.sin(quarter)], axis=1)
        points = np.concatenate([[[LANE, start]], bend, [[48.0, LANE]]])
    return -points if flip else points


def all_approaches() -> Approaches:
    """Crossing lanes of every training route, by ego name and turn."""
    import carla

    road_map = carla.Map("crossing", read_map("crossing"))
    routes = {(n, t): Route.through(turn_route(60.0, t, n == "B")) for n in ("A", "B") for t in TURNS}
    return {key: approaches(road_map, route) for key, route in routes.items()}


def random_layout(
    rng: np.random.Generator, known: Approaches
) -> tuple[Layout, tuple[Approach, ...]]:
    """A layout with turns, missing trucks and hazards from either side, and the lanes that cross its egos' routes.

    Half of all layouts have a hazard, as in the tests (each seed has a hazard-free twin).
    """
    base = layout(FIRST_SEED + int(rng.integers(1, 2**31)))
    if rng.random() < 0.5:
        base = base.twin()
    if rng.random() < 0.4:
        base = _widened(base, rng)
    turns = {e.name: TURNS[rng.choice(3, p=(0.8, 0.1, 0.1))] for e in base.egos}
    egos = tuple(
        Ego(e.placement, turn_route(abs(e.placement.y), turns[e.name], e.name == "B")) for e in base.egos
    )
    return replace(base, egos=egos), tuple(lane for key in turns.items() for lane in known[key])


def _widened(base: Layout, rng: np.random.Generator) -> Layout:
    """Fewer trucks, a hazard from the other side, other starts."""
    parked = tuple(p for p in base.parked if rng.random() < 0.6)
    movers = base.movers
    if movers and rng.random() < 0.5:
        place = movers[0].placement
        movers = (Mover.steady(replace(place, x=-place.x, y=LANE, yaw=0.0), hazard=True),)
    egos = tuple(Ego(_moved(e.placement, rng), e.route) for e in base.egos)
    return replace(base, parked=parked, movers=movers, egos=egos)


def _moved(place: Placement, rng: np.random.Generator) -> Placement:
    return replace(place, y=place.y * rng.uniform(0.25, 1.0), speed=rng.uniform(0.0, 12.5))


def jittered(view: Observation, rng: np.random.Generator) -> Observation:
    """The view of a vehicle a little beside its route and turned, so that steering back is learnt."""
    body = view.body
    aside, turn = rng.normal(0.0, 0.6), rng.normal(0.0, 0.08)
    x, y = body.x - aside * np.sin(body.yaw), body.y + aside * np.cos(body.yaw)
    moved = msgspec.structs.replace(body, x=float(x), y=float(y), yaw=float(body.yaw + turn))
    return msgspec.structs.replace(view, body=moved)


def perturbed(view: Observation, rng: np.random.Generator) -> Observation:
    """The view with vehicles masked or added, lanes hidden, another own speed: any input has its label."""
    actors = [a for a in view.actors if a.name or rng.random() < 0.75]
    if rng.random() < 0.5:
        actors.append(_crossing_car(view, rng))
    hidden = [_hidden(s, rng) if rng.random() < 0.5 else s for s in view.sights]
    body = view.body
    if rng.random() < 0.4:
        body = msgspec.structs.replace(body, speed=float(rng.uniform(0.0, 13.0)))
    return msgspec.structs.replace(view, body=body, actors=tuple(actors), sights=tuple(hidden))


def _hidden(sight: Sight, rng: np.random.Generator) -> Sight:
    return msgspec.structs.replace(sight, extent=float(np.round(rng.uniform(0.0, SIGHT_RANGE / 2)) * 2))


def _crossing_car(view: Observation, rng: np.random.Generator) -> Actor:
    """A car on one of the two crossing lanes, timed so that it matters."""
    side = 1.0 if rng.random() < 0.7 else -1.0
    speed = float(rng.uniform(4.0, 16.0))
    until = float(rng.uniform(-1.0, 5.0))
    lane = (side * speed * until, -side * LANE, np.pi if side > 0 else 0.0)
    return Actor(-2, Body(*lane, speed, 2.1 * float(rng.uniform(0.9, 1.2)), 0.95))
