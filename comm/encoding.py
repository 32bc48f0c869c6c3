"""Caches and plain bytes as chunks: `encode`, `encode_bytes`, and `encode_parts` for a cache that is already cut."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict, Unpack

import msgspec
import torch
from torch import Tensor

from laco.comm.codecs import Codec, Origin, find
from laco.comm.cut import Tile, cut
from laco.comm.header import to_runs
from laco.comm.message import MAX_CACHE, MAX_CHUNKS, MAX_PAYLOAD, Buffer, Chunk, Header, build, header_size
from laco.comm.tiles import Grid, Tensors, check_whole, grid, placed, steps
from laco.errors import WireError
from laco.method.cache import KVCache


class BytesMeta(TypedDict, total=False):
    """What the caller may say about a message; see `Header` for each field and its default."""

    fingerprint: str
    sender: str
    addressee: str
    seq: int
    sim_time: float
    pose: tuple[float, float, float]


class Meta(BytesMeta, total=False):
    """The same for a cache, whose kind has a default."""

    kind: str


class Piece(NamedTuple):
    """A tile, encoded, but without its number. size: most air bytes of its chunk."""

    header: Header
    buffers: tuple[Buffer, ...]
    size: int


# Numbers that take the most bytes, for as long as they are not known.
_LAST: dict[str, Any] = {"index": MAX_CHUNKS - 1, "count": MAX_CHUNKS}


def encode(
    cache: KVCache,
    codec: str | Codec = "int8",
    *,
    chunk_bytes: int | None = None,
    base: int = -1,
    checksum: bool = True,
    **meta: Unpack[Meta],
) -> list[Chunk]:
    """`cache` as a message.

    codec: its name, or a codec made for this message (`Delta`).
    chunk_bytes: most air bytes of a chunk, its header included; None makes one chunk.
    base: number of the earlier message against which this one is coded; -1 for none.
    checksum: False leaves it out, for links that check by themselves.
    Raises WireError for an unknown codec, a cache that holds NaN or infinity, one beyond a limit, and where no cut
    fits `chunk_bytes`.
    """
    coder = find(codec) if isinstance(codec, str) else codec
    header = Header(**meta, codec=coder.name, base=base, kv_heads=cache.kv_heads, head_dim=cache.head_dim)
    full = _of(header, cache.layer_ids, cache.positions)
    tensors = _stacked(cache, coder)
    if chunk_bytes is None:
        return _build([_piece(coder, full, tensors, cache.positions)], checksum, short=False)
    whole = Grid(cache.layer_ids, cache.num_tokens)

    def tile(at: Tile) -> Piece:
        layers, positions = cache.layer_ids[at.low : at.high], cache.positions[:, at.start : at.end]
        keys, values = (x[at.low : at.high, :, at.start : at.end].contiguous() for x in tensors)
        within = _within(_of(header, layers, positions), whole, at.start)
        return _piece(coder, within, (keys, values), positions, short=True)

    pieces = cut(tile, len(cache.layers), cache.num_tokens, chunk_bytes)
    return _build(pieces, checksum, short=True)


def encode_parts(
    parts: Sequence[KVCache], codec: str = "int8", *, checksum: bool = True, **meta: Unpack[Meta]
) -> list[Chunk]:
    """One cache, already cut into `parts` (layers x tokens), as a message of one chunk each.

    The parts of one set of layers carry consecutive tokens, in their order, and all sets of layers the same ones.
    Raises WireError as `encode` does, and for parts that are no cut of one cache.
    """
    coder = find(codec)
    header = Header(**meta, codec=coder.name, count=len(parts))
    sizes = [{"kv_heads": part.kv_heads, "head_dim": part.head_dim} for part in parts]
    headers = [
        _of(msgspec.structs.replace(header, **size), part.layer_ids, part.positions)
        for size, part in zip(sizes, parts, strict=True)
    ]
    whole, laid = grid(headers), placed(headers)
    check_whole(whole, laid)
    pieces = [
        _piece(coder, _within(at, whole, at.start), _stacked(part, coder), part.positions)
        for at, part in zip(laid, parts, strict=True)
    ]
    return _build(pieces, checksum, short=False)


def encode_bytes(
    payload: Buffer,
    kind: str,
    *,
    chunk_bytes: int | None = None,
    base: int = -1,
    checksum: bool = True,
    **meta: Unpack[BytesMeta],
) -> list[Chunk]:
    """Any other payload (a beacon, an observation) as a message; the options are those of `encode`.

    Cut, it is decoded only when all of its chunks are there. Raises WireError.
    """
    header = Header(**meta, kind=kind, base=base)
    if chunk_bytes is None:
        return [build(header, (payload,), checksum=checksum)]
    view = memoryview(payload).cast("B")
    fixed = header_size(msgspec.structs.replace(header, **_LAST), (bytes(0xFFFF),), short=True)
    room = chunk_bytes - fixed - (2 if chunk_bytes > 0xFFFF else 0)  # a longer size takes two more bytes
    if room < 1:
        raise WireError(f"oversized: a chunk takes at least {fixed + 1} bytes, at most {chunk_bytes} are given")
    if view.nbytes > room * MAX_CHUNKS:
        raise WireError(f"oversized: more than {MAX_CHUNKS} chunks of {chunk_bytes} bytes")
    blocks = [view[at : at + room] for at in range(0, view.nbytes, room)] or [view]
    return _build([Piece(header, (part,), 0) for part in blocks], checksum, short=True)


def _of(header: Header, layers: tuple[int, ...], positions: Tensor) -> Header:
    """The header of these layers and tokens. Raises WireError for more than a message may carry."""
    made = msgspec.structs.replace(header, layers=layers, tokens=positions.shape[1], positions=steps(positions))
    if made.decoded > MAX_CACHE:
        raise WireError(f"oversized: {made.decoded} bytes decoded, at most {MAX_CACHE} can be sent")
    return made


def _within(header: Header, whole: Grid, start: int) -> Header:
    """The header of a tile that begins at this token of the whole."""
    band = () if header.layers == whole.layers else to_runs(whole.layers)
    return msgspec.structs.replace(header, band=band, start=start, total=whole.tokens)


def _stacked(cache: KVCache, codec: Codec) -> Tensors:
    """Keys and values [layers, kv_heads, tokens, head_dim], in memory of their own, in a dtype the codec takes."""
    dtype = cache.dtype if cache.dtype is codec.native else torch.float32
    keys, values = (torch.stack([layer[i] for layer in cache.layers]).detach().cpu().to(dtype) for i in (0, 1))
    return keys, values


def _piece(codec: Codec, header: Header, tensors: Tensors, positions: Tensor, *, short: bool = False) -> Piece:
    buffers = codec.encode(*tensors, Origin(header.fingerprint, header.layers, positions))
    size = header_size(msgspec.structs.replace(header, **_LAST), buffers, short=short)
    return Piece(header, buffers, size + sum(memoryview(buffer).nbytes for buffer in buffers))


def _build(pieces: Sequence[Piece], checksum: bool, *, short: bool) -> list[Chunk]:
    """The pieces, numbered. Raises WireError where they are too much for one message."""
    payload = sum(memoryview(buffer).nbytes for piece in pieces for buffer in piece.buffers)
    if payload > MAX_PAYLOAD or len(pieces) > MAX_CHUNKS:
        raise WireError(f"oversized: {payload} bytes in {len(pieces)} chunks, at most {MAX_PAYLOAD} in {MAX_CHUNKS}")
    if len(pieces) == 1:  # it is the whole, and need not say of what
        header = msgspec.structs.replace(pieces[0].header, band=(), start=0, total=0)
        return [build(header, pieces[0].buffers, checksum=checksum, short=short)]
    return [
        build(
            msgspec.structs.replace(piece.header, index=i, count=len(pieces)),
            piece.buffers, checksum=checksum, short=short,
        )
        for i, piece in enumerate(pieces)
    ]  # fmt: skip
