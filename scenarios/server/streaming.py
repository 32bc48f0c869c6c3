"""Streams to many listeners: what a listener has not taken yet waits in its own buffer, never in the
simulator's way."""

import socket
import struct
from collections import deque
from collections.abc import Callable

LIVE_MESSAGES = 4  # kept for a slow listener in asynchronous mode: it wants what is fresh
LOCKSTEP_BYTES = 64 << 20  # kept for one in synchronous mode: it wants every frame, within reason
_TOKEN = struct.Struct("<IHBB16x")
TCP, CLIENTS_OWN_HOST = 1, 0
EPISODE_STREAM = 1


def token(stream_id: int, port: int) -> bytes:
    """The 24 bytes that tell a client where a stream is: on the host it already talks to."""
    return _TOKEN.pack(stream_id, port, TCP, CLIENTS_OWN_HOST)


class Subscriber:
    """One listener's socket and what waits for it."""

    def __init__(self, sock: socket.socket, on_blocked: Callable[[], None]) -> None:
        self.sock = sock
        self.dropped = 0  # messages
        self._on_blocked = on_blocked
        self._started: memoryview | bytes = b""  # rest of a message partly sent: must be finished
        self._waiting: deque[bytes] = deque()
        self._bytes = 0

    @property
    def blocked(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._started or self._waiting)

    def offer(self, message: bytes | bytearray, lockstep: bool) -> None:
        """Send a message, or keep a copy for later and drop the oldest that are too many. Raises `OSError`
        when the listener is gone."""
        if not self.blocked:
            sent = self._send(message)
            if sent < len(message):
                self._started = memoryview(bytes(message))[sent:]
                self._on_blocked()
            return
        self._waiting.append(bytes(message))
        self._bytes += len(message)
        while len(self._waiting) > 1 and self._too_much(lockstep):
            self._bytes -= len(self._waiting.popleft())
            self.dropped += 1

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it. Raises `OSError` when the listener is gone."""
        while self.blocked:
            if not self._started:
                self._started = memoryview(self._waiting.popleft())
                self._bytes -= len(self._started)
            self._started = self._started[self._send(self._started) :]
            if self._started:
                return

    def _too_much(self, lockstep: bool) -> bool:
        return self._bytes > LOCKSTEP_BYTES if lockstep else len(self._waiting) > LIVE_MESSAGES

    def _send(self, message: bytes | bytearray | memoryview) -> int:
        try:
            return self.sock.send(message)
        except BlockingIOError:
            return 0


class Hub:
    """Every stream and its listeners."""

    def __init__(self) -> None:
        self._streams: dict[int, list[Subscriber]] = {EPISODE_STREAM: []}
        self._next = EPISODE_STREAM + 1
        self.dropped = 0  # messages, of listeners that have left

    def open(self) -> int:
        """A new stream's id."""
        self._streams[self._next] = []
        self._next += 1
        return self._next - 1

    def close(self, stream_id: int) -> None:
        """End a stream. Its listeners' sockets stay open and silent: the client, told otherwise, would
        reconnect."""
        self._streams.pop(stream_id, None)

    def heard(self, stream_id: int) -> bool:
        """Whether anyone listens."""
        return bool(self._streams.get(stream_id))

    def subscribe(self, stream_id: int, subscriber: Subscriber) -> None:
        """Add a listener; to an unknown stream it is accepted and hears nothing."""
        self._streams.get(stream_id, []).append(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a listener."""
        for listeners in self._streams.values():
            if subscriber in listeners:
                listeners.remove(subscriber)
                self.dropped += subscriber.dropped

    def publish(self, stream_id: int, message: bytes | bytearray, lockstep: bool) -> None:
        """Give a message to every listener of a stream; one that is gone is forgotten."""
        for subscriber in tuple(self._streams.get(stream_id, ())):
            try:
                subscriber.offer(message, lockstep)
            except OSError:
                self.leave(subscriber)
