"""What the receiver has before it: its own observation and a sentence to go on with.

Its answer is a score: how much one next token is preferred to another. That needs no instruction tuning and no
chat template, so every backbone with a vocabulary can be asked.
"""

from dataclasses import dataclass

from laco.distill.calibration.vocabulary import SetName


@dataclass(frozen=True)
class Prompt:
    """A receiver.

    seen: its own observation, as a clause. start: of the sentence that its answer ends.
    hazard, clear: the two answers; the score is logit(hazard) - logit(clear) of their first tokens.
    """

    seen: str
    start: str
    hazard: str
    clear: str

    @property
    def text(self) -> str:
        """What the receiver reads before it answers."""
        return f"{self.seen[0].upper()}{self.seen[1:]}. {self.start}"


# Chosen by how well set A's messages are answered when they are read as text. No sentence is in both sets.
PROMPTS: dict[SetName, tuple[Prompt, ...]] = {
    "A": (
        Prompt("you drive on Park Road at 40 km/h and see an empty lane", "Now you must", " stop", " continue"),
        Prompt(
            "you drive at 40 km/h on a street with shops", "In the next seconds your car gets", " slower", " faster"
        ),
        Prompt(
            "you drive through the village at 50 km/h and see an empty lane", "You decide to", " brake", " continue"
        ),
    ),
    "B": (
        Prompt(
            "you go along Canal Street at 45 km/h and nobody is in view", "Your passengers feel", " unsafe", " safe"
        ),
        Prompt("you go along a row of houses at 35 km/h", "Is the way free? The answer is", " no", " yes"),
        Prompt(
            "you go past the school at 30 km/h and nobody is in view", "At the next moment you have to", " stop", " go"
        ),
    ),
}
