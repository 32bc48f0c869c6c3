"""Seeded pairs of driving scenes: what a peer says of somebody in the receiver's way, or not in its way."""

import random
from dataclasses import dataclass

from laco.distill.calibration.vocabulary import SETS, SetName, Vocabulary
from laco.errors import ConfigError


@dataclass(frozen=True)
class Scene:
    """One scene, told three ways, and what the receiver knows itself.

    hazard, twin: the peer's message; the two differ in what the road user does and in nothing else.
    idle: a message that repeats what the receiver knows. own: the receiver's observation.
    """

    number: int
    hazard: str
    twin: str
    idle: str
    own: str


OWN = (
    "You drive on {street} at {speed} km/h. The air is {sky}. {gap} metres ahead there is the {cover} at the side "
    "of the road. The {peer} is near, on {side}."
)


def scenes(name: SetName, count: int, seed: int = 0) -> list[Scene]:
    """The first `count` scenes of a set; a longer list starts with a shorter one's scenes.

    Raises: ConfigError for an unknown set, or for a count below 2 (scenes are told from one another).
    """
    if name not in SETS:
        raise ConfigError(f"unknown set of scenes {name!r}; known are {', '.join(SETS)}")
    if count < 2:
        raise ConfigError(f"at least 2 scene pairs are needed, not {count}")
    draw = random.Random(f"laco-scenes-{name}-{seed}")
    told: dict[tuple[str, str], Scene] = {}
    while len(told) < count:
        scene = _scene(SETS[name], draw, len(told))
        told.setdefault((scene.hazard, scene.twin), scene)
    return list(told.values())


def _scene(words: Vocabulary, draw: random.Random, number: int) -> Scene:
    """One scene, whatever comes next."""
    kind = draw.choice(tuple(words.users))
    user, (risky, safe) = draw.choice(words.users[kind]), draw.choice(words.events[kind])
    street, side = draw.sample(words.streets, 2)
    fields: dict[str, str | int] = {
        "user": user, "User": user[0].upper() + user[1:],
        "They": "It" if kind == "vehicle" else "This person",
        "street": street, "side": side, "cover": draw.choice(words.covers), "peer": draw.choice(words.peers),
        "sky": draw.choice(words.skies), "gap": draw.randrange(8, 60), "speed": draw.randrange(25, 56),
        "peer_speed": draw.randrange(15, 56),
    }  # fmt: skip
    frame, idle = draw.choice(words.messages), draw.choice(words.idle)
    return Scene(
        number=number,
        hazard=frame.format(**fields, event=risky),
        twin=frame.format(**fields, event=safe),
        idle=idle.format(**fields),
        own=OWN.format(**fields),
    )
