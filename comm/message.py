"""`Header` and `Chunk`: the smallest decodable unit, its limits, and the checks every reader makes.

A header is 20 fixed bytes and then one MessagePack **array**. An array and not a map, because a chunk on a
lossy radio is at most an MTU and the names of the fields would cost 150 of its bytes; it stays forward
compatible because fields are only ever appended within a major version, and a reader ignores the ones it
does not know. The format is specified in docs/wire.md.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated

import msgspec
import xxhash
from msgspec import Meta

from laco.errors import WireError

Buffer = bytes | bytearray | memoryview

MAGIC = b"LACO"
MAJOR, MINOR = 1, 0
PREAMBLE = struct.Struct("<4sBBHIQ")  # magic, major, minor, flags, length of the body, checksum
SUMMED = 12  # bytes of the preamble under the checksum: all but the checksum itself

# Hard limits, each checked before anything of that size is allocated.
MAX_HEADER = 1 << 20  # [bytes]
MAX_PAYLOAD = 1 << 28  # [bytes] all buffers of one message
MAX_CACHE = 1 << 30  # [bytes] one message, decoded to float32
MAX_NAME = 64  # [characters]
MAX_BUFFERS = 64
MAX_CHUNKS = 4096
MAX_LAYERS = 512
MAX_HEADS = 1024
MAX_HEAD_DIM = 4096
MAX_TOKENS = 1 << 15
MAX_AXES = 4
MAX_POSITION = 1 << 31

# NUL ends a topic, so no name may hold one.
Name = Annotated[str, Meta(max_length=MAX_NAME, pattern=r"\A[^\x00]*\Z")]
Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Step = Annotated[int, Meta(ge=-MAX_POSITION, le=MAX_POSITION)]
Steps = Annotated[tuple[Step, ...], Meta(max_length=MAX_TOKENS)]


class Header(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """What a chunk says about itself. The order of the fields is the format: append, never reorder.

    fingerprint: of the model whose cache this is; "" where no model is involved.
    sender, addressee: names of vehicles; addressee "" means all.
    seq: number of the message, unique per sender within a run.
    sim_time: simulation time at which it was spoken [s].
    pose: x [m], y [m], yaw [rad] of the sender at that time.
    kind: "kv", "observation", "beacon", ...
    index, count: this chunk among the chunks of the message.
    sizes: length of each buffer [bytes].
    codec: name of the codec; "" for a payload of plain bytes, for which the fields below stay empty.
    layers: numbers of the carried layers, ascending.
    kv_heads, head_dim, tokens: with the number of layers, the shape [layers, kv_heads, tokens, head_dim]
        of the keys, and of the values.
    positions: per axis the first position, then differences: kept tokens are near each other, so a
        difference takes one byte.
    """

    fingerprint: Name = ""
    sender: Name = ""
    addressee: Name = ""
    seq: Count = 0
    sim_time: float = 0.0
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0)
    kind: Name = "kv"
    index: Annotated[int, Meta(ge=0, lt=MAX_CHUNKS)] = 0
    count: Annotated[int, Meta(ge=1, le=MAX_CHUNKS)] = 1
    sizes: Annotated[tuple[Count, ...], Meta(max_length=MAX_BUFFERS)] = ()
    codec: Name = ""
    layers: Annotated[tuple[Annotated[int, Meta(ge=0, lt=1 << 16)], ...], Meta(max_length=MAX_LAYERS)] = ()
    kv_heads: Annotated[int, Meta(ge=0, le=MAX_HEADS)] = 0
    head_dim: Annotated[int, Meta(ge=0, le=MAX_HEAD_DIM)] = 0
    tokens: Annotated[int, Meta(ge=0, le=MAX_TOKENS)] = 0
    positions: Annotated[tuple[Steps, ...], Meta(max_length=MAX_AXES)] = ()

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """[layers, kv_heads, tokens, head_dim]."""
        return len(self.layers), self.kv_heads, self.tokens, self.head_dim

    @property
    def decoded(self) -> int:
        """Size of keys and values in float32 [bytes]."""
        return 2 * 4 * math.prod(self.shape)


@dataclass(frozen=True)
class Chunk:
    """The smallest decodable unit: header bytes, and the buffers whose sizes the header lists."""

    header: bytes
    buffers: tuple[Buffer, ...] = ()

    @cached_property
    def info(self) -> "Header":
        """The header, every limit checked, the checksum not yet; read once. Raises WireError."""
        return parse(self.header)

    def tobytes(self) -> bytes:
        """The chunk as one byte string; nothing is added, since the header tells every length."""
        return b"".join((self.header, *self.buffers))

    @classmethod
    def frombytes(cls, data: Buffer) -> "Chunk":
        """The chunk in `data`, its buffers as views of it. Raises WireError where the lengths disagree."""
        view = memoryview(data)
        end = PREAMBLE.size + _body_length(view)
        if end > view.nbytes:
            raise WireError(f"truncated: the header takes {end} bytes, only {view.nbytes} are there")
        header = view[:end].tobytes()
        ends = [end]
        for size in parse(header).sizes:
            ends.append(ends[-1] + size)
        if ends[-1] != view.nbytes:
            raise WireError(f"wrong size: the header tells of {ends[-1]} bytes, {view.nbytes} are there")
        return cls(header, tuple(view[a:b] for a, b in pairwise(ends)))


def build(header: Header, buffers: Sequence[Buffer]) -> Chunk:
    """The chunk of `header` and `buffers`; fills in `sizes`. Raises WireError where a reader would."""
    full = msgspec.structs.replace(header, sizes=tuple(memoryview(b).nbytes for b in buffers))
    try:
        body = msgspec.msgpack.encode(full)
    except (TypeError, ValueError, OverflowError) as error:
        raise WireError(f"a header field cannot be sent: {error}") from error
    start = PREAMBLE.pack(MAGIC, MAJOR, MINOR, 0, len(body), 0)[:SUMMED]
    digest = _digest((start, body, *buffers))
    chunk = Chunk(start + digest.to_bytes(8, "little") + body, tuple(buffers))
    _ = chunk.info  # what we send is what a reader takes
    return chunk


def parse(header: bytes) -> Header:
    """The header in its bytes, every limit checked, the checksum not yet. Raises WireError."""
    length = _body_length(memoryview(header))
    if len(header) != PREAMBLE.size + length:
        raise WireError(f"wrong size: header of {len(header)} bytes, {PREAMBLE.size + length} expected")
    try:
        # A newer minor version may nest what we skip: RecursionError. Text may be no UTF-8: ValueError.
        found = msgspec.msgpack.decode(memoryview(header)[PREAMBLE.size :], type=Header)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WireError(f"damaged: the header cannot be read: {error}") from error
    for fault in _faults(found):
        raise WireError(f"damaged: {fault}")
    return found


def verify(chunk: Chunk) -> Header:
    """The header of `chunk` once its sizes and its checksum agree. Raises WireError."""
    header = chunk.info
    sizes = tuple(memoryview(b).nbytes for b in chunk.buffers)
    if sizes != header.sizes:
        raise WireError(f"wrong size: buffers of {sizes} bytes, the header tells of {header.sizes}")
    told = PREAMBLE.unpack_from(chunk.header)[-1]
    view = memoryview(chunk.header)
    if _digest((view[:SUMMED], view[PREAMBLE.size :], *chunk.buffers)) != told:
        raise WireError(f"damaged: checksum of message {header.seq} from {header.sender!r} does not match")
    return header


def _body_length(data: memoryview) -> int:
    """Length of the body the preamble tells of, after checking who wrote it [bytes]."""
    if data.nbytes < PREAMBLE.size:
        raise WireError(f"truncated: {data.nbytes} bytes are no header")
    magic, major, minor, flags, length, _ = PREAMBLE.unpack_from(data)
    if magic != MAGIC:
        raise WireError(f"not a LACO message: it starts with {magic!r}")
    if major != MAJOR:
        raise WireError(f"format version {major}.{minor}, this reader takes {MAJOR}.x")
    if flags:
        raise WireError(f"needs features this reader lacks: flags {flags:#06x}")
    if length > MAX_HEADER:
        raise WireError(f"oversized: a header of {length} bytes, at most {MAX_HEADER} are taken")
    return int(length)


def _digest(parts: Sequence[Buffer]) -> int:
    """xxh3-64 over `parts`, one after the other."""
    state = xxhash.xxh3_64()
    for part in parts:
        state.update(part)
    return state.intdigest()


def _faults(header: Header) -> list[str]:
    """What the types of the fields cannot say."""
    layers, tokens = header.layers, header.tokens
    checks = (
        (all(map(math.isfinite, (header.sim_time, *header.pose))), "time or pose is no finite number"),
        (header.index < header.count, f"chunk {header.index} of {header.count}"),
        (sum(header.sizes) <= MAX_PAYLOAD, f"oversized: {sum(header.sizes)} bytes, limit {MAX_PAYLOAD}"),
        (header.decoded <= MAX_CACHE, f"oversized: {header.decoded} bytes decoded, limit {MAX_CACHE}"),
        (all(a < b for a, b in pairwise(layers)), "layers are not ascending"),
        (all(len(axis) == tokens for axis in header.positions), f"positions do not fit {tokens} tokens"),
        (not header.codec or bool(layers and header.positions), "a cache without layers or positions"),
    )
    return [text for good, text in checks if not good]
