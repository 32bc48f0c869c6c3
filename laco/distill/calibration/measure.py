"""Sender and receiver of the content test: what is said, what is sent of it, and what the answer becomes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from laco import Backbone
from laco.comm import air_bytes, decode, encode
from laco.config import LacoConfig
from laco.distill.calibration.packing import hear
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
    """A scene's messages, read once by the sender: all layers, all tokens. text_bytes: their mean length."""

    hazard: Trace
    twin: Trace
    idle: tuple[Trace, ...]
    text_bytes: float


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
        with torch.no_grad():
            last = [infer(self._reader, text).hidden[-1] for text in self._texts]
            self._silent = self._logits(torch.stack(last))

    def tell(self, scene: Scene, steps: int) -> Told:
        """Read a scene's messages and deliberate `steps` steps on each, by the paper's realignment."""
        return Told(
            self._trace(scene.hazard, steps),
            self._trace(scene.twin, steps),
            tuple(self._trace(text, steps) for text in scene.idle),
            float(np.mean([len(text.encode()) for text in (scene.hazard, scene.twin, *scene.idle)])),
        )

    def send(self, trace: Trace, config: LacoConfig) -> tuple[KVCache, int]:
        """What arrives of a message after the codec, and its bytes on the air."""
        kept = attribute(trace, config.keep, horizon=config.horizon, latent=config.latent, selector=config.selector)
        part = share(trace, kept, config.depth, config.layers)
        chunks = encode(part, self.codec, fingerprint=self.backbone.fingerprint)
        return decode(chunks).to(self.backbone.dtype).to(self.backbone.device), air_bytes(chunks).total

    def hear(self, numbers: Sequence[int], peers: Sequence[KVCache], config: LacoConfig) -> list[Answer]:
        """The receivers with the prompts of those numbers answer, each having heard its own peer."""
        with torch.no_grad():
            hidden = hear(self._reader, [self._texts[n] for n in numbers], peers, config)
            rows = self._logits(hidden)
        return [self._answer(number, row) for number, row in zip(numbers, rows, strict=True)]

    def silent(self) -> tuple[float, ...]:
        """Scores without a message, per prompt."""
        return tuple(float(row[h] - row[c]) for row, (h, c) in zip(self._silent, self._answers, strict=True))

    def sample(self, told: Told, config: LacoConfig) -> Sample:
        """Everything about one scene under one configuration, through the codec."""
        sent = [self.send(trace, config) for trace in (told.hazard, told.twin, *told.idle)]
        return self._sample([cache for cache, _ in sent], config, sum(size for _, size in sent) / len(sent))

    def as_text(self, told: Told) -> Sample:
        """The same with the message as text in the prompt; nbytes: of the texts, mean."""
        caches = [trace.cache for trace in (told.hazard, told.twin, *told.idle)]
        return self._sample(caches, AS_TEXT, told.text_bytes)

    def _sample(self, caches: Sequence[KVCache], config: LacoConfig, nbytes: float) -> Sample:
        """caches: hazard, twin, then an idle message per prompt."""
        hazard, twin, *idle = caches
        count = len(self.prompts)
        order = [*range(count)] * 3
        answers = self.hear(order, [hazard] * count + [twin] * count + idle, config)
        heard, calm, known = (answers[i * count : (i + 1) * count] for i in range(3))
        return Sample(
            hazard=tuple(a.score for a in heard),
            twin=tuple(a.score for a in calm),
            moved=tuple((a.drift + b.drift) / 2 for a, b in zip(heard, calm, strict=True)),
            idle=tuple(a.drift for a in known),
            nbytes=nbytes,
        )

    def _answer(self, number: int, logits: Tensor) -> Answer:
        """logits: [V]."""
        spoken, silent = logits.log_softmax(-1), self._silent[number].log_softmax(-1)
        hazard, clear = self._answers[number]
        drift = (spoken.exp() * (spoken - silent)).sum().clamp_min(0.0)
        return Answer(float(logits[hazard] - logits[clear]), float(drift))

    def _trace(self, text: str, steps: int) -> Trace:
        return deliberate(self.backbone, self._ids(MESSAGE.format(text)), steps)

    def _logits(self, hidden: Tensor) -> Tensor:
        """Logits [n, V] of hidden states [n, D]."""
        logits = self.backbone.logits(hidden)
        assert logits is not None  # checked when the bench was made
        return logits.float()

    def _ids(self, text: str) -> list[int]:
        """Tokens without the special ones: message and prompt must read on from one another."""
        ids: list[int] = self.backbone.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _first(self, answer: str) -> int:
        return self._ids(answer)[0]
