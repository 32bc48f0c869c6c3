"""Chunks as caches and plain bytes: `decode`, `decode_bytes`, and `decode_partial` where chunks are missing."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import torch
from torch import Tensor

from laco.comm.codecs import Codec, Origin, find
from laco.comm.codecs.delta import Delta
from laco.comm.header import FREE, MAX_EXPANSION, MAX_HEADERS, Header
from laco.comm.message import MAX_CACHE, MAX_CHUNKS, MAX_PAYLOAD, Buffer, Chunk, verify
from laco.comm.rectangle import bits, gaps, largest, ranges
from laco.comm.tiles import Tensors, assemble, check_whole, coverage, grid, placed, positions_of, told_whole
from laco.errors import ConfigError, WireError
from laco.method.cache import KVCache, LayerKV


class Partial(NamedTuple):
    """What is usable of a message.

    cache: the largest rectangle of layers x tokens that is there; positions as they were sent.
    share: its part of the whole message, by layers x tokens; 1.0 if nothing is missing.
    missing: in words, "chunks 3, 5 of 12: tokens 40-59 of layers 4-6", counted from 0; "" if nothing is.
    """

    cache: KVCache
    share: float
    missing: str


# What the chunks of one message have in common is all but these fields.
_OF_THE_CHUNK = ("index", "sizes", "layers", "tokens", "positions", "start")
_NONE = {name: getattr(Header(), name) for name in _OF_THE_CHUNK}


def decode(
    chunks: Sequence[Chunk],
    *,
    fingerprint: str | None = None,
    dtype: torch.dtype | None = torch.float32,
    reference: KVCache | None = None,
) -> KVCache:
    """The cache in all chunks of one message, in any order, on the CPU.

    fingerprint: of the model that will read it; None takes a cache of any model.
    dtype: of the result; None means as it travelled, without a conversion: float16 for the codec fp16, else float32.
        Then a cache in one chunk may share the memory of its buffers, if these can be written to.
    reference: the earlier message that this one is coded against, as `decode` gave it (header field `base`).
    Raises WireError, and nothing else, for chunks that are damaged, missing, of another version, of another
    model, of an unknown codec, or beyond a limit.
    """
    received = _caches(chunks, fingerprint)
    headers = [chunk.info for chunk in received]
    _check_indices([header.index for header in headers], headers[0].count)
    try:
        if len(received) == 1:
            return _decode_one(received[0], dtype, reference)
        headers, whole = placed(headers), grid(headers)
        check_whole(whole, headers)
        return assemble(headers, _decoder(received, dtype, reference), whole.layers, range(whole.tokens))
    except ConfigError as error:  # the parts are fine but make no cache
        raise WireError(f"wrong shape: {error}") from error


def decode_partial(
    chunks: Sequence[Chunk],
    *,
    fingerprint: str | None = None,
    dtype: torch.dtype | None = torch.float32,
    reference: KVCache | None = None,
) -> Partial:
    """What can be used of a cache some of whose chunks may be missing; see `Partial`, and `decode` for the options.

    The rectangle is the largest for up to 12 different sets of tokens among the layers, and beyond that never smaller
    than all whole tokens or all whole layers. Every chunk that is given must be sound.
    Raises WireError where `decode` does, except for missing chunks, and if nothing of the cache is there.
    """
    received = _caches(chunks, fingerprint)
    headers = [chunk.info for chunk in received]
    first = headers[0]
    if len(headers) == first.count:
        return Partial(decode(chunks, fingerprint=fingerprint, dtype=dtype, reference=reference), 1.0, "")
    _check_repeated([header.index for header in headers], first.count)
    if not told_whole(first):
        raise WireError(f"missing: {len(headers)} chunks of {first.count}, which do not tell where they belong")
    whole = grid(headers)
    rows = coverage(whole, headers)
    indices, common = largest(rows)
    layers, tokens = [whole.layers[i] for i in indices], bits(common)
    try:
        cache = assemble(headers, _decoder(received, dtype, reference), layers, tokens)
    except ConfigError as error:
        raise WireError(f"wrong shape: {error}") from error
    lost = sorted(set(range(first.count)) - {header.index for header in headers})
    words = f"chunk{'s' * (len(lost) > 1)} {ranges(lost)} of {first.count}: {gaps(whole.layers, rows, whole.tokens)}"
    return Partial(cache, len(layers) * len(tokens) / (len(whole.layers) * whole.tokens), words)


def decode_bytes(
    chunks: Sequence[Chunk], *, kind: str | None = None, fingerprint: str | None = None
) -> bytes:
    """The payload in all chunks of one message. Raises WireError as `decode` does, or for another kind."""
    received = _alike(chunks, fingerprint)
    first = received[0].info
    _check_indices([chunk.info.index for chunk in received], first.count)
    if first.codec:
        raise WireError(f"a message of kind {first.kind!r} carries a cache, not bytes")
    if kind is not None and first.kind != kind:
        raise WireError(f"a message of kind {first.kind!r}, not {kind!r}")
    return b"".join(buffer for chunk in received for buffer in chunk.buffers)


def _alike(chunks: Sequence[Chunk], fingerprint: str | None) -> list[Chunk]:
    """Chunks of one message, in order, each verified."""
    if not 0 < len(chunks) <= MAX_CHUNKS:
        raise WireError(f"{len(chunks)} chunks are no message")
    if sum(len(chunk.header) for chunk in chunks) > MAX_HEADERS:
        raise WireError(f"oversized: the message has more than {MAX_HEADERS} bytes of headers")
    received = sorted(chunks, key=lambda chunk: verify(chunk).index)
    first = received[0].info
    if len(received) > 1 and any(_common(chunk.info) != _common(first) for chunk in received):
        raise WireError("chunks of different messages")
    if sum(chunk.info.payload for chunk in received) > MAX_PAYLOAD:
        raise WireError(f"oversized: the message carries more than {MAX_PAYLOAD} bytes")
    if fingerprint is not None and first.fingerprint != fingerprint:
        raise WireError(f"another model: its fingerprint is {first.fingerprint!r}, not {fingerprint!r}")
    return received


def _caches(chunks: Sequence[Chunk], fingerprint: str | None) -> list[Chunk]:
    """The same of a cache, within the limits of a whole message."""
    received = _alike(chunks, fingerprint)
    if not received[0].info.codec:
        raise WireError(f"a message of kind {received[0].info.kind!r} carries bytes, not a cache")
    payload = sum(chunk.info.payload for chunk in received)
    decoded = sum(chunk.info.decoded for chunk in received)
    if decoded > min(MAX_CACHE, FREE + MAX_EXPANSION * payload):
        raise WireError(f"oversized: the message decodes from {payload} to {decoded} bytes")
    return received


def _check_indices(indices: list[int], count: int) -> None:
    missing = sorted(set(range(count)) - set(indices))
    if missing:
        raise WireError(f"missing: chunk {missing[0]} of {count} ({len(missing)} in all)")
    _check_repeated(indices, count)


def _check_repeated(indices: list[int], count: int) -> None:
    if len(indices) != len(set(indices)):
        raise WireError(f"repeated: {len(indices)} chunks of a message of {count}")


def _common(header: Header) -> Header:
    return msgspec.structs.replace(header, **_NONE)


def _decode_one(chunk: Chunk, dtype: torch.dtype | None, reference: KVCache | None) -> KVCache:
    header, positions = chunk.info, positions_of(chunk.info)
    keys, values = _tensors(_codec(header, reference), header, chunk.buffers, positions, dtype)
    return KVCache(tuple(map(LayerKV, keys.unbind(), values.unbind())), header.layers, positions)


def _decoder(
    chunks: Sequence[Chunk], dtype: torch.dtype | None, reference: KVCache | None
) -> Callable[[int, Tensor], Tensors]:
    """Keys and values of the i-th chunk, whose positions are given."""
    codec = _codec(chunks[0].info, reference)
    return lambda i, positions: _tensors(codec, chunks[i].info, chunks[i].buffers, positions, dtype)


def _codec(header: Header, reference: KVCache | None) -> Codec:
    """What decodes this message. Raises WireError where it is unknown, or what it needs is not there."""
    if header.codec != Delta.name:
        return find(header.codec)
    if reference is None:
        raise WireError(f"coded against message {header.base} of {header.sender!r}, which is not here")
    return Delta(reference)


def _tensors(
    codec: Codec, header: Header, buffers: Sequence[Buffer], positions: Tensor, dtype: torch.dtype | None
) -> Tensors:
    """Keys and values of one chunk, [layers, kv_heads, tokens, head_dim]."""
    origin = Origin(header.fingerprint, header.layers, positions)
    if dtype is None or (dtype is codec.native and dtype is not torch.float32):
        return codec.decode_native(header.shape, buffers, origin)
    keys, values = codec.decode(header.shape, buffers, origin)
    return (keys, values) if dtype is keys.dtype else (keys.to(dtype), values.to(dtype))
