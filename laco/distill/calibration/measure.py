"""Sender and receiver of the content test: what is said, what is sent of it, and what the answer becomes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from laco import Backbone
from laco.comm import air_bytes, decode, encode
from laco.config import LacoConfig
from laco.distill.calibration.prompts import Prompt
from laco.distill.calibration.scenes import Scene
from laco.errors import ConfigError
from laco.method.cache import KVCache
from laco.method.deliberation import Trace, deliberate
from laco.method.fusion import infer
from laco.method.saliency import attribute
from laco.method.sharing import share

MESSAGE = "Message from another car: {}\n"

AS_TEXT = LacoConfig(steps=0, keep=1.0, depth=1.0, realign="identity")
"""The message in the prompt. The uncut cache of all of a text's tokens, read in front of the receiver's own and
at its own positions, *is* that text in the prompt (tests/calibration/test_measure.py): reading it anew would
only cost time."""


@dataclass(frozen=True, eq=False)
class Told:
    """A scene's messages, read once by the sender: all layers, all tokens."""

    hazard: Trace
    twin: Trace
    idle: tuple[Trace, ...]


@dataclass(frozen=True)
class Answer:
    """score: logit(hazard) - logit(clear). drift: KL(answer with the message || answer in silence) [nat]."""

    score: float
    drift: float


@dataclass(frozen=True)
class Sample:
    """One scene under one configuration; a number per prompt each.

    hazard, twin: scores. moved: drift on those two messages, mean. idle: drift on a message that says nothing
    new. nbytes: of the scene's messages on the air, headers included, mean [bytes].
    """

    hazard: tuple[float, ...]
    twin: tuple[float, ...]
    moved: tuple[float, ...]
    idle: tuple[float, ...]
    nbytes: float


class Bench:
    """One backbone as sender and as receiver of everything that is measured.

    Raises: ConfigError for a backbone that has no vocabulary or tokenizer, or whose tokenizer cannot tell a
    prompt's two answers apart.
    """

    def __init__(self, backbone: Backbone, prompts: Sequence[Prompt], codec: str = "int8") -> None:
        if not backbone.has_vocabulary or backbone.tokenizer is None:
            raise ConfigError("calibration on texts needs a backbone with a tokenizer and a vocabulary")
        self.backbone, self.prompts, self.codec = backbone, tuple(prompts), codec
        # Only the last token's logits are needed: the receiver runs without its output matrix.
        self._reader = Backbone(backbone.decoder, backbone.tokenizer, input_norm=1.0)
        self._answers = [(self._first(p.hazard), self._first(p.clear)) for p in prompts]
        if any(hazard == clear for hazard, clear in self._answers):
            raise ConfigError("this tokenizer begins both answers of a prompt with the same token")
        self._texts = [self._ids(prompt.text) for prompt in prompts]
        self._silent = [self._logits(number, (), LacoConfig()).log_softmax(-1) for number in range(len(prompts))]

    def tell(self, scene: Scene, steps: int) -> Told:
        """Read a scene's messages and deliberate `steps` steps on each."""
        return Told(
            self._trace(scene.hazard, steps),
            self._trace(scene.twin, steps),
            tuple(self._trace(text, steps) for text in scene.idle),
        )

    def send(self, trace: Trace, config: LacoConfig) -> tuple[KVCache, int]:
        """What arrives of a message after the codec, and its bytes on the air."""
        kept = attribute(
            trace, config.keep, horizon=config.horizon, latent=config.latent, selector=config.selector
        )
        chunks = encode(share(trace, kept, config.depth, config.layers), self.codec)
        return decode(chunks).to(self.backbone.dtype).to(self.backbone.device), air_bytes(chunks).total

    def hear(self, number: int, peers: Sequence[KVCache], config: LacoConfig) -> Answer:
        """The receiver with the prompt of that number answers."""
        logits = self._logits(number, peers, config)
        spoken, silent = logits.log_softmax(-1), self._silent[number]
        hazard, clear = self._answers[number]
        drift = (spoken.exp() * (spoken - silent)).sum().clamp_min(0.0)
        return Answer(float(logits[hazard] - logits[clear]), float(drift))

    def silent(self) -> tuple[float, ...]:
        """Scores without a message, per prompt."""
        return tuple(self.hear(number, (), LacoConfig()).score for number in range(len(self.prompts)))

    def sample(self, told: Told, config: LacoConfig) -> Sample:
        """Everything about one scene under one configuration, through the codec."""
        hazard, twin, idle = self._sent(told, config)
        numbers = range(len(self.prompts))
        heard = [self.hear(number, [hazard[0]], config) for number in numbers]
        calm = [self.hear(number, [twin[0]], config) for number in numbers]
        known = [self.hear(number, [idle[number][0]], config) for number in numbers]
        sizes = [size for _, size in (hazard, twin, *idle)]
        return Sample(
            hazard=tuple(a.score for a in heard),
            twin=tuple(a.score for a in calm),
            moved=tuple((a.drift + b.drift) / 2 for a, b in zip(heard, calm, strict=True)),
            idle=tuple(a.drift for a in known),
            nbytes=sum(sizes) / len(sizes),
        )

    def as_text(self, told: Told) -> Sample:
        """The same with the message as text in the prompt; nbytes: mean over the texts' tokens, 0 here."""
        peers = (told.hazard.cache, told.twin.cache)
        numbers = range(len(self.prompts))
        heard, calm = ([self.hear(n, [peer], AS_TEXT) for n in numbers] for peer in peers)
        known = [self.hear(n, [told.idle[n].cache], AS_TEXT) for n in numbers]
        return Sample(
            tuple(a.score for a in heard),
            tuple(a.score for a in calm),
            tuple((a.drift + b.drift) / 2 for a, b in zip(heard, calm, strict=True)),
            tuple(a.drift for a in known),
            0.0,
        )

    def _sent(
        self, told: Told, config: LacoConfig
    ) -> tuple[tuple[KVCache, int], tuple[KVCache, int], list[tuple[KVCache, int]]]:
        idle = [self.send(trace, config) for trace in told.idle]
        return self.send(told.hazard, config), self.send(told.twin, config), idle

    def _trace(self, text: str, steps: int) -> Trace:
        return deliberate(self.backbone, self._ids(MESSAGE.format(text)), steps)

    def _logits(self, number: int, peers: Sequence[KVCache], config: LacoConfig) -> Tensor:
        """Logits [V] of a prompt's next token."""
        out = infer(self._reader, self._texts[number], peers, place=config.place, rotary=config.rotary,
                    window=config.window)  # fmt: skip
        with torch.no_grad():
            logits = self.backbone.logits(out.hidden[-1:])
        assert logits is not None  # checked when the bench was made
        return logits[0].float()

    def _ids(self, text: str) -> list[int]:
        """Tokens without the special ones: message and prompt must read on from one another."""
        ids: list[int] = self.backbone.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _first(self, answer: str) -> int:
        return self._ids(answer)[0]
