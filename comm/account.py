"""How bytes are counted: two counters that are never mixed.

*Air bytes* of a message are counted once per transmission, however many listen. *Socket bytes* are the
TCP copies ZeroMQ makes, one per subscriber, with its framing. Both are split the same way:

payload: the buffers, that is the encoded tensors with their scales, or the bytes of another payload.
metadata: the headers.
framing: what carries them: on sockets the topic frame and ZMTP's frame heads; in the air nothing yet,
    a radio preset adds its own headers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from laco.comm.message import Chunk

SHORT_FRAME = 255  # [bytes] longest body of a short ZMTP 3.1 frame


@dataclass(frozen=True)
class Bytes:
    """A number of bytes by purpose; `+` adds, `*` copies."""

    payload: int = 0
    metadata: int = 0
    framing: int = 0

    @property
    def total(self) -> int:
        return self.payload + self.metadata + self.framing

    def __add__(self, other: "Bytes") -> "Bytes":
        return Bytes(
            self.payload + other.payload, self.metadata + other.metadata, self.framing + other.framing
        )

    def __mul__(self, copies: int) -> "Bytes":
        return Bytes(self.payload * copies, self.metadata * copies, self.framing * copies)


@dataclass(frozen=True)
class SentBytes:
    """What one publish cost: `air` once per transmission, `socket` over all `listeners`."""

    air: Bytes
    socket: Bytes
    listeners: int


def chunk_bytes(chunk: Chunk) -> Bytes:
    """Air bytes of one chunk."""
    return Bytes(sum(memoryview(b).nbytes for b in chunk.buffers), len(chunk.header))


def air_bytes(chunks: Iterable[Chunk]) -> Bytes:
    """Air bytes of a message."""
    return sum((chunk_bytes(chunk) for chunk in chunks), Bytes())


def zmtp_frame(size: int) -> int:
    """Bytes ZMTP 3.1 puts before a frame of `size` bytes: a flag byte and a length of one or eight."""
    return 2 if size <= SHORT_FRAME else 9


def socket_bytes(topic: bytes, chunks: Iterable[Chunk]) -> Bytes:
    """Socket bytes of one copy of a message: each chunk is [topic, header, buffer, ...]."""
    chunks = list(chunks)
    return air_bytes(chunks) + Bytes(framing=sum(zmtp_framing(topic, chunk) for chunk in chunks))


def zmtp_framing(topic: bytes, chunk: Chunk) -> int:
    """What a socket adds to one copy of a chunk: the topic, and the head of every frame [bytes]."""
    sizes = (len(topic), len(chunk.header), *(memoryview(b).nbytes for b in chunk.buffers))
    return len(topic) + sum(map(zmtp_frame, sizes))
