"""What a driver is: how views, and what peers said, become a context, and how an inference becomes a plan.

Reading side: `context`, `plan`, and `plans` for several vehicles. Speaking side: `describe`, `embed`, `say`, each for
the channels that ask for it (`Facts.carries`), and `begin` and `answer`, which are `say` for several. A driver knows no
sockets, no codecs and no simulator, and keeps nothing between calls: vehicles share it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from laco import Backbone, Context
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.observation import Observation
from laco.method.fusion import Inference

Addressing = Literal["each", "all"]


@dataclass(frozen=True, eq=False)
class Said:
    """What a peer said: a text, or embeddings [T, D] of what it observed."""

    sender: str
    content: str | Tensor


@dataclass(frozen=True)
class Answers:
    """Answers to questions, in their order, and how many tokens they took."""

    texts: tuple[str, ...]
    tokens: int


@dataclass(frozen=True, eq=False)
class Asked:
    """Questions about a view, for the viewer of `frame`: what `TextDriver.say` takes."""

    frame: Frame
    view: Observation
    questions: tuple[str, ...]
    caution: float


@dataclass(frozen=True, eq=False)
class Begun:
    """What several questions begin with, as it was read, and the ids [n] that each goes on with."""

    out: Inference
    rests: tuple[list[int], ...]


class Driver(Protocol):
    """A policy over a backbone.

    name, period: as in `DRIVERS`. addressing: "each" peer is spoken to in its own frame, "all" hear one broadcast
    in the speaker's. backbone: what thinks. fingerprint: on the wire, says whose caches and embeddings these are.
    """

    name: str
    period: float
    addressing: Addressing
    backbone: Backbone

    @property
    def fingerprint(self) -> str:
        """Identifies the weights on the wire."""
        ...

    def context(self, frame: Frame, views: Sequence[Observation | Said], caution: float) -> Context:
        """What the viewer of `frame` reads before it decides: what peers said or saw, its own view last."""
        ...

    def plan(self, frame: Frame, time: float, out: Inference) -> Plan:
        """The plan that follows an inference over a context of `context`."""
        ...

    def plans(self, frames: Sequence[Frame], times: Sequence[float], outs: Sequence[Inference]) -> list[Plan]:
        """`plan` for several vehicles: batched where that saves something."""
        ...

    def embed(self, frame: Frame, view: Observation, caution: float) -> Tensor:
        """The view, for the viewer of `frame`, as what enters the decoder: embeddings [T, D]."""
        ...


class TextDriver(Driver, Protocol):
    """A driver that also reads and says sentences."""

    @property
    def voice(self) -> Backbone:
        """The model that says them."""
        ...

    def describe(self, frame: Frame, view: Observation) -> str:
        """The view in words, for the viewer of `frame`; nothing is generated."""
        ...

    def say(self, frame: Frame, view: Observation, questions: Sequence[str], caution: float) -> Answers:
        """The model's own answers to questions about the view, for the viewer of `frame`.

        The view is read once for all questions; an answer ends with the model's end of turn, or at `ANSWER`.
        """
        ...

    def begin(self, asked: Asked) -> Begun:
        """Reads what all questions begin with."""
        ...

    def answer(self, begun: Sequence[Begun]) -> list[Answers]:
        """The answers to what has been begun, whoever asked: all words in batches."""
        ...


ANSWER = 32  # [tokens] the one cap on every answer
ROWS = 16  # that are decoded in one batch: beyond, memory grows and little is saved
