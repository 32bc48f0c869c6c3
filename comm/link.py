"""`Link`: the receiving end of one peer. One socket per peer, so that the socket says who spoke.

A message on the socket is one chunk, in frames: `[topic, header, buffer, ...]`. The topic is the addressee
("" for all), a NUL (subscriptions match prefixes: without it `v1` would hear `v10`), and a number that counts
the chunks of that topic: its gaps are what a high-water mark dropped. The first message to each listener in
each round (what lies between two resets) is a hello: whatever comes before it is of an earlier round.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import zmq

from laco.comm.account import Bytes
from laco.comm.message import MAX_BUFFERS, MAX_PAYLOAD, Buffer, Chunk, Header
from laco.comm.structs import read_struct
from laco.comm.wire import decode_bytes, encode_bytes
from laco.errors import TransportError, WireError

HELLO = "hello"
NUMBER = struct.Struct("<I")
WRAP = 1 << 32
COPIED = 1 << 16  # [bytes] frames below are copied into ZeroMQ


@dataclass
class Counters:
    """What went through one vehicle's sockets since the last reset; hellos are not counted.

    sent, received: chunks handed to and taken from ZeroMQ. dropped: chunks missing in a topic's numbers.
    unwanted: whole chunks nobody waited for. incomplete: messages of which only some chunks came in time.
    stale: chunks of an earlier round. repeated: chunks whose number had come before.
    damaged: what is no chunk, or fails its checksum. spoofed: chunks whose header names another sender or
    addressee than their socket and topic. air, socket: bytes sent, see `laco.comm.account`.
    """

    sent: int = 0
    received: int = 0
    dropped: int = 0
    unwanted: int = 0
    incomplete: int = 0
    stale: int = 0
    repeated: int = 0
    damaged: int = 0
    spoofed: int = 0
    air: Bytes = field(default_factory=Bytes)
    socket: Bytes = field(default_factory=Bytes)


class Hello(msgspec.Struct, array_like=True, frozen=True):
    """Says which round begins, and the number of the next broadcast; later versions append to it."""

    round: int
    next_broadcast: int


class Arrival(NamedTuple):
    """A chunk from the vehicle it names; its checksum is not yet verified."""

    header: Header
    chunk: Chunk


class Link:
    """The socket on which one vehicle hears one peer."""

    def __init__(self, peer: str, socket: "zmq.Socket[bytes]", counters: Counters) -> None:
        self.peer = peer
        self.socket = socket
        self.counters = counters
        self.round = 0
        self.heard = -1  # the round of the last hello; none yet
        self._next: dict[bytes, int] = {}

    @property
    def ready(self) -> bool:
        """Whether what comes next belongs to this round."""
        return self.heard == self.round

    @property
    def ahead(self) -> bool:
        """Whether the peer has begun a later round: nothing more of this one will come."""
        return self.heard > self.round

    def start(self, number: int, counters: Counters) -> None:
        """Begins round `number`: everything before the peer's hello for it will be discarded."""
        self.round, self.counters = number, counters
        if not self.ready:
            self._next.clear()

    def read(self) -> Arrival | WireError | None:
        """The next chunk of this round, why the next one cannot be read, or None if none is there yet."""
        # What a peer that is ahead says is left in the queue until our own reset.
        while not self.ahead and (frames := self._frames()):
            if (found := self._try(frames)) is not None:
                return found
        return None

    def discard(self) -> None:
        """Reads up to the peer's hello for this round, if it is there, and not past it."""
        while self.heard < self.round and (frames := self._frames()):
            self._try(frames)

    def _frames(self) -> "list[zmq.Frame]":
        """The frames of the next message; none if there is none yet."""
        try:
            frames = [self.socket.recv(zmq.NOBLOCK, copy=False)]
        except zmq.Again:
            return []
        while frames[-1].more:  # a third of what recv_multipart takes, which asks the socket each time
            frames.append(self.socket.recv(copy=False))
        return frames

    def _try(self, frames: "list[zmq.Frame]") -> Arrival | WireError | None:
        try:
            return self._take(frames)
        except WireError as error:
            self.counters.damaged += 1
            return error

    def _take(self, frames: "list[zmq.Frame]") -> Arrival | None:
        if not 2 <= len(frames) <= 2 + MAX_BUFFERS:
            raise WireError(f"damaged: a message of {len(frames)} frames")
        addressee, number = split_topic(frames[0].bytes)
        chunk = Chunk(frames[1].bytes, tuple(frame.buffer for frame in frames[2:]))
        header = chunk.info
        if header.kind == HELLO:
            self._greet(addressee, number, chunk)
            return None
        return self._admit(addressee, number, Arrival(header, chunk))

    def _admit(self, addressee: bytes, number: int, arrival: Arrival) -> Arrival | None:
        if self.heard < self.round:
            self.counters.stale += 1
            return None
        self.counters.received += 1
        if not self._advance(addressee, number):
            return None
        if arrival.header.sender != self.peer or arrival.header.addressee.encode() != addressee:
            self.counters.spoofed += 1
            return None
        return arrival

    def _greet(self, addressee: bytes, number: int, chunk: Chunk) -> None:
        hello = read_struct(decode_bytes([chunk], kind=HELLO), Hello, "a hello")
        if hello.round != self.heard:
            self.heard = hello.round
            self._next = {b"": hello.next_broadcast, addressee: number + 1}
        else:  # the peer saw us reconnect: what was sent meanwhile is lost
            self._skip_to(b"", hello.next_broadcast)
            self._skip_to(addressee, number)
            self._next[addressee] = number + 1

    def _advance(self, addressee: bytes, number: int) -> bool:
        """Takes in `number` and counts the gap before it; False if it has come before."""
        if not self._skip_to(addressee, number):
            self.counters.repeated += 1
            return False
        self._next[addressee] = number + 1
        return True

    def _skip_to(self, addressee: bytes, number: int) -> bool:
        gap = (number - self._next.get(addressee, number)) % WRAP
        if gap >= WRAP // 2:  # the numbers wrap: that far ahead is behind
            return False
        self.counters.dropped += gap
        self._next[addressee] = number
        return True


