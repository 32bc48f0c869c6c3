"""The two kinds of sockets clients open: one for calls, one per stream they listen to. Neither ever
blocks."""

import logging
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from laco.scenarios.server.poller import READ, WRITE
from laco.scenarios.server.rpc import BadRequestError, Dialogue
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.streaming import Subscriber

log = logging.getLogger(__name__)

CHUNK = 1 << 16
HELLO = struct.Struct("<I")
MOST_UNREAD = 64 << 20  # [bytes] of answers a client may leave lying


class Connection(Protocol):
    """What the event loop needs of a socket's owner."""

    sock: socket.socket

    def ready(self, mask: int) -> None:
        """Read or write what can be. Raises `OSError` or `BadRequestError` when the connection is over."""

    def over(self) -> None:
        """The socket is about to be closed."""


class CallConnection:
    """Requests in, answers out."""

    def __init__(
        self, sock: socket.socket, dialogue: Dialogue, want: Callable[[int], None], scratch: memoryview
    ) -> None:
        """`scratch`: room for what is read at once; connections share it."""
        self.sock = sock
        self._dialogue = dialogue
        self._want = want
        self._scratch = scratch
        self._unsent = bytearray()

    def ready(self, mask: int) -> None:
        """Answer what has come in."""
        if mask & WRITE:
            self._flush()
        if mask & READ:
            self._read()

    def over(self) -> None:
        """Nothing to undo."""

    def _read(self) -> None:
        try:
            size = self.sock.recv_into(self._scratch)
        except BlockingIOError:
            return
        if not size:
            raise ConnectionResetError("closed by the client")
        for answer in self._dialogue.receive(self._scratch[:size]):
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        if not self._unsent:
            try:
                sent = self.sock.send(answer)
            except BlockingIOError:
                sent = 0
            if sent == len(answer):
                return
            answer = answer[sent:]
            self._want(READ | WRITE)
        self._unsent += answer
        if len(self._unsent) > MOST_UNREAD:
            raise BadRequestError("the client does not read its answers")

    def _flush(self) -> None:
        try:
            del self._unsent[: self.sock.send(self._unsent)]
        except BlockingIOError:
            return
        if not self._unsent:
            self._want(READ)


class StreamConnection:
    """A listener: four bytes say which stream, then it only reads."""

    def __init__(self, sock: socket.socket, simulation: Simulation, want: Callable[[int], None]) -> None:
        self.sock = sock
        self._simulation = simulation
        self._want = want
        self._hello = b""
        self._subscriber = Subscriber(sock, lambda: want(READ | WRITE))

    def ready(self, mask: int) -> None:
        """Go on sending what waits; hear the hello, later only the goodbye."""
        if mask & WRITE:
            self._subscriber.flush()
            if not self._subscriber.blocked:
                self._want(READ)
        if mask & READ:
            self._read()

    def over(self) -> None:
        """Forget the subscription."""
        self._simulation.hub.leave(self._subscriber)

    def _read(self) -> None:
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError("closed by the client")
        if len(self._hello) < HELLO.size:
            self._hello += data
            if len(self._hello) >= HELLO.size:
                self._simulation.subscribe(HELLO.unpack_from(self._hello)[0], self._subscriber)
