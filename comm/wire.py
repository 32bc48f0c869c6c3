"""`encode` and `decode`: caches and plain bytes as chunks, and back.

A message is one chunk on a radio that loses nothing. Every chunk of a cache carries some layers of a block of
tokens and can be decoded without the others; `encode_parts` takes the cache already cut that way.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple, TypedDict, Unpack

import msgspec
import torch
from torch import Tensor

from laco.comm.codecs import Origin, find
from laco.comm.message import (
    MAX_CACHE,
    MAX_CHUNKS,
    MAX_PAYLOAD,
    MAX_POSITION,
    Buffer,
    Chunk,
    Header,
    build,
    verify,
)
from laco.errors import ConfigError, WireError
from laco.method.cache import KVCache, LayerKV


class Meta(TypedDict, total=False):
    """What the caller may say about a message; see `Header` for each field and its default."""

    fingerprint: str
    sender: str
    addressee: str
    seq: int
    sim_time: float
    pose: tuple[float, float, float]
    kind: str


class BytesMeta(TypedDict, total=False):
    """The same for a payload of bytes, whose kind has no default."""

    fingerprint: str
    sender: str
    addressee: str
    seq: int
    sim_time: float
    pose: tuple[float, float, float]


class Received(NamedTuple):
    """A chunk whose checksum matched."""

    header: Header
    buffers: tuple[Buffer, ...]


class Partial(NamedTuple):
    """What is usable of a message. share: of it, by chunks; missing: what did not come, "" if nothing."""

    cache: KVCache
    share: float
    missing: str


# What the chunks of one message have in common is all but these fields.
_OF_THE_CHUNK = Header(index=0, sizes=(), layers=(), tokens=0, positions=())


def encode(cache: KVCache, codec: str = "int8", *, chunk_bytes: int | None = None, **meta: Unpack[Meta]) -> list[Chunk]:
    """`cache` as a message of one chunk, or of chunks of at most `chunk_bytes` air bytes.

    Raises WireError for what cannot be sent.
    """
    whole = encode_parts([cache], codec, **meta)
    if chunk_bytes is None or _size(whole[0]) <= chunk_bytes:
        return whole
    return encode_parts(_cut(cache, codec, chunk_bytes, meta), codec, **meta)


# To be replaced by the wire package's own: blocks of tokens over all layers, then single tokens over fewer layers.
def _cut(cache: KVCache, codec: str, limit: int, meta: Meta) -> list[KVCache]:
    """Blocks of tokens that fit; where one token does not, the layers are halved."""
    room = limit - 8  # numbers of chunks take some bytes more than one of 0
    tokens = cache.num_tokens

    def fits(count: int) -> bool:
        starts = range(0, tokens, count)
        blocks = [cache.select(torch.arange(a, min(a + count, tokens))) for a in starts]
        return all(_size(encode_parts([b], codec, **meta)[0]) <= room for b in blocks)

    count = tokens
    while count > 1 and not fits(count):
        count -= max(1, count // 4)
    if fits(count):
        return [cache.select(torch.arange(a, min(a + count, tokens))) for a in range(0, tokens, count)]
    ids = cache.layer_ids
    if len(ids) == 1:
        raise WireError(f"oversized: one token of one layer does not fit chunks of {limit} bytes")
    halves = (slice(0, len(ids) // 2), slice(len(ids) // 2, None))
    parts = [KVCache(cache.layers[half], ids[half], cache.positions) for half in halves]
    return [block for part in parts for block in _cut(part, codec, limit, meta)]


def _size(chunk: Chunk) -> int:
    return len(chunk.header) + sum(memoryview(b).nbytes for b in chunk.buffers)


def encode_parts(parts: Sequence[KVCache], codec: str = "int8", **meta: Unpack[Meta]) -> list[Chunk]:
    """One cache, cut into `parts` (layers x tokens), as a message of one chunk each.

    Raises WireError for an unknown codec, a cache that holds NaN or infinity, or one beyond a limit.
    """
    base = Header(**meta, codec=find(codec).name, count=len(parts))
    return [_encode_part(part, msgspec.structs.replace(base, index=i)) for i, part in enumerate(parts)]


def encode_bytes(
    payload: Buffer, kind: str, *, chunk_bytes: int | None = None, **meta: Unpack[BytesMeta]
) -> list[Chunk]:
    """Any other payload (a beacon, an observation) as a message of one chunk, or of several. Raises WireError."""
    whole = build(Header(**meta, kind=kind), (payload,))
    if chunk_bytes is None or _size(whole) <= chunk_bytes:
        return [whole]
    view = memoryview(payload).cast("B")
    step = chunk_bytes - len(whole.header) - 8
    if step <= 0:
        raise WireError(f"oversized: a header of {len(whole.header)} bytes does not fit chunks of {chunk_bytes}")
    parts = [view[a : a + step] for a in range(0, view.nbytes, step)]
    base = Header(**meta, kind=kind, count=len(parts))
    return [build(msgspec.structs.replace(base, index=i), (part,)) for i, part in enumerate(parts)]


def decode(chunks: Sequence[Chunk], *, fingerprint: str | None = None) -> KVCache:
    """The cache in all chunks of one message, in any order: float32, on the CPU.

    fingerprint: of the model that will read it; None takes a cache of any model.
    Raises WireError, and nothing else, for chunks that are damaged, missing, of another version, of another
    model, of an unknown codec, or beyond a limit.
    """
    received = _complete(chunks, fingerprint)
    if not received[0].header.codec:
        raise WireError(f"a message of kind {received[0].header.kind!r} carries bytes, not a cache")
    try:
        return _join([_decode_part(part) for part in received])
    except ConfigError as error:  # the parts are fine but make no cache
        raise WireError(f"wrong shape: {error}") from error


def decode_partial(chunks: Sequence[Chunk], *, fingerprint: str | None = None) -> Partial:
    """What is usable of the chunks that came: the tokens that are there in all layers that are there.

    Raises WireError as `decode` does for chunks that are not sound, and if nothing is usable.
    """
    received = _sound(chunks, fingerprint)
    count = received[0].header.count
    if not received[0].header.codec:
        raise WireError(f"a message of kind {received[0].header.kind!r} carries bytes, not a cache")
    if len(received) == count:
        return Partial(decode(chunks, fingerprint=fingerprint), 1.0, "")
    absent = count - len(received)
    cache = _usable([_decode_part(part) for part in received])
    return Partial(cache, len(received) / count, f"{absent} of {count} chunks")


def _usable(parts: list[KVCache]) -> KVCache:
    bands: dict[tuple[int, ...], list[KVCache]] = {}
    for part in parts:
        bands.setdefault(part.layer_ids, []).append(part)
    whole = [KVCache.concatenate(bands[ids]) for ids in sorted(bands)]
    columns = [{tuple(column): i for i, column in enumerate(b.positions.T.tolist())} for b in whole]
    common = [column for column in columns[0] if all(column in other for other in columns)]
    if not common:
        raise WireError("missing: no token is there in all layers that came")
    picked = [b.select(torch.tensor([index[c] for c in common])) for b, index in zip(whole, columns, strict=True)]
    layers = tuple(layer for band in picked for layer in band.layers)
    return KVCache(layers, tuple(i for band in picked for i in band.layer_ids), picked[0].positions)


def decode_bytes(chunks: Sequence[Chunk], *, kind: str | None = None, fingerprint: str | None = None) -> bytes:
    """The payload in all chunks of one message. Raises WireError as `decode` does, or for another kind."""
    received = _complete(chunks, fingerprint)
    first = received[0].header
    if first.codec:
        raise WireError(f"a message of kind {first.kind!r} carries a cache, not bytes")
    if kind is not None and first.kind != kind:
        raise WireError(f"a message of kind {first.kind!r}, not {kind!r}")
    return b"".join(buffer for part in received for buffer in part.buffers)


def _encode_part(part: KVCache, base: Header) -> Chunk:
    keys, values = (torch.stack([layer[i] for layer in part.layers]).detach().cpu().float() for i in (0, 1))
    header = msgspec.structs.replace(
        base,
        layers=part.layer_ids,
        kv_heads=part.kv_heads,
        head_dim=part.head_dim,
        tokens=part.num_tokens,
        positions=_steps(part.positions),
    )
    if header.decoded > MAX_CACHE:
        raise WireError(f"oversized: {header.decoded} bytes decoded, at most {MAX_CACHE} can be sent")
    origin = Origin(base.fingerprint, part.layer_ids, part.positions)
    return build(header, find(base.codec).encode(keys, values, origin))


def _decode_part(part: Received) -> KVCache:
    header, positions = part.header, _positions(part.header)
    origin = Origin(header.fingerprint, header.layers, positions)
    keys, values = find(header.codec).decode(header.shape, part.buffers, origin)
    layers = tuple(LayerKV(k, v) for k, v in zip(keys, values, strict=True))
    return KVCache(layers=layers, layer_ids=header.layers, positions=positions)


def _complete(chunks: Sequence[Chunk], fingerprint: str | None) -> list[Received]:
    """All chunks of one message, in order, each verified."""
    received = _sound(chunks, fingerprint)
    _check_indices([part.header.index for part in received], received[0].header.count)
    return received


def _sound(chunks: Sequence[Chunk], fingerprint: str | None) -> list[Received]:
    """Chunks of one message, in order, each verified."""
    if not 0 < len(chunks) <= MAX_CHUNKS:
        raise WireError(f"{len(chunks)} chunks are no message")
    received = sorted((Received(verify(c), c.buffers) for c in chunks), key=lambda part: part.header.index)
    first = received[0].header
    if any(_common(part.header) != _common(first) for part in received):
        raise WireError("chunks of different messages")
    if fingerprint is not None and first.fingerprint != fingerprint:
        raise WireError(f"another model: its fingerprint is {first.fingerprint!r}, not {fingerprint!r}")
    if sum(sum(part.header.sizes) for part in received) > MAX_PAYLOAD:
        raise WireError(f"oversized: the message carries more than {MAX_PAYLOAD} bytes")
    if sum(part.header.decoded for part in received) > MAX_CACHE:
        raise WireError(f"oversized: the message decodes to more than {MAX_CACHE} bytes")
    return received


def _check_indices(indices: list[int], count: int) -> None:
    missing = sorted(set(range(count)) - set(indices))
    if missing:
        raise WireError(f"missing: chunk {missing[0]} of {count} ({len(missing)} in all)")
    if len(indices) != count:
        raise WireError(f"repeated: {len(indices)} chunks of a message of {count}")


def _common(header: Header) -> Header:
    own = {name: getattr(_OF_THE_CHUNK, name) for name in ("index", "sizes", "layers", "tokens", "positions")}
    return msgspec.structs.replace(header, **own)


def _join(parts: list[KVCache]) -> KVCache:
    """One cache of parts that tile layers x tokens; those of a layer band in the order of their tokens."""
    if len(parts) == 1:
        return parts[0]
    bands: dict[tuple[int, ...], list[KVCache]] = {}
    for part in parts:
        bands.setdefault(part.layer_ids, []).append(part)
    joined = [KVCache.concatenate(bands[ids]) for ids in sorted(bands)]
    if any(not torch.equal(a.positions, b.positions) for a, b in pairwise(joined)):
        raise WireError("wrong shape: the layers carry different tokens")
    layers = tuple(layer for band in joined for layer in band.layers)
    return KVCache(layers, tuple(i for band in joined for i in band.layer_ids), joined[0].positions)


def _steps(positions: Tensor) -> tuple[tuple[int, ...], ...]:
    """Positions [axes, tokens] as, per axis, the first and then differences."""
    rows: list[list[int]] = positions.tolist()
    return tuple(tuple(b - a for a, b in pairwise([0, *row])) for row in rows)


def _positions(header: Header) -> Tensor:
    """Positions, int64 [axes, tokens]."""
    rows = [list(accumulate(axis)) for axis in header.positions]
    if any(abs(position) > MAX_POSITION for row in rows for position in row):
        raise WireError(f"damaged: a position beyond {MAX_POSITION}")
    return torch.tensor(rows, dtype=torch.int64)
