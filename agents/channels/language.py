"""`language`: the sender's model answers three questions, as in LangCoop: scene, objects, intent."""

from laco.agents.channels.texts import TextChannel
from laco.agents.drivers.base import Asked
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Beacon, Observation
from laco.profiling.speaking import speaking

QUESTIONS = (
    "Scene: what is the road like there? Answer in one sentence.",
    "Objects: which vehicles matter, and what do they do? Answer in one sentence.",
    "Intent: what will you do next? Answer in one sentence.",
)


class Language(TextChannel):
    """Three answers, a line each."""

    name = "language"
    questions: tuple[str, ...] = QUESTIONS

    def asks(self, view: Observation, to: Beacon) -> Asked:
        return Asked(Frame.of(to), view, self.questions, self.caution)

    def tell(self, view: Observation, frame: Frame) -> str:
        answers = self.answers
        if answers is None:
            with speaking(self.speaker.voice.decoder):
                answers = self.speaker.say(frame, view, self.questions, self.caution)
        self.generated = answers.tokens
        return "\n".join(answers.texts)
