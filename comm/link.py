"""`Link`: the receiving end of one peer. One socket per peer, so that the socket says who spoke.

A message on the socket is one chunk, in frames: `[topic, header, buffer, ...]`. The topic is the addressee
("" for all), a NUL (subscriptions match prefixes: without it `v1` would hear `v10`), and a number that counts
the chunks of that topic: its gaps are what a high-water mark dropped. The first message to each listener in
each round (what lies between two resets) is a hello: whatever comes before it is of an earlier round.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import zmq

from laco.comm.account import Bytes
from laco.comm.handshake import Hello, Terms, check_version
from laco.comm.message import MAX_BUFFERS, MAX_HEADER, MAX_NAME, MAX_PAYLOAD, PREAMBLE, Buffer, Chunk, Header
from laco.comm.order import WRAP, Numbers, Seen
from laco.comm.structs import read_struct
from laco.comm.wire import decode_bytes, encode_bytes
from laco.errors import HandshakeError, TransportError, WireError

HELLO = "hello"
NUMBER = struct.Struct("<I")
MAX_TOPIC = 4 * MAX_NAME + 1 + NUMBER.size  # [bytes] of a name in UTF-8, NUL, number
MAX_HELLO = 1 << 16  # [bytes]
MAX_SUBSCRIPTION = 1 << 12  # [bytes] what a subscriber may send
MOMENT = 1e-6  # [s] what sums of ticks may be off by
COPIED = 1 << 16  # [bytes] frames below are copied into ZeroMQ


@dataclass
class Counters:
    """What went through one vehicle's sockets since the last reset; hellos are not counted.

    sent, received: chunks handed to and taken from ZeroMQ. dropped: chunks missing in a topic's numbers.
    unwanted: whole chunks nobody waited for. incomplete: messages of which only some chunks came in time.
    air, socket: bytes sent, see `laco.comm.account`. What follows was refused:
    stale: chunks of an earlier round, or older than the newest of their sender by more than the mesh's `max_age`.
    repeated: chunks whose topic number had come before. reordered: those that came after a later one.
    replayed: chunks that had come before and came again under a new number.
    damaged: what is no chunk, or fails its checksum. oversized: frames beyond the limits of the format.
    spoofed: chunks whose header names another sender or addressee than their socket and topic.
    reconnected: links that were cut within a round, as ZeroMQ does for a frame beyond the limits.
    """

    sent: int = 0
    received: int = 0
    dropped: int = 0
    unwanted: int = 0
    incomplete: int = 0
    stale: int = 0
    repeated: int = 0
    reordered: int = 0
    replayed: int = 0
    damaged: int = 0
    oversized: int = 0
    spoofed: int = 0
    reconnected: int = 0
    air: Bytes = field(default_factory=Bytes)
    socket: Bytes = field(default_factory=Bytes)


class OversizedError(WireError):
    """Frames beyond the limits of the format."""


class Arrival(NamedTuple):
    """A chunk from the vehicle it names; its checksum is not yet verified."""

    header: Header
    chunk: Chunk


class Link:
    """The socket on which one vehicle hears one peer.

    terms: what the peer reads, by its last hello. refusal: why it cannot be understood at all, if so.
    """

    def __init__(self, peer: str, socket: "zmq.Socket[bytes]", counters: Counters) -> None:
        self.peer = peer
        self.socket = socket
        self.counters = counters
        self.round = 0
        self.heard = -1  # the round of the last hello; none yet
        self.terms = Terms()
        self.refusal: HandshakeError | None = None
        self._numbers, self._seen = Numbers(), Seen()
        self._time = -math.inf  # [s] simulated, of the newest message

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
        self.round, self.counters, self.refusal = number, counters, None

    def read(self, max_age: float = math.inf) -> Arrival | WireError | None:
        """The next chunk of this round, why the next one cannot be read, or None if none is there yet.

        max_age: [s] of simulated time that a chunk may be older than the newest one.
        """
        # What a peer that is ahead says is left in the queue until our own reset.
        while not self.ahead and (frames := self._frames()):
            if (found := self._try(frames, max_age)) is not None:
                return found
        return None

    def settle(self, header: Header) -> None:
        """Notes a chunk that was sound: it is not heard a second time."""
        self._seen.add(header)
        self._time = max(self._time, header.sim_time)

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

    def _try(self, frames: "list[zmq.Frame]", max_age: float = math.inf) -> Arrival | WireError | None:
        try:
            return self._take(frames, max_age)
        except OversizedError as error:
            self.counters.oversized += 1
            return error
        except WireError as error:
            self.counters.damaged += 1
            return error

    def _take(self, frames: "list[zmq.Frame]", max_age: float) -> Arrival | None:
        _check_frames(frames)
        addressee, number = split_topic(frames[0].bytes)
        chunk = Chunk(frames[1].bytes, tuple(frame.buffer for frame in frames[2:]))
        if not self.ready:
            try:
                check_version(self.peer, chunk.header)
            except HandshakeError as error:  # the barrier's to raise
                self.refusal = error
        header = chunk.info
        arrival = Arrival(header, chunk)
        if header.kind != HELLO:
            return self._admit(addressee, number, arrival, max_age)
        if self._is_spoofed(addressee, header):
            return None
        self._greet(addressee, number, chunk)
        return None

    def _admit(self, addressee: bytes, number: int, arrival: Arrival, max_age: float) -> Arrival | None:
        """The chunk, if it is in its place, of this round and heard for the first time."""
        header = arrival.header
        if self.heard < self.round:
            self.counters.stale += 1
            return None
        self.counters.received += 1
        if not self._advance(addressee, number) or self._is_spoofed(addressee, header):
            return None
        if header.sim_time < self._time - max_age - MOMENT:
            self.counters.stale += 1
            return None
        if self._seen.knows(header):
            self.counters.replayed += 1
            return None
        return arrival

    def _is_spoofed(self, addressee: bytes, header: Header) -> bool:
        spoofed = header.sender != self.peer or header.addressee.encode() != addressee
        self.counters.spoofed += spoofed
        return spoofed

    def _greet(self, addressee: bytes, number: int, chunk: Chunk) -> None:
        hello = _hello(chunk)
        if hello.round > self.heard:
            self.heard, self.terms, self._time = hello.round, hello.terms, -math.inf
            self._numbers.begin({b"": hello.next_broadcast, addressee: (number + 1) % WRAP})
            self._seen.clear()
        elif hello.round < self.heard:
            self.counters.stale += 1
        else:  # the peer saw us reconnect: what was sent meanwhile is lost
            self.counters.reconnected += 1
            self.counters.dropped += self._numbers.skip_to(b"", hello.next_broadcast) or 0
            self._advance(addressee, number)

    def _advance(self, addressee: bytes, number: int) -> bool:
        """Takes in `number` and counts the gap before it; False if it is not the next one or beyond it."""
        place, gap = self._numbers.take(addressee, number)
        self.counters.dropped += gap
        self.counters.reordered += place == "late"
        self.counters.repeated += place == "again"
        return place == "next"


def _check_frames(frames: "list[zmq.Frame]") -> None:
    """Raises: WireError for frames that are no chunk, or beyond the limits of the format, by their number and sizes."""
    if len(frames) > 2 + MAX_BUFFERS:
        raise OversizedError(f"oversized: a message of {len(frames)} frames")
    if len(frames) < 2:
        raise WireError(f"damaged: a message of {len(frames)} frames")
    for frame, most in zip(frames, (MAX_TOPIC, PREAMBLE.size + MAX_HEADER), strict=False):
        if len(frame) > most:
            raise OversizedError(f"oversized: a frame of {len(frame)} bytes, at most {most} are taken")
    if (total := sum(map(len, frames[2:]))) > MAX_PAYLOAD:
        raise OversizedError(f"oversized: {total} bytes, limit {MAX_PAYLOAD}")


def _hello(chunk: Chunk) -> Hello:
    """What the hello says. Raises: WireError."""
    payload = decode_bytes([chunk], kind=HELLO)
    if len(payload) > MAX_HELLO:
        raise OversizedError(f"oversized: a hello of {len(payload)} bytes, at most {MAX_HELLO} are read")
    return read_struct(payload, Hello, "a hello")


def topic(addressee: str, number: int | None = None) -> bytes:
    """The topic frame of chunk `number`; without a number, what to subscribe to."""
    return addressee.encode() + b"\0" + (b"" if number is None else NUMBER.pack(number % WRAP))


def split_topic(frame: bytes) -> tuple[bytes, int]:
    """Addressee and number in a topic frame. Raises WireError."""
    addressee, nul, number = frame.partition(b"\0")
    if not nul or len(number) != NUMBER.size:
        raise WireError("damaged: a topic that is none")
    return addressee, NUMBER.unpack(number)[0]


def hello(sender: str, addressee: str, number: int, next_broadcast: int, terms: Terms) -> Chunk:
    """The chunk that opens round `number` on one link."""
    payload = msgspec.msgpack.encode(Hello(number, next_broadcast % WRAP, terms))
    return encode_bytes(payload, HELLO, sender=sender, addressee=addressee)[0]


def send(socket: "zmq.Socket[bytes]", frames: Sequence[Buffer]) -> None:
    """Hands `frames` to ZeroMQ as one message; never waits.

    Large ones are not copied: they belong to a chunk, which nobody changes. Small ones are, which costs less.
    """
    for frame in frames[:-1]:
        socket.send(frame, zmq.SNDMORE | zmq.NOBLOCK, copy=memoryview(frame).nbytes < COPIED)
    socket.send(frames[-1], zmq.NOBLOCK, copy=memoryview(frames[-1]).nbytes < COPIED)


def new_socket(context: "zmq.Context[zmq.Socket[bytes]]", kind: int, hwm: int) -> "zmq.Socket[bytes]":
    """A socket with the options that only take effect before it binds or connects.

    hwm: chunks queued per link before more are dropped. Raises TransportError when there are no more sockets.
    """
    try:
        socket = context.socket(kind)
    except zmq.ZMQError as error:  # a context has 1023 unless told otherwise, a process its file limit
        raise TransportError(f"no more sockets: {error}") from error
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, hwm)
    socket.setsockopt(zmq.RCVHWM, hwm)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION if kind == zmq.XPUB else MAX_PAYLOAD)
    return socket
