"""Views that nobody drove into: any input has its label, so inputs may be changed at will."""

import math

import msgspec
import numpy as np

from laco.agents.observation import Actor, Body, Observation, Sight
from laco.agents.perception import SIGHT_RANGE

MASKED, ADDED, HIDDEN, HURRIED = 0.25, 0.4, 0.5, 0.4  # how often each change is made


def jittered(view: Observation, rng: np.random.Generator) -> Observation:
    """The view of a vehicle a little beside its route and turned, so that steering back is learnt."""
    body = view.body
    aside, turn = rng.normal(0.0, 0.6), rng.normal(0.0, 0.08)
    x, y = body.x - aside * np.sin(body.yaw), body.y + aside * np.cos(body.yaw)
    moved = msgspec.structs.replace(body, x=float(x), y=float(y), yaw=float(body.yaw + turn))
    return msgspec.structs.replace(view, body=moved)


def perturbed(view: Observation, rng: np.random.Generator, *, move: bool = True) -> Observation:
    """The view with road users masked or added, lanes hidden, and another own speed (`move`)."""
    actors = [a for a in view.actors if a.name or rng.random() >= MASKED]
    if view.sights and rng.random() < ADDED:
        actors.append(_coming(view.sights[int(rng.integers(len(view.sights)))], rng))
    hidden = [_hidden(s, rng) if rng.random() < HIDDEN else s for s in view.sights]
    body = view.body
    if move and rng.random() < HURRIED:
        body = msgspec.structs.replace(body, speed=float(rng.uniform(0.0, 13.0)))
    return msgspec.structs.replace(view, body=body, actors=tuple(actors), sights=tuple(hidden))


def _hidden(sight: Sight, rng: np.random.Generator) -> Sight:
    return msgspec.structs.replace(sight, extent=float(np.round(rng.uniform(0.0, SIGHT_RANGE / 2)) * 2))


def _coming(sight: Sight, rng: np.random.Generator) -> Actor:
    """Somebody on a lane that is looked along, as fast as its kind, timed so that it matters."""
    pace = float(getattr(sight, "pace", 15.0))
    speed = float(rng.uniform(0.3, 1.05)) * pace
    until = float(rng.uniform(-1.0, 5.0))  # [s] to the crossing point
    back = speed * until
    x, y = sight.point[0] - back * math.cos(sight.heading), sight.point[1] - back * math.sin(sight.heading)
    half = (2.1 * float(rng.uniform(0.9, 1.2)), 0.95) if pace > 6.0 else (0.3, 0.3)
    return Actor(-2, Body(x, y, sight.heading, speed, *half))
