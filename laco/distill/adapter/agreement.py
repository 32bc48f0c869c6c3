"""Stage 2: the receiver that hears the adapted cache should predict what it predicts after reading the text."""

import random
from collections.abc import Iterable

import torch
from torch import Tensor

from laco.distill.adapter.align import read
from laco.distill.adapter.listening import after_hearing, after_reading, spoken
from laco.distill.adapter.prompts import continuation
from laco.distill.adapter.reconstruction import sent
from laco.errors import ConfigError
from laco.method.adapter import CacheAdapter
from laco.method.backbone import Backbone

TOKENS = 16  # of the receiver's tokens that are compared after one report
LATENT = 10  # latent tokens behind a quarter of the messages, as the method's default sends them


def divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """KL(teacher || student) in nats, mean over tokens; logits [tokens, V]."""
    wanted, given = teacher.log_softmax(-1), student.log_softmax(-1)
    return (wanted.exp() * (wanted - given)).sum(-1).mean()


def disagreement(
    adapter: CacheAdapter | None,
    source: Backbone,
    target: Backbone,
    text: str,
    rng: random.Random,
    *,
    grad: bool = False,
) -> Tensor:
    """The divergence [nats per token] over what the receiver reads after one report.

    adapter: None for a receiver that hears nothing. rng: draws what it reads, and how the sender reads.
    """
    own = read(target, continuation(text, rng))
    chat, steps = rng.random() < 0.5, LATENT if rng.random() < 0.25 else 0
    count = len(own.ids) - 1
    rows = torch.tensor(sorted(rng.sample(range(count), min(TOKENS, count))))
    teacher = _logits(target, after_reading(target, read(target, text), own)[rows])
    with torch.set_grad_enabled(grad):
        heard = None if adapter is None else adapter(spoken(source, sent(source, text, chat), steps))
        student = _logits(target, after_hearing(target, heard, own, grad=grad)[rows])
        return divergence(teacher, student)


def _logits(target: Backbone, hidden: Tensor) -> Tensor:
    """Logits [tokens, V]. Raises: ConfigError for a backbone without a vocabulary."""
    found = target.logits(hidden)
    if found is None:
        raise ConfigError("an adapter needs a receiver with a vocabulary")
    return found


@torch.no_grad()
def mean_disagreement(
    adapter: CacheAdapter | None, source: Backbone, target: Backbone, held: Iterable[str], seed: int = 0
) -> float:
    """Mean divergence [nats per token] over held-out texts; what is read after each depends on the seed alone."""
    found = [
        float(disagreement(adapter, source, target, text, random.Random(f"held/{seed}/{number}")))
        for number, text in enumerate(held)
    ]
    return sum(found) / len(found)