def topic(addressee: str, number: int | None = None) -> bytes:
    """The topic frame of chunk `number`; without a number, what to subscribe to."""
    return addressee.encode() + b"\0" + (b"" if number is None else NUMBER.pack(number % WRAP))


def split_topic(frame: bytes) -> tuple[bytes, int]:
    """Addressee and number in a topic frame. Raises WireError."""
    addressee, nul, number = frame.partition(b"\0")
    if not nul or len(number) != NUMBER.size:
        raise WireError("damaged: a topic that is none")
    return addressee, NUMBER.unpack(number)[0]


def hello(sender: str, addressee: str, number: int, next_broadcast: int) -> Chunk:
    """The chunk that opens round `number` on one link."""
    payload = msgspec.msgpack.encode(Hello(number, next_broadcast % WRAP))
    return encode_bytes(payload, HELLO, sender=sender, addressee=addressee)[0]


def send(socket: "zmq.Socket[bytes]", frames: Sequence[Buffer]) -> None:
    """Hands `frames` to ZeroMQ as one message; never waits.

    Large ones are not copied: they belong to a chunk, which nobody changes. Small ones are, which costs less.
    """
    for frame in frames[:-1]:
        socket.send(frame, zmq.SNDMORE | zmq.NOBLOCK, copy=memoryview(frame).nbytes < COPIED)
    socket.send(frames[-1], zmq.NOBLOCK, copy=memoryview(frames[-1]).nbytes < COPIED)


def new_socket(context: "zmq.Context[zmq.Socket[bytes]]", kind: int, hwm: int) -> "zmq.Socket[bytes]":
    """A socket with the options that only take effect before it binds or connects; security goes here too.

    hwm: chunks queued per link before more are dropped. Raises TransportError when there are no more sockets.
    """
    try:
        socket = context.socket(kind)
    except zmq.ZMQError as error:  # a context has 1023 unless told otherwise, a process its file limit
        raise TransportError(f"no more sockets: {error}") from error
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, hwm)
    socket.setsockopt(zmq.RCVHWM, hwm)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_PAYLOAD)
    return socket
