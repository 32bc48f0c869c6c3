"""Seeded pairs of driving scenes: what a peer says of somebody in the receiver's way, or not in its way."""

import random
from dataclasses import dataclass

from laco.distill.calibration.prompts import PROMPTS
from laco.distill.calibration.vocabulary import SETS, Kind, SetName, Vocabulary
from laco.errors import ConfigError


@dataclass(frozen=True)
class Scene:
    """One scene, as its peer may tell it.

    hazard, twin: messages that differ in what the road user does and in nothing else.
    idle: for each receiver prompt of the set, a message that repeats what that receiver sees itself.
    """

    number: int
    hazard: str
    twin: str
    idle: tuple[str, ...]


def scenes(name: SetName, count: int, seed: int = 0) -> list[Scene]:
    """The first `count` scenes of a set, no two alike; a longer list starts with a shorter one's scenes.

    Raises: ConfigError for an unknown set, or for a count below 2 (scenes are told from one another).
    """
    if name not in SETS:
        raise ConfigError(f"unknown set of scenes {name!r}; known are {', '.join(SETS)}")
    if not 2 <= count <= 5000:
        raise ConfigError(f"the number of scene pairs must be in 2..5000, not {count}")
    draw = random.Random(f"laco-scenes-{name}-{seed}")
    told: dict[str, Scene] = {}
    while len(told) < count:
        scene = _scene(name, draw, len(told))
        told.setdefault(scene.hazard, scene)
    return list(told.values())


def _scene(name: SetName, draw: random.Random, number: int) -> Scene:
    """One scene, whatever comes next."""
    words = SETS[name]
    kind: Kind = draw.choice(tuple(words.users))
    user, (risky, safe) = draw.choice(words.users[kind]), draw.choice(words.events[kind])
    fields = _fields(words, draw) | {
        "user": user,
        "User": user[0].upper() + user[1:],
        "They": "It" if kind == "vehicle" else "This person",
    }
    frame, idle = draw.choice(words.messages), draw.choice(words.idle)
    return Scene(
        number=number,
        hazard=frame.format(**fields, event=risky),
        twin=frame.format(**fields, event=safe),
        idle=tuple(idle.format(**fields, seen=prompt.seen) for prompt in PROMPTS[name]),
    )


def _fields(words: Vocabulary, draw: random.Random) -> dict[str, str]:
    """What a scene's messages have in common."""
    return {
        "side": draw.choice(words.streets),
        "cover": draw.choice(words.covers),
        "peer": draw.choice(words.peers),
        "gap": str(draw.randrange(8, 60)),
    }
