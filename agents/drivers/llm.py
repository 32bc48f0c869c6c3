"""`llm`: a language model that reads the scene in words and chooses among a few speeds. Zero-shot.

The plan is never free text: each speed is a fixed answer, all of them are weighed in one batched forward, and the
likeliest per token is taken. Curvature follows the route, as with every driver.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from laco import Backbone, Context, infer
from laco.agents.drivers import DRIVERS, expert, text
from laco.agents.drivers.base import ANSWER, Addressing, Answers, Said
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.prompt import MARK, ends, plain, render, tokenized, words
from laco.agents.observation import Observation
from laco.errors import BackboneError
from laco.method.continuation import extend, generate, score
from laco.method.fusion import Inference

SPEEDS = 7  # choices from a stop to the free speed, evenly spaced
SYSTEM = "You drive a car. Make progress along your route, and never hit anyone."
DECIDE = "Which speed is safe now? Answer with a number of m/s."
SPEAK = "You look out for the driver of another car and tell it, from where it sits, what you see."


class LLMDriver:
    """Turns views into prompts, and the likelihoods of a few answers into plans."""

    name = "llm"
    period = DRIVERS["llm"].period
    addressing: Addressing = "each"

    def __init__(self, backbone: Backbone) -> None:
        """Raises: BackboneError for a model without a vocabulary or a tokenizer."""
        if not backbone.has_vocabulary or backbone.tokenizer is None:
            raise BackboneError("the llm driver needs a model with an output matrix and a tokenizer")
        self.backbone, self.tokenizer = backbone, backbone.tokenizer
        self.ends = ends(self.tokenizer, backbone.model)

    @classmethod
    def load(cls, model: str) -> "LLMDriver":
        """By a built-in name, a folder or a hub id. Raises: BackboneError."""
        return cls(Backbone.load(model))

    @property
    def fingerprint(self) -> str:
        """The backbone's: prompts are ours."""
        return self.backbone.fingerprint

    def context(self, frame: Frame, views: Sequence[Observation | Said], caution: float) -> Context:
        """The decision prompt: what peers said, then the viewer's own state and view, then the question."""
        seen = [self._scene(frame, view) for view in views if isinstance(view, Observation)]
        told = [self._told(frame, views[-1], view) for view in views if isinstance(view, Said)]
        user = "\n".join([*told, text.own(frame, caution), "You see:", *seen, DECIDE])
        return self._prompt(user, [v.content for v in views if isinstance(v, Said)])

    def plan(self, frame: Frame, time: float, out: Inference) -> Plan:
        """The likeliest of the speeds, no faster than the bends ahead allow."""
        cap = frame.limit * expert.CRUISE
        speeds = [cap * k / (SPEEDS - 1) for k in range(SPEEDS)]
        answers = [words(self.tokenizer, f"{speed:.0f} m/s") for speed in speeds]
        target = speeds[int(score(self.backbone, out, answers).argmax())]
        return expert.plan(frame, time, min(target, expert.bend_cap(frame, cap)), expert.BRAKE)

    def describe(self, frame: Frame, view: Observation) -> str:
        """The scene in words."""
        return text.scene(frame, view)

    def embed(self, frame: Frame, view: Observation, caution: float) -> Tensor:
        """Input embeddings of the scene in words."""
        return self._embedded(words(self.tokenizer, self._scene(frame, view)))

    @torch.no_grad()
    def say(self, frame: Frame, view: Observation, questions: Sequence[str], caution: float) -> Answers:
        """Greedy answers; the prompts' common beginning is read once."""
        asked = [self.question(frame, view, question) for question in questions]
        prompts = [_ids(context) for context in asked]
        shared = _common(prompts)
        begun = infer(self.backbone, Context(ids=torch.tensor(prompts[0][:shared]), extras=asked[0].extras))
        said = [self._answer(begun, ids[shared:]) for ids in prompts]
        texts = tuple(self.tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in said)
        return Answers(texts, sum(map(len, said)))

    def question(self, frame: Frame, view: Observation, text: str) -> Context:
        """The prompt, as ids, that asks the model about the view; questions differ at the end only."""
        user = f"It would see:\n{self._scene(frame, view)}\n{text}"
        return Context(ids=torch.tensor(tokenized(self.tokenizer, render(self.tokenizer, SPEAK, user))))

    def _answer(self, begun: Inference, rest: list[int]) -> list[int]:
        asked = extend(self.backbone, begun, rest) if rest else begun
        return generate(self.backbone, asked, ANSWER, self.ends)

    def _told(self, frame: Frame, own: Observation | Said, said: Said) -> str:
        """What a peer said, under its name; a mark stands for embeddings."""
        content = plain(self.tokenizer, said.content) if isinstance(said.content, str) else MARK
        who = plain(self.tokenizer, said.sender) + self.whereabouts(frame, own, said.sender)
        return f"Vehicle {who} tells you:\n{content}"

    def whereabouts(self, frame: Frame, own: Observation | Said, sender: str) -> str:
        """Where a peer is, for what it says in its own frame; here it speaks in ours."""
        return ""

    def _scene(self, frame: Frame, view: Observation) -> str:
        """The view in words, without what a name in a beacon could smuggle in."""
        return plain(self.tokenizer, self.describe(frame, view))

    def _prompt(self, user: str, contents: Sequence[str | Tensor]) -> Context:
        """Ids; or embeddings, where peers sent some, each at its mark."""
        tensors = [content for content in contents if isinstance(content, Tensor)]
        rendered = render(self.tokenizer, SYSTEM, user)
        if not tensors:
            return Context(ids=torch.tensor(tokenized(self.tokenizer, rendered)))
        first, *rest = rendered.split(MARK)
        rows = [self._embedded(tokenized(self.tokenizer, first))]
        for tensor, piece in zip(tensors, rest, strict=True):
            rows += [tensor.to(self.backbone.device, self.backbone.dtype), self._embedded(words(self.tokenizer, piece))]
        return Context(embeds=torch.cat(rows))

    @torch.no_grad()
    def _embedded(self, ids: list[int]) -> Tensor:
        """Input embeddings [T, D]."""
        rows: Tensor = self.backbone.decoder.embed_tokens(torch.tensor(ids, device=self.backbone.device))
        return rows


def _ids(context: Context) -> list[int]:
    return [] if context.ids is None else context.ids.tolist()


def _common(prompts: Sequence[list[int]]) -> int:
    """How many leading ids all prompts share; all of them where there is one prompt."""
    shortest = min(map(len, prompts))
    if len(prompts) == 1:
        return shortest
    columns = zip(*prompts, strict=False)
    same = (i for i, column in enumerate(columns) if len(set(column)) > 1)
    return min(next(same, shortest), shortest - 1)
