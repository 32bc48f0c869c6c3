"""`conclusion`: one sentence of the sender's model: what follows from what it sees, and nothing of how."""

from laco.agents.channels.language import Language

QUESTION = "Conclusion: what must the other driver do now, and why? Answer in one sentence."


class Conclusion(Language):
    """One answer."""

    name = "conclusion"
    questions = (QUESTION,)
