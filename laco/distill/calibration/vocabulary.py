"""The words of the two sets of scenes. Nothing that decides what a message says occurs in both.

No imperative, no judgement ("danger", "careful") and none of the receiver's answers occurs in a message: it
only says who is where and does what.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["person", "vehicle"]
SetName = Literal["A", "B"]


@dataclass(frozen=True)
class Vocabulary:
    """What one set of scenes is made of.

    messages: sentence frames of the peer's message with the fields of a scene, and {event}.
    idle: frames of a message that repeats what the receiver sees itself, {seen}.
    users: who is seen, by kind. events: (in the receiver's way, not in its way), by kind of user.
    """

    messages: tuple[str, ...]
    idle: tuple[str, ...]
    users: dict[Kind, tuple[str, ...]]
    events: dict[Kind, tuple[tuple[str, str], ...]]
    streets: tuple[str, ...]
    covers: tuple[str, ...]
    peers: tuple[str, ...]


SET_A = Vocabulary(
    messages=(
        "I am the {peer} on {side}. Behind the {cover}, {gap} metres ahead of you, {user} {event}.",
        "From {side} I can see past the {cover}. {User} {event}, {gap} metres from your front bumper.",
        "My camera shows {user} next to the {cover}. {They} {event}, {gap} metres ahead of you.",
        "{User} {event}, {gap} metres ahead of your car, just after the {cover}.",
    ),
    idle=(
        "I am the {peer} on {side}. I can see that {seen}.",
        "My camera shows your car from {side}. It shows that {seen}.",
        "From {side} I can see you. As you know, {seen}. I am the {peer}.",
    ),
    users={
        "person": ("a cyclist", "a child with a ball", "an old man with a stick", "a girl on a scooter"),
        "vehicle": ("a delivery van", "a grey hatchback", "a school bus", "a tractor"),
    },
    events={
        "person": (
            ("is crossing your lane", "is sitting on a bench"),
            ("is walking out into the road in front of you", "is walking away through the park"),
            ("lies on the road in your lane", "lies on the grass in a garden"),
            ("is running across the street", "is standing at a shop window"),
        ),
        "vehicle": (
            ("is backing out into your lane", "is standing in a garage"),
            ("blocks your lane", "is parked in a yard"),
            ("is turning across your path", "is driving away from the street"),
            ("has broken down in the middle of your lane", "has left by the far exit"),
        ),
    },
    streets=("Mill Road", "Elm Street", "Station Road", "Harbour Lane", "King Street", "Church Road"),
    covers=("parked bus", "tall hedge", "stone wall", "delivery truck", "market stall"),
    peers=("blue estate car", "taxi", "police van", "silver saloon"),
)

SET_B = Vocabulary(
    messages=(
        "Here is the {peer}, coming along {side}. On the far side of the {cover} {user} {event}; it is {gap} metres.",
        "View from {side}: {gap} metres from where you are, hidden by the {cover}, {user} {event}.",
        "I have the {cover} on my left. Beyond it there is {user}. {They} {event}, and your car is {gap} metres away.",
        "{gap} metres along your road {user} {event}. The {cover} is between you two.",
    ),
    idle=(
        "Here is the {peer}, coming along {side}. What I have in view is that {seen}.",
        "View from {side}: {seen}.",
        "I have {side} in front of me and your car in view. It is so that {seen}. The {peer} tells you this.",
    ),
    users={
        "person": ("a boy on a skateboard", "a woman with a pram", "a jogger", "a man with two dogs"),
        "vehicle": ("a white lorry", "a motorcycle", "a red pickup", "a caravan"),
    },
    events={
        "person": (
            ("is stepping off the kerb into your way", "is resting under a tree"),
            ("is coming over the roadway towards your car", "is going home over a meadow"),
            ("has fallen down on the roadway", "has gone into a house"),
            ("is in the middle of the roadway", "is on the terrace of a cafe"),
        ),
        "vehicle": (
            ("is pulling out in front of your car", "is behind a farm gate"),
            ("is across the whole roadway", "is at a petrol pump"),
            ("is coming towards you on your side", "is leaving by another way"),
            ("has lost a wheel and fills your side", "has been loaded on a ferry"),
        ),
    },
    streets=("Oak Avenue", "Bridge Street", "Garden Way", "Queens Drive", "North Parade", "Abbey Hill"),
    covers=("tram", "row of vans", "billboard", "wooden fence", "ice-cream kiosk"),
    peers=("green minibus", "black limousine", "post car", "yellow coupe"),
)

SETS: dict[SetName, Vocabulary] = {"A": SET_A, "B": SET_B}
