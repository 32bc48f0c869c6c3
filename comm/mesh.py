"""`Mesh`: one vehicle's sockets. One XPUB to all, one SUB per peer (see `link` for what is on them).

Sending side: `publish`, `next_seq`. Receiving side: `receive`. Life: `subscribe` + `barrier` (or `connect`),
`reset` between runs or `skip` after a restart within one, `close`. A mesh belongs to one thread; several can live in
one, which is why the barrier is a function over meshes.
"""

import math
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import zmq

from laco.closing import Closing
from laco.comm.account import Bytes, SentBytes, air_bytes, zmtp_framing
from laco.comm.handshake import Terms, check_readable, check_terms, common
from laco.comm.inbox import Inbox, Key
from laco.comm.link import Arrival, Counters, Link, hello, new_socket, send, topic
from laco.comm.message import MAX_NAME, Chunk
from laco.comm.security.curve import MESH, Curve
from laco.errors import ConfigError, HandshakeError, TransportError, WireError

EARLY = 4096  # [chunks] kept that came before it was known whether they are wanted


class Mesh(Closing):
    """The sockets of vehicle `name`. Close it, or use it as a context manager."""

    def __init__(
        self,
        name: str,
        host: str = "127.0.0.1",
        context: "zmq.Context[zmq.Socket[bytes]] | None" = None,
        *,
        hwm: int = 1000,
        curve: Curve | None = None,
    ) -> None:
        """host: address to bind, on a free port. context: shared, left open; None makes one of its own.

        curve: of the same context, encrypts and authenticates; None sends in the clear and trusts everybody.
        hwm: high-water mark, chunks per link; what goes beyond is dropped and shows in `counters.dropped`.
        Raises ConfigError for a name the wire cannot carry, TransportError if it cannot bind.
        """
        if not 0 < len(name) <= MAX_NAME or "\0" in name:
            raise ConfigError(f"a vehicle's name cannot be {name!r}")
        self.name = name
        self.terms = Terms()  # what this vehicle reads: set before `reset` or `subscribe`
        self.max_age = math.inf  # [s] of simulated time that a chunk may be older than the newest of its sender
        self.counters = Counters()
        self.refusals: dict[Key, str] = {}  # of the last `receive`
        self.round = 0
        self._hwm, self._curve = hwm, curve
        self._seq = 0
        self._numbers: Counter[str] = Counter()  # next chunk number, per addressee
        self._subscribers: Counter[bytes] = Counter()  # per topic
        self._links: dict[str, Link] = {}
        self._endpoints: dict[str, str] = {}  # of the links
        self._early: list[Arrival] = []  # came, and it is not known yet whether they are wanted
        self._own_context = context is None
        self._context = zmq.Context() if context is None else context
        self._publisher = new_socket(self._context, zmq.XPUB, hwm)
        self._publisher.setsockopt(zmq.XPUB_VERBOSER, 1)  # every subscription, not the first of each topic
        if curve is not None:
            curve.serve(self._publisher, MESH)
        try:
            self._publisher.bind(f"tcp://{host}:*")
        except zmq.ZMQError as error:
            self.close()
            raise TransportError(f"{name} cannot listen on {host}: {error}") from error

    @property
    def endpoint(self) -> str:
        """Where peers connect to."""
        return self._publisher.getsockopt_string(zmq.LAST_ENDPOINT)

    @property
    def peers(self) -> frozenset[str]:
        """The vehicles this one has a link to."""
        return frozenset(self._links)

    @property
    def secure(self) -> bool:
        """Whether links are encrypted and authenticated: a checksum adds nothing then."""
        return self._curve is not None

    def connect(self, peers: Mapping[str, str], timeout: float = 10.0, keys: Mapping[str, str] | None = None) -> None:
        """`subscribe`, then `barrier` for this mesh alone: the peers must run theirs at the same time."""
        self.subscribe(peers, keys)
        barrier([self], timeout)

    def subscribe(self, peers: Mapping[str, str], keys: Mapping[str, str] | None = None) -> None:
        """Opens one link per peer, by name and endpoint; this vehicle's own name is skipped.

        keys: public key of each peer, in Z85: what its holder says is the peer's. Needed by a secure mesh only.
        Links go both ways: every peer must subscribe to this vehicle too. Raises TransportError for an
        endpoint that is none, ConfigError for a peer that has a link already or a key that is not trusted.
        """
        for peer, endpoint in peers.items():
            if peer == self.name:
                continue
            if peer in self._links:
                raise ConfigError(f"{self.name} has a link to {peer} already")
            socket = self._listen(peer, endpoint, (keys or {}).get(peer, ""))
            link = self._links[peer] = Link(peer, socket, self.counters)
            self._endpoints[peer] = endpoint
            link.round = self.round
            if self._subscribers[topic(peer)]:  # it was first, and not greeted as long as it was a stranger
                self._greet(peer)

    def keep(self, peers: Mapping[str, str]) -> None:
        """Closes the links to who is not among the peers any more, or has another endpoint now."""
        for peer in [peer for peer, endpoint in self._endpoints.items() if peers.get(peer) != endpoint]:
            del self._endpoints[peer]
            self._links.pop(peer).socket.close(linger=0)
            self._early = [arrival for arrival in self._early if arrival.header.sender != peer]

    def publish(self, addressee: str, chunks: Sequence[Chunk]) -> SentBytes:
        """Sends a message to `addressee`, or to all if that is "". Never waits.

        Raises WireError if the headers name another sender or addressee: every listener would refuse it.
        """
        for chunk in chunks:
            header = chunk.info
            if (header.sender, header.addressee) != (self.name, addressee):
                raise WireError(
                    f"{self.name} to {addressee!r} cannot send as {header.sender!r} to {header.addressee!r}"
                )
        self._see_subscribers()
        listeners = self._subscribers[topic(addressee)]
        framing = sum(zmtp_framing(self._send(addressee, chunk), chunk) for chunk in chunks)
        air = air_bytes(chunks)
        sent = SentBytes(air, (air + Bytes(framing=framing)) * listeners, listeners)
        self.counters.sent += len(chunks)
        self.counters.air += sent.air
        self.counters.socket += sent.socket
        return sent

    def receive(
        self, wanted: Collection[Key], guard: float = 5.0, told: Mapping[str, int] | None = None
    ) -> dict[Key, list[Chunk]]:
        """The wanted messages, by (sender, number), each whole and verified, its chunks in order.

        guard: wall-clock limit [s]. What did not come by then is absent: the caller records `transport_lost`.
        told: by sender the highest number of which the caller knows whether it is wanted; later messages may be there
        already, and are kept for the next call. None: all that are not wanted now never will be.
        Messages that are there but not wanted are dropped and counted. Never raises for what a peer sent; a
        wanted message that came damaged is absent too, and `refusals` says why.
        """
        inbox = Inbox({key for key in wanted if key[0] in self._links})
        early, self._early = self._early, []
        for arrival in early:
            self._file(arrival, self._links[arrival.header.sender], inbox, told)
        for link in self._links.values():
            self._drain(link, inbox, told)
        deadline = time.monotonic() + guard
        while inbox.pending:
            senders = inbox.senders()
            waiting = [link for peer, link in self._links.items() if peer in senders and not link.ahead]
            if not waiting or not _wait([link.socket for link in waiting], deadline):
                break
            for link in waiting:
                self._drain(link, inbox, told)
        self.counters.incomplete += len(inbox.parts)
        self.refusals = inbox.refused
        return inbox.whole

    def check(self, addressee: str, codec: str, payload: int) -> None:
        """Raises: HandshakeError if who would hear it cannot read this codec, or so many bytes in a message."""
        for peer, link in self._audience(addressee):
            check_readable(peer, link.terms, codec, payload)

    def codecs(self, addressee: str) -> frozenset[str] | None:
        """The codecs that `addressee` knows, or all peers if that is ""; None if nobody said."""
        return common([link.terms for _, link in self._audience(addressee)])

    def next_seq(self) -> int:
        """Number for this vehicle's next message: 0, 1, ... since the last reset, over all addressees."""
        self._seq += 1
        return self._seq - 1

    def skip(self, to: int) -> None:
        """The next message has this number at least: peers have heard of lower ones, from before a restart."""
        self._seq = max(self._seq, to)

    def reset(self, to: int | None = None) -> None:
        """Begins the next round (or round `to`): numbers from 0, new counters, queues emptied.

        Nothing of an earlier round is heard after it, even if it is still under way: links listen again from
        the peer's hello for this round on. All vehicles reset equally often, in any order; `barrier`
        afterwards tells which link is not ready.
        """
        self.round = self.round + 1 if to is None else to
        self._seq = 0
        self._numbers.clear()
        self.counters = Counters()
        self._early.clear()
        self._see_subscribers(greet=False)
        for peer, link in self._links.items():
            link.start(self.round, self.counters)
            if self._subscribers[topic(peer)]:
                self._greet(peer)
            link.discard()

    def close(self) -> None:
        """Closes the sockets, and the context if it is its own. Nothing is waited for."""
        for link in self._links.values():
            link.socket.close(linger=0)
        self._publisher.close(linger=0)
        if self._own_context:
            self._context.term()

    def pump(self) -> list[str]:
        """One step of the barrier: sees, greets and hears; returns the links that are not ready.

        Raises: HandshakeError for a peer that cannot be understood, or cannot understand.
        """
        missing = []
        for found in self.links().values():
            if isinstance(found, HandshakeError):
                raise found
            missing += found
        return missing

    def links(self) -> dict[str, list[str] | HandshakeError]:
        """Sees, greets and hears; by peer what is missing before its link is ready, or why it never will be."""
        self._see_subscribers()
        return {peer: self._missing(peer, link) for peer, link in self._links.items()}

    def _missing(self, peer: str, link: Link) -> list[str] | HandshakeError:
        link.discard()
        if link.refusal is not None:
            return link.refusal
        missing = []
        if not link.ready:
            missing.append(f"{peer} -> {self.name} (no hello)")
        else:
            try:
                check_terms(self.name, self.terms, peer, link.terms)
            except HandshakeError as error:
                return error
        if not self._subscribers[topic(peer)]:
            missing.append(f"{self.name} -> {peer} (not subscribed)")
        return missing

    def sockets(self) -> "list[zmq.Socket[bytes]]":
        """Those on which the barrier waits."""
        silent = [link.socket for link in self._links.values() if link.heard < link.round]
        return [self._publisher, *silent]

    def _audience(self, addressee: str) -> list[tuple[str, Link]]:
        return [(peer, link) for peer, link in self._links.items() if addressee in ("", peer)]

    def _listen(self, peer: str, endpoint: str, key: str) -> "zmq.Socket[bytes]":
        """A connected SUB for the broadcasts of `peer` and what it addresses to this vehicle."""
        socket = new_socket(self._context, zmq.SUB, self._hwm)
        # In this order: who sees the second subscription has seen the first.
        socket.setsockopt(zmq.SUBSCRIBE, topic(""))
        socket.setsockopt(zmq.SUBSCRIBE, topic(self.name))
        try:
            if self._curve is not None:
                self._curve.pin(socket, key)
            socket.connect(endpoint)
        except ConfigError as error:
            socket.close(linger=0)
            raise ConfigError(f"{self.name} does not listen to {peer}: {error}") from error
        except zmq.ZMQError as error:
            socket.close(linger=0)
            raise TransportError(f"{self.name} cannot reach {peer} at {endpoint}: {error}") from error
        return socket

    def _drain(self, link: Link, inbox: Inbox, told: Mapping[str, int] | None) -> None:
        """Reads what is there; of a peer that is waited for, no more than what is waited for."""
        expected = link.peer in inbox.senders()
        while (not expected or link.peer in inbox.senders()) and (found := link.read(self.max_age)) is not None:
            if isinstance(found, WireError):
                inbox.blame(link.peer, found)
                continue
            self._file(found, link, inbox, told)

    def _file(self, arrival: Arrival, link: Link, inbox: Inbox, told: Mapping[str, int] | None) -> None:
        """Puts a chunk to its message, keeps it for a later call, or drops and counts it."""
        header = arrival.header
        try:
            if inbox.put(arrival):
                link.settle(header)
                return
        except WireError:
            self.counters.damaged += 1
            return
        if told is not None and header.seq > told.get(header.sender, -1) and len(self._early) < EARLY:
            self._early.append(arrival)
        else:  # not verified: what it says of itself must not count against what comes
            self.counters.unwanted += 1

    def _send(self, addressee: str, chunk: Chunk) -> bytes:
        """Hands one chunk to ZeroMQ; returns its topic frame."""
        frame = topic(addressee, self._numbers[addressee])
        self._numbers[addressee] += 1
        send(self._publisher, (frame, chunk.header, *chunk.buffers))
        return frame

    def _greet(self, peer: str) -> None:
        self._send(peer, hello(self.name, peer, self.round, self._numbers[""], self.terms))

    def _see_subscribers(self, greet: bool = True) -> None:
        """Takes in who subscribed and who left, and greets who came."""
        while self._publisher.poll(0):
            event = self._publisher.recv(zmq.NOBLOCK)
            frame = event[1:]
            self._subscribers[frame] += 1 if event[:1] == b"\x01" else -1
            peer = frame[:-1].decode(errors="replace")
            if greet and event[:1] == b"\x01" and peer in self._links:
                self._greet(peer)


def barrier(meshes: Iterable[Mesh], timeout: float = 10.0) -> None:
    """Waits until every link of `meshes` is ready in both directions; their peers may be in other processes.

    Raises TransportError naming the links that are not ready after `timeout` [s], and HandshakeError at once for two
    vehicles that cannot understand each other.
    """
    meshes = list(meshes)
    deadline = time.monotonic() + timeout
    while missing := [link for mesh in meshes for link in mesh.pump()]:
        if not _wait([socket for mesh in meshes for socket in mesh.sockets()], deadline):
            raise TransportError(f"after {timeout:g} s these links are not ready: {', '.join(missing)}")


def _wait(sockets: "Sequence[zmq.Socket[bytes]]", deadline: float) -> bool:
    """Waits until one of them can be read; False once the deadline has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        return False
    poller = zmq.Poller()
    for socket in sockets:
        poller.register(socket, zmq.POLLIN)
    return bool(poller.poll(max(1, int(left * 1000)))) or time.monotonic() < deadline
