"""Caches to profile codecs on: of a language model that read held-out driving texts, or of the built-in driver."""

import random

import torch
from torch import Tensor

from laco.distill.adapter.prompts import HELD_OUT, continuation, texts
from laco.errors import ConfigError
from laco.method.backbone import Backbone
from laco.method.cache import KVCache
from laco.method.deliberation import deliberate
from laco.method.fusion import infer
from laco.profiling.codecs import Sample

REPORTS = 4  # texts that a sender has read: about 150 tokens of a language model


def of_model(backbone: Backbone, count: int, seed: int = 0) -> list[Sample]:
    """All layers after a sender has read some reports; the listener goes on with another one and a question.

    Raises: ConfigError for a model without a vocabulary, or for no samples.
    """
    if not backbone.has_vocabulary or backbone.tokenizer is None:
        raise ConfigError("codecs are profiled on texts: the model needs a vocabulary and a tokenizer")
    if count < 1:
        raise ConfigError("at least one sample")
    told = texts(seed, (REPORTS + 1) * count, HELD_OUT)
    rng = random.Random(f"profile/{seed}")
    found = []
    for number in range(count):
        *read, next_one = told[number * (REPORTS + 1) : (number + 1) * (REPORTS + 1)]
        question = continuation(read[-1], rng)
        cache = deliberate(backbone, "\n".join(read), 0).cache
        found.append(Sample(cache, backbone.fingerprint, _Listener(backbone, f"\n{next_one}{question}")))
    return found


class _Listener:
    """What a model expects next, token by token, of a text after what it heard."""

    def __init__(self, backbone: Backbone, text: str) -> None:
        self.backbone, self.text = backbone, text

    def __call__(self, cache: KVCache) -> Tensor:
        with torch.no_grad():
            logits = infer(self.backbone, self.text, [cache]).logits
        if logits is None:
            raise ConfigError("the model has no vocabulary")
        return logits.float().log_softmax(-1)


def of_vector(count: int, seed: int = 0) -> list[Sample]:
    """All layers of the built-in driver on views on the way to the occluded crossing; it has no vocabulary."""
    from laco.agents.drivers.frame import Frame
    from laco.agents.drivers.vector import VectorDriver
    from laco.distill.calibration.driver import moments
    from laco.distill.seeds import FIRST_SEED

    if count < 1:
        raise ConfigError("at least one sample")
    driver = VectorDriver.load()
    views = [theirs for _, theirs, _ in moments((FIRST_SEED + seed,), every=1)][:count]
    contexts = [driver.context(Frame.of(view), [view], 0.25) for view in views]
    return [Sample(deliberate(driver.backbone, c, 0, realign="identity").cache, driver.fingerprint) for c in contexts]
