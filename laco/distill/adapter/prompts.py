"""Driving texts to distil on, unlabelled, and pairs of scenes to judge by, made of words that training never saw."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """The parts of a report."""

    actors: Sequence[str]
    threats: Sequence[str]
    calms: Sequence[str]
    places: Sequence[str]
    views: Sequence[str]


TRAINING = Words(
    actors=(
        "a white van", "a cyclist", "a red sedan", "a delivery truck", "a pedestrian", "a motorcycle", "a school bus",
        "two children", "a taxi", "a grey hatchback", "an ambulance", "a tram", "a scooter", "a dog", "a garbage truck",
    ),
    threats=(
        "is crossing the lane from the left", "does not slow down and heads for the junction",
        "has stopped in the middle of the lane", "is cutting in from the right", "runs into the road",
        "is coming the wrong way in our lane", "is drifting across the centre line", "brakes sharply in front",
        "is hidden behind the wall and approaches fast", "ignores the red light",
    ),
    calms=(
        "is parked at the kerb", "is driving away from the junction", "waits behind the stop line",
        "stands still on the pavement", "has turned off into a side street", "follows far behind",
        "is leaving in the opposite direction", "is stopped at the red light of the cross street",
        "is parked in a driveway", "keeps its lane and its distance",
    ),
    places=(
        "about 20 metres ahead", "35 metres from the crossing", "near the corner", "beyond the parked cars",
        "at the next intersection", "10 metres to the left", "on the right-hand side", "behind the building",
        "60 metres up the road", "next to the bus stop",
    ),
    views=(
        "The road is dry and visibility is good.", "It rains and the asphalt is wet.",
        "My speed is 8 metres per second.", "The speed limit is 50.", "The light ahead is green for us.",
        "A building hides the cross street.", "Traffic is light.", "The lane on the left is closed.",
        "It is getting dark.", "I am 30 metres from the junction.",
    ),
)  # fmt: skip

HELD_OUT = Words(
    actors=(
        "a blue pickup", "a jogger", "a minivan", "a tractor", "a woman with a pram", "a black coupe", "a moped",
        "an old man", "a fire engine", "a lorry with a trailer",
    ),
    threats=(
        "rolls through the give-way sign into our path", "swerves into our lane",
        "steps off the kerb without looking", "is broken down across the lane",
        "races towards the crossing from the side street", "reverses out onto the roadway",
    ),
    calms=(
        "is locked and empty in a parking bay", "moves off along the other road",
        "sits on a bench by the footpath", "has pulled over well clear of the lane",
        "is heading home far from the crossing", "stays on its side of the barrier",
    ),
    places=(
        "25 metres away", "just past the bend", "by the filling station", "40 metres in front",
        "at the mouth of the alley",
    ),
    views=(
        "The sun is low.", "The surface is slightly damp.", "I drive 9 metres per second.",
        "The limit here is 40.", "The view to the right is blocked.",
    ),
)  # fmt: skip

QUESTIONS = (
    "\nQuestion: What is the most important thing on the road?\nAnswer:",
    "\nIs the way ahead free? It is",
    "\nThe driver should now",
    "\nQuestion: Who is near us, and what are they doing?\nAnswer:",
    "\nBecause of this, the speed should be",
    "\nIn short:",
    "\nQuestion: Is there a danger? Answer yes or no.\nAnswer:",
    "\nThe safest action is to",
)
"""What a receiver goes on with after a peer's report."""


def report(words: Words, rng: random.Random, kind: str | None = None) -> str:
    """One vehicle's report of two or three sentences. kind: "threats", "calms", or None for either."""
    chosen: Sequence[str] = getattr(words, kind or rng.choice(("threats", "calms")))
    actor = rng.choice(words.actors)
    event = f"{actor[0].upper()}{actor[1:]} {rng.choice(words.places)} {rng.choice(chosen)}."
    sentences = [event, *rng.sample(words.views, rng.choice((1, 2)))]
    rng.shuffle(sentences)
    return " ".join(sentences)


def texts(seed: int, count: int, words: Words = TRAINING) -> list[str]:
    """Unlabelled reports of one or two events; the i-th depends on the seed and i alone."""
    made = []
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        made.append(" ".join(report(words, rng) for _ in range(rng.choice((1, 1, 2)))))
    return made


@dataclass(frozen=True)
class Scene:
    """Two reports that differ in what one road user does, and in nothing else."""

    hazard: str
    harmless: str


def scenes(seed: int, count: int, words: Words = HELD_OUT) -> list[Scene]:
    """Pairs to judge by; the i-th depends on the seed and i alone."""
    return [
        Scene(*(report(words, random.Random(f"scene/{seed}/{number}"), kind) for kind in ("threats", "calms")))
        for number in range(count)
    ]


def continuation(text: str, rng: random.Random) -> str:
    """What the receiver reads after the report: a question, or the report again (which needs every token of it)."""
    return rng.choice(QUESTIONS) if rng.random() < 0.5 else f"\nThe message once more: {text}"
