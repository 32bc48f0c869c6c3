"""What the receiver is asked. Its answer is a score: how much one next token is preferred to another."""

from dataclasses import dataclass

from laco.distill.calibration.vocabulary import SetName


@dataclass(frozen=True)
class Prompt:
    """A question behind the receiver's own observation.

    hazard, clear: the two answers; the score is logit(hazard) - logit(clear) of their first tokens.
    """

    question: str
    hazard: str
    clear: str


# Questions were chosen on set A, by how well the same message as text is answered; none is in both sets.
PROMPTS: dict[SetName, tuple[Prompt, ...]] = {
    "A": (
        Prompt("Is somebody or something in your way? Answer yes or no.", "Yes", "No"),
        Prompt("Is your lane free? Answer yes or no.", "No", "Yes"),
        Prompt("What do you do, brake or drive on? Answer with one word.", "Brake", "Drive"),
    ),
    "B": (
        Prompt("Do you have to slow down? Answer yes or no.", "Yes", "No"),
        Prompt("Can you keep your speed? Answer yes or no.", "No", "Yes"),
        Prompt("Is the road ahead of you blocked? Answer yes or no.", "Yes", "No"),
    ),
}
