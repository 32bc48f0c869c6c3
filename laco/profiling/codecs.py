"""What codecs cost and what they lose: rate, distortion and speed of each on the same caches.

A listener that hears a decoded cache instead of the exact one predicts other next tokens: their divergence is the
distortion that counts, where the model has a vocabulary; the relative error of keys and values is there always.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import msgspec
import torch
from torch import Tensor

from laco.comm import encode
from laco.comm.codecs import Codec, Origin, baselines, find
from laco.errors import LacoError
from laco.method.cache import KVCache, LayerKV

Answer = Callable[[KVCache], Tensor]


@dataclass(frozen=True)
class Sample:
    """A cache that is sent, and what its listener makes of it.

    fingerprint: of the model. answer: log-probabilities [T, V] of the listener's next tokens after hearing a cache, or
    None for a model without a vocabulary.
    """

    cache: KVCache
    fingerprint: str = ""
    answer: Answer | None = None


class Point(msgspec.Struct, frozen=True):
    """One codec on all samples; None where there is nothing to tell.

    bytes_per_token: payload [bytes]. overhead_per_token: metadata of a message [bytes]. ratio: of fp16's payload to
    this one. error: |decoded - exact| / |exact| over all keys and values. encode_mb_s, decode_mb_s: 10^6 bytes of
    fp16 per second. kl: mean over `kl_tokens` tokens of KL(exact || decoded) [nats]. note: why there is nothing else.
    """

    codec: str
    bytes_per_token: float | None = None
    overhead_per_token: float | None = None
    ratio: float | None = None
    error: float | None = None
    encode_mb_s: float | None = None
    decode_mb_s: float | None = None
    kl: float | None = None
    kl_tokens: int = 0
    note: str = ""


def measure(
    samples: Sequence[Sample], codecs: Iterable[str], turns: int = 3, progress: Callable[[str], None] | None = None
) -> list[Point]:
    """A point per codec. turns: how often each is timed, on one core; the median counts.

    progress: told the name of each codec before it is measured.
    """
    exact = [None if sample.answer is None else sample.answer(sample.cache) for sample in samples]
    points = []
    for name in codecs:
        if progress is not None:
            progress(name)
        try:
            points.append(_point(measured(name), samples, exact, turns))
        except LacoError as error:  # no tables for this model, or an extra is not there
            points.append(Point(name, note=str(error)))
    return points


def measured(name: str) -> Codec:
    """The codec, or baseline, called `name`. Raises: WireError naming the codecs."""
    return next((baseline for baseline in baselines() if baseline.name == name), None) or find(name)


def divergence(exact: Tensor, other: Tensor) -> Tensor:
    """KL(exact || other) per token [nats], from log-probabilities [T, V] to [T]."""
    return (exact.exp() * (exact - other)).sum(-1)


def rebuilt(cache: KVCache, keys: Tensor, values: Tensor) -> KVCache:
    """The cache with other numbers, keys and values [layers, kv_heads, tokens, head_dim], in its own dtype."""
    layers = tuple(LayerKV(k, v) for k, v in zip(keys.to(cache.dtype), values.to(cache.dtype), strict=True))
    return KVCache(layers, cache.layer_ids, cache.positions)


def _point(codec: Codec, samples: Sequence[Sample], exact: Sequence[Tensor | None], turns: int) -> Point:
    tokens = payload = metadata = numbers = 0
    wrong = whole = encoding = decoding = 0.0
    lost: list[Tensor] = []
    for sample, answered in zip(samples, exact, strict=True):
        cache = sample.cache
        keys, values = (torch.stack([layer[i] for layer in cache.layers]).float() for i in (0, 1))
        origin = Origin(sample.fingerprint, cache.layer_ids, cache.positions)
        shape = (len(cache.layers), cache.kv_heads, cache.num_tokens, cache.head_dim)
        buffers = codec.encode(keys, values, origin)
        k, v = codec.decode(shape, buffers, origin)
        encoding += _timed(lambda k=keys, v=values, o=origin: codec.encode(k, v, o), turns)  # type: ignore[misc]
        decoding += _timed(lambda s=shape, b=buffers, o=origin: codec.decode(s, b, o), turns)  # type: ignore[misc]
        wrong += float((k - keys).square().sum() + (v - values).square().sum())
        whole += float(keys.square().sum() + values.square().sum())
        tokens, numbers = tokens + cache.num_tokens, numbers + keys.numel() + values.numel()
        payload += sum(memoryview(b).nbytes for b in buffers)
        metadata += len(encode(cache, codec, fingerprint=sample.fingerprint)[0].header)
        if sample.answer is not None and answered is not None:
            lost.append(divergence(answered, sample.answer(rebuilt(cache, k, v))))
    kl = torch.cat(lost) if lost else torch.empty(0)
    return Point(
        codec=codec.name,
        bytes_per_token=payload / tokens,
        overhead_per_token=metadata / tokens,
        ratio=2 * numbers / payload,
        error=(wrong / whole) ** 0.5,
        encode_mb_s=2e-6 * numbers / encoding,
        decode_mb_s=2e-6 * numbers / decoding,
        kl=float(kl.double().mean()) if lost else None,
        kl_tokens=kl.numel(),
    )


def _timed(call: Callable[[], object], turns: int) -> float:
    """Median time of a call [s]."""
    times, threads = [], torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(turns):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return max(median(times), 1e-9)
