"""`Chunk`: the smallest decodable unit, and the checks every reader makes. docs/wire.md specifies the format.

A chunk is 20 fixed bytes, the header's body (`header`), and the buffers.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import msgspec
import xxhash

from laco.comm.header import (
    MAX_AXES,
    MAX_BUFFERS,
    MAX_CACHE,
    MAX_CHUNKS,
    MAX_HEADER,
    MAX_LAYERS,
    MAX_NAME,
    MAX_PAYLOAD,
    MAX_POSITION,
    MAX_TOKENS,
    Header,
    pack,
    shortened,
    unpack,
)
from laco.errors import WireError

__all__ = [
    "MAX_AXES",
    "MAX_BUFFERS",
    "MAX_CACHE",
    "MAX_CHUNKS",
    "MAX_HEADER",
    "MAX_LAYERS",
    "MAX_NAME",
    "MAX_PAYLOAD",
    "MAX_POSITION",
    "MAX_TOKENS",
    "Buffer",
    "Chunk",
    "Header",
    "build",
    "header_size",
    "parse",
    "verify",
]

Buffer = bytes | bytearray | memoryview

MAGIC = b"LACO"
MAJOR, MINOR = 1, 1
PREAMBLE = struct.Struct("<4sBBHIQ")  # magic, major, minor, flags, length of the body, checksum
SUMMED = 12  # bytes of the preamble under the checksum: all but the checksum itself
NO_CHECKSUM, SHORT = 0x0001, 0x0002
FLAGS = NO_CHECKSUM | SHORT  # those this reader knows


@dataclass(frozen=True)
class Chunk:
    """The smallest decodable unit: header bytes, and the buffers whose sizes the header lists."""

    header: bytes
    buffers: tuple[Buffer, ...] = ()

    @cached_property
    def info(self) -> Header:
        """The header, every limit checked, the checksum not yet; read once. Raises WireError."""
        return parse(self.header)

    @cached_property
    def verified(self) -> Header:
        """The header once sizes and checksum agree; checked once, nobody changes a chunk. Raises WireError."""
        header = self.info
        sizes = tuple(memoryview(b).nbytes for b in self.buffers)
        if sizes != header.sizes:
            raise WireError(f"wrong size: buffers of {sizes} bytes, the header tells of {header.sizes}")
        _check_sum(self)
        return header

    def tobytes(self) -> bytes:
        """The chunk as one byte string; nothing is added, since the header tells every length."""
        return b"".join((self.header, *self.buffers))

    @classmethod
    def frombytes(cls, data: Buffer) -> "Chunk":
        """The chunk in `data`, its buffers as views of it. Raises WireError where the lengths disagree."""
        view = memoryview(data)
        end = PREAMBLE.size + _start(view)[1]
        if end > view.nbytes:
            raise WireError(f"truncated: the header takes {end} bytes, only {view.nbytes} are there")
        header = view[:end].tobytes()
        ends = [end]
        for size in parse(header).sizes:
            ends.append(ends[-1] + size)
        if ends[-1] != view.nbytes:
            raise WireError(f"wrong size: the header tells of {ends[-1]} bytes, {view.nbytes} are there")
        return cls(header, tuple(view[a:b] for a, b in pairwise(ends)))


def build(header: Header, buffers: Sequence[Buffer], *, checksum: bool = True, short: bool = False) -> Chunk:
    """The chunk of `header` and `buffers`; fills in `sizes`. Raises WireError where a reader would.

    short: fingerprint and layers in their short form, which readers of 1.0 refuse.
    """
    flags, body = _body(header, buffers, short)
    start = PREAMBLE.pack(MAGIC, MAJOR, MINOR, flags | (0 if checksum else NO_CHECKSUM), len(body), 0)[:SUMMED]
    digest = _digest((start, body, *buffers)) if checksum else 0
    chunk = Chunk(start + digest.to_bytes(8, "little") + body, tuple(buffers))
    _ = chunk.info  # what we send is what a reader takes
    return chunk


def header_size(header: Header, buffers: Sequence[Buffer], *, short: bool = False) -> int:
    """Length of the header that `build` would make [bytes]. Raises WireError for what no header can say."""
    return PREAMBLE.size + len(_body(header, buffers, short)[1])


def parse(header: bytes) -> Header:
    """The header in its bytes, every limit checked, the checksum not yet. Raises WireError."""
    view = memoryview(header)
    flags, length = _start(view)
    if len(header) != PREAMBLE.size + length:
        raise WireError(f"wrong size: header of {len(header)} bytes, {PREAMBLE.size + length} expected")
    return unpack(view[PREAMBLE.size :], bool(flags & SHORT))


def verify(chunk: Chunk) -> Header:
    """The header of `chunk` once its sizes and its checksum agree. Raises WireError."""
    return chunk.verified


def _body(header: Header, buffers: Sequence[Buffer], short: bool) -> tuple[int, bytes]:
    """The flags that tell how the body is written, and the body."""
    full = msgspec.structs.replace(header, sizes=tuple(memoryview(b).nbytes for b in buffers))
    written = shortened(full) if short else full
    return SHORT if written != full else 0, pack(written)


def _start(data: memoryview) -> tuple[int, int]:
    """Flags, and the length of the body [bytes], after checking who wrote it."""
    if data.nbytes < PREAMBLE.size:
        raise WireError(f"truncated: {data.nbytes} bytes are no header")
    magic, major, minor, flags, length, _ = PREAMBLE.unpack_from(data)
    if magic != MAGIC:
        raise WireError(f"not a LACO message: it starts with {magic!r}")
    if major != MAJOR:
        raise WireError(f"format version {major}.{minor}, this reader takes {MAJOR}.x")
    if flags & ~FLAGS:
        raise WireError(f"needs features this reader lacks: flags {flags & ~FLAGS:#06x}")
    if length > MAX_HEADER:
        raise WireError(f"oversized: a header of {length} bytes, at most {MAX_HEADER} are taken")
    return flags, int(length)


def _check_sum(chunk: Chunk) -> None:
    """Raises WireError where the checksum does not match; the flag says that there is none."""
    flags, told = (PREAMBLE.unpack_from(chunk.header)[i] for i in (3, 5))
    view = memoryview(chunk.header)
    right = 0 if flags & NO_CHECKSUM else _digest((view[:SUMMED], view[PREAMBLE.size :], *chunk.buffers))
    if told != right:
        header = chunk.info
        raise WireError(f"damaged: checksum of message {header.seq} from {header.sender!r} does not match")


def _digest(parts: Sequence[Buffer]) -> int:
    """xxh3-64 over `parts`, one after the other."""
    state = xxhash.xxh3_64()
    for part in parts:
        state.update(part)
    return state.intdigest()
