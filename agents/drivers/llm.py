"""`llm`: a language model that reads the scene in words and chooses among a few speeds.

The plan is never free text: each speed is a fixed answer, all of them are weighed at once, and the likeliest per token
is taken. Answers are digits, which most tokenizers make one token of: the prompt's own last logits weigh them all, and
nothing is read behind it. Curvature follows the route, as with every driver.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import torch
from torch import Tensor

from laco import Backbone, Context, infer
from laco.agents.drivers import DRIVERS, expert, lora, lora_file, text
from laco.agents.drivers.base import ANSWER, ROWS, Addressing, Answers, Asked, Begun, Said
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.plan import Plan
from laco.agents.drivers.prompt import MARK, ends, plain, render, tokenized, words
from laco.agents.observation import Observation
from laco.errors import BackboneError
from laco.method.continuation import extend, generate_many, score
from laco.method.fusion import Inference

SPEEDS = text.FULL + 1  # choices from a stop to the free speed, evenly spaced
SYSTEM = f"You drive. Answer the safe speed, 0 (stop) to {text.FULL} (full)."
SPEAK = "You look out for the driver of another car and tell it, from where it sits, what you see."


class LLMDriver:
    """Turns views into prompts, and the likelihoods of a few answers into plans."""

    name = "llm"
    period = DRIVERS["llm"].period
    addressing: Addressing = "each"
    longest = ANSWER  # [tokens] of an answer

    def __init__(self, backbone: Backbone, plain: Callable[[], Backbone] | None = None) -> None:
        """plain: makes the model that speaks, when it is first asked to; None for the one that drives. Taught to answer
        in digits, a model says nothing else.

        Raises: BackboneError for a model without a vocabulary or a tokenizer.
        """
        if not backbone.has_vocabulary or backbone.tokenizer is None:
            raise BackboneError("the llm driver needs a model with an output matrix and a tokenizer")
        self.backbone, self.tokenizer, self._plain = backbone, backbone.tokenizer, plain
        self.ends = ends(self.tokenizer, backbone.model)
        self.answers = [words(self.tokenizer, str(level)) for level in range(SPEEDS)]

    @classmethod
    def load(cls, weights: str) -> "LLMDriver":
        """By a built-in name, a folder or a hub id, with the LoRA that ships for it or is named (`lora_file.joined`).

        Raises: BackboneError, also for a LoRA that is none or another model's.
        """
        model, wanted = lora_file.parted(weights)
        backbone, path = Backbone.load(model), lora_file.file_of(model, wanted)
        if path is None:
            return cls(backbone)
        tuned = lora.merged(backbone, path)
        return cls(tuned, partial(lora.beside, tuned, model, path))

    @cached_property
    def voice(self) -> Backbone:
        """The model that speaks."""
        return self.backbone if self._plain is None else self._plain()

    @property
    def fingerprint(self) -> str:
        """The backbone's: prompts are ours."""
        return self.backbone.fingerprint

    def context(self, frame: Frame, views: Sequence[Observation | Said], caution: float) -> Context:
        """The decision prompt: what peers said, the viewer's own view, its state last."""
        seen = [self._scene(frame, view) for view in views if isinstance(view, Observation)]
        told = [self._told(frame, views[-1], view) for view in views if isinstance(view, Said)]
        user = asked(told, seen, text.state(frame, caution))
        return self._prompt(user, [v.content for v in views if isinstance(v, Said)])

    def plan(self, frame: Frame, time: float, out: Inference) -> Plan:
        """The likeliest share of the free speed."""
        level = int(score(self.backbone, out, self.answers).argmax())
        return expert.plan(frame, time, text.free(frame) * level / (SPEEDS - 1), expert.BRAKE)

    def plans(self, frames: Sequence[Frame], times: Sequence[float], outs: Sequence[Inference]) -> list[Plan]:
        """One after the other: where answers are digits, there is nothing left to read."""
        return [self.plan(*one) for one in zip(frames, times, outs, strict=True)]

    def describe(self, frame: Frame, view: Observation) -> str:
        """The scene in words."""
        return text.scene(frame, view)

    def embed(self, frame: Frame, view: Observation, caution: float) -> Tensor:
        """Input embeddings of the scene in words."""
        return self._embedded(words(self.tokenizer, self._scene(frame, view)))

    def say(self, frame: Frame, view: Observation, questions: Sequence[str], caution: float) -> Answers:
        """Greedy answers; the prompts' common beginning is read once."""
        return self.answer([self.begin(Asked(frame, view, tuple(questions), caution))])[0]

    @torch.no_grad()
    def begin(self, asked: Asked) -> Begun:
        """Reads the prompts' common beginning."""
        prompts = [self.question(asked.frame, asked.view, question) for question in asked.questions]
        ids = [_ids(context) for context in prompts]
        shared = _common(ids)
        begin = Context(ids=torch.tensor(ids[0][:shared]), extras=prompts[0].extras)
        return Begun(infer(self.voice, begin, tail=True), tuple(one[shared:] for one in ids))

    def answer(self, begun: Sequence[Begun]) -> list[Answers]:
        """Greedy answers, `ROWS` of them at a time."""
        parts = [(one.out, rest) for one in begun for rest in one.rests]
        said: list[list[int]] = []
        for start in range(0, len(parts), ROWS):
            asked = [extend(self.voice, out, rest) if rest else out for out, rest in parts[start : start + ROWS]]
            said += generate_many(self.voice, asked, self.longest, self.ends)
        spoken = iter(said)
        return [self._answers([next(spoken) for _ in one.rests]) for one in begun]

    def _answers(self, said: Sequence[list[int]]) -> Answers:
        texts = tuple(self.tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in said)
        return Answers(texts, sum(map(len, said)))

    def question(self, frame: Frame, view: Observation, text: str) -> Context:
        """The prompt, as ids, that asks the model about the view; questions differ at the end only."""
        user = f"It would see:\n{self._scene(frame, view)}\n{text}"
        return Context(ids=torch.tensor(tokenized(self.tokenizer, render(self.tokenizer, SPEAK, user))))

    def _told(self, frame: Frame, own: Observation | Said, said: Said) -> str:
        """What a peer said, under its name; a mark stands for embeddings."""
        content = plain(self.tokenizer, said.content) if isinstance(said.content, str) else MARK
        who = plain(self.tokenizer, said.sender) + self.whereabouts(frame, own, said.sender)
        return f"{who} says:\n{content}"

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


def asked(told: Sequence[str], seen: Sequence[str], state: str) -> str:
    """What is asked for a decision. The state comes last: everything before it is the same for any state."""
    return "\n".join([*told, "You see:", *seen, state])


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
