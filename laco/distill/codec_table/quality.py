"""What a codec changes: how far the model's predictions behind a cache move once the cache went through it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from laco.comm import air_bytes, decode, encode
from laco.distill.calibration.statistics import bootstrap, interval
from laco.distill.codec_table.sensitivity import reading
from laco.distill.codec_table.texts import Passage
from laco.method.backbone import Backbone
from laco.method.cache import KVCache
from laco.method.fusion import infer


@dataclass(frozen=True)
class Loss:
    """One codec on one passage. divergence: KL(reference || decoded) per token read behind the cache [nats].

    nbytes: air bytes of the message, headers included; raw: of the same numbers in float16, without.
    """

    divergence: float
    nbytes: int
    raw: int


@dataclass(frozen=True)
class Summary:
    """A codec over all passages: mean divergence [nats/token] with its 95 % interval, ratio against float16."""

    divergence: float
    low: float
    high: float
    ratio: float
    bits: float  # per number
    bytes_per_token: float


@torch.no_grad()
def predictions(backbone: Backbone, cache: KVCache, passage: Passage) -> torch.Tensor:
    """Log-probabilities of the next token [C, V] behind the cache; heard as a peer in every layer it carries."""
    logits = infer(backbone, passage.after, [cache.to(backbone.dtype)]).logits
    assert logits is not None  # a model with a vocabulary
    return logits.float().log_softmax(-1)


def losses(
    backbone: Backbone, passage: Passage, codecs: Iterable[str], chunk_bytes: int | None = None
) -> dict[str, Loss]:
    """Every codec on one passage; the reference is the cache as it is."""
    cache = reading(backbone, passage)
    reference = predictions(backbone, cache, passage)
    raw = cache.nbytes * 2 // cache.dtype.itemsize
    found = {}
    for codec in codecs:
        chunks = encode(cache, codec, fingerprint=backbone.fingerprint)
        heard = predictions(backbone, decode(chunks), passage)
        divergence = float((reference.exp() * (reference - heard)).sum(-1).mean())
        found[codec] = Loss(divergence, air_bytes(chunks).total, raw)
    return found


def summary(found: Sequence[Loss], tokens: int, draws: int = 2000) -> Summary:
    """tokens: of each passage's cache. The interval is a bootstrap over passages."""
    kl = np.array([loss.divergence for loss in found])
    low, high = interval(bootstrap(lambda index: float(kl[index].mean()), len(kl), draws))
    nbytes, raw = sum(loss.nbytes for loss in found), sum(loss.raw for loss in found)
    each = nbytes / (tokens * len(found))
    return Summary(float(kl.mean()), low, high, raw / nbytes, 16 * nbytes / raw, each)
