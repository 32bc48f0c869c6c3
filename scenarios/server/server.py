"""The event loop: one thread, no locks, so that a tick never waits for a hand-over.

What limits the tick rate is the two messages a tick needs (the frame, the answer) and the client's own work
on them; see `benchmarks/world_ticks.py`.
"""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable
from functools import partial

from laco.errors import WorldError
from laco.scenarios.server.connections import CHUNK, CallConnection, Connection, StreamConnection
from laco.scenarios.server.methods import table
from laco.scenarios.server.poller import Poller
from laco.scenarios.server.rpc import BadRequestError, Dialogue
from laco.scenarios.server.simulation import Simulation

log = logging.getLogger(__name__)

PATIENCE = 1.0  # [s] the loop sleeps at most
BACKLOG = 1024  # connections waiting to be accepted


class Server:
    """Two listening ports and the clients on them. Raises `WorldError` when the port cannot be had."""

    def __init__(self, simulation: Simulation, host: str = "127.0.0.1", port: int = 2000) -> None:
        self._simulation = simulation
        self._table = table()
        self._poller: Poller[Callable[[int], object]] = Poller()
        self._calls = _listen(host, port)
        self._streams = _listen(host, 0)
        self._wake, self._waker = socket.socketpair()
        self._connections: set[Connection] = set()
        self._scratch = memoryview(bytearray(CHUNK))
        self._spare = _spare_file()
        self._stopping = False
        self.host, self.port = host, int(self._calls.getsockname()[1])
        simulation.stream_port = int(self._streams.getsockname()[1])
        self._knocks: list[Callable[[], None]] = []
        calls = partial(self._accept, self._calls, self._new_call)
        streams = partial(self._accept, self._streams, self._new_stream)
        self._poller.add(self._calls, lambda mask: self._knocks.append(calls))
        self._poller.add(self._streams, lambda mask: self._knocks.append(streams))
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._poller.add(self._wake, lambda mask: self._wake.recv(64))

    @property
    def wake_fd(self) -> int:
        """A descriptor that ends the loop's sleep when written to (for signals)."""
        return self._waker.fileno()

    def stop(self) -> None:
        """End `run` soon; may be called from a signal handler or another thread."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._waker.send(b"x")

    def run(self, parent: int | None = None) -> None:
        """Serve until `stop`, or until the process `parent` is no longer ours."""
        simulation, ready = self._simulation, self._poller.wait
        due = time.monotonic()
        while not self._stopping:
            wait = PATIENCE
            if not simulation.lockstep:
                now = time.monotonic()
                if now >= due:
                    simulation.tick()
                    due = max(due + simulation.dt, now)  # late: go on from here, do not catch up
                wait = min(max(0.0, due - time.monotonic()), PATIENCE)
            events = ready(wait)
            for serve, mask in events:
                serve(mask)
            while self._knocks:  # after the others: some of them may have left, and made room
                self._knocks.pop()()
            simulation.observe()
            if not events and parent is not None and os.getppid() != parent:
                break

    def close(self) -> None:
        """Close every socket."""
        for connection in tuple(self._connections):
            self._end(connection)
        self._poller.close()
        for sock in (self._calls, self._streams, self._wake, self._waker):
            sock.close()
        os.close(self._spare)

    def _accept(self, listener: socket.socket, make: Callable[[socket.socket], Connection]) -> None:
        try:
            sock, _ = listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            log.warning("turning a connection away: %s", error.strerror)
            self._turn_away(listener)
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = make(sock)
        self._connections.add(connection)
        self._poller.add(sock, lambda mask: self._serve(connection, mask))

    def _turn_away(self, listener: socket.socket) -> None:
        """Out of file descriptors: take the caller on the spare one and hang up, or it would knock on forever."""
        os.close(self._spare)
        with contextlib.suppress(OSError):
            listener.accept()[0].close()
        self._spare = _spare_file()

    def _new_call(self, sock: socket.socket) -> Connection:
        return CallConnection(
            sock,
            Dialogue(self._table, self._simulation),
            lambda mask: self._poller.want(sock, mask),
            self._scratch,
        )

    def _new_stream(self, sock: socket.socket) -> Connection:
        return StreamConnection(sock, self._simulation, lambda mask: self._poller.want(sock, mask))

    def _serve(self, connection: Connection, mask: int) -> None:
        try:
            connection.ready(mask)
        except OSError:
            self._end(connection)
        except BadRequestError as error:
            log.warning("closing a connection: %s", error)
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            connection.over()
            self._poller.drop(connection.sock)
            connection.sock.close()


def _spare_file() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def _listen(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it would let two servers share a port
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        sock.close()
        reason = error.strerror if isinstance(error, OSError) else error
        raise WorldError(f"cannot listen on {host}:{port}: {reason}") from error
    sock.setblocking(False)
    return sock
