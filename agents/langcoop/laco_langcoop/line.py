"""One socket to one server: frames out and in, whether the link stands, and how often it has been made anew."""

from __future__ import annotations

import os
import time
from typing import Any, Dict

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

Map = Dict[str, Any]
LARGEST = 1 << 26  # [bytes] of an answer; the longest that makes sense is some kilobytes
QUEUE = 8  # requests that wait for a server which reads nothing
ALIVE = 15_000  # [ms] without a sign of life from the other host after which the link counts as broken
GARBAGE = (ValueError, TypeError, KeyError, RecursionError, msgpack.UnpackException)


class Line:
    """A DEALER. Opened where it is used: a fork of this process gets a socket of its own, a copy gets none.

    links: how often a link to the server has been made; linked: whether one stands. Requests go only into a standing
    link, so that a server that is started anew does not hear what was meant for its predecessor.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.links = 0
        self.linked = False
        self.garbage = 0
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._process = 0

    def __getstate__(self) -> Map:
        return {"endpoint": self.endpoint}

    def __setstate__(self, state: Map) -> None:
        self.__init__(state["endpoint"])  # type: ignore[misc]

    def send(self, request: Map) -> int:
        """Hand one request over; its bytes, or 0 if there is no link or the server does not read."""
        socket = self._open()
        self.follow()
        if not self.linked:
            return 0
        frame = msgpack.packb(request, use_bin_type=True)
        try:
            socket.send(frame, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return 0
        return len(frame)

    def receive(self, until: float) -> Map | None:
        """The next map from the server, or None at `until` [s, monotonic]; an empty map if the link changes."""
        socket = self._open()
        while True:
            if socket.poll(0) & zmq.POLLIN:
                found = self._read(socket)
                if found is not None:
                    return found
                continue
            if self.follow():
                return {}
            left = until - time.monotonic()
            if left <= 0:
                return None
            self._sleep(left)

    def follow(self) -> bool:
        """Take in what became of the link; True if anything did."""
        self._open()
        before = (self.links, self.linked)
        while self._monitor is not None and self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.links += 1
                self.linked = True
            elif event == zmq.EVENT_DISCONNECTED:
                self.linked = False
        return before != (self.links, self.linked)

    def close(self, linger: float = 0.0) -> None:
        """linger: [s] for what is still on its way."""
        if self._socket is not None and self._process == os.getpid():
            self._socket.disable_monitor()
            self._socket.close(linger=int(1000 * linger))
        self._socket = self._monitor = None
        self.linked = False

    def _open(self) -> zmq.Socket[bytes]:
        if self._socket is None or self._process != os.getpid():
            self._process = os.getpid()
            self.linked = False
            self._socket = zmq.Context.instance().socket(zmq.DEALER)
            options = {zmq.LINGER: 0, zmq.IMMEDIATE: 1, zmq.SNDHWM: QUEUE, zmq.MAXMSGSIZE: LARGEST,
                       zmq.RECONNECT_IVL: 100, zmq.HEARTBEAT_IVL: 1000, zmq.HEARTBEAT_TIMEOUT: ALIVE}  # fmt: skip
            for name, value in options.items():
                self._socket.setsockopt(name, value)
            self._monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
            self._socket.connect(self.endpoint)
        return self._socket

    def _sleep(self, left: float) -> None:
        poller = zmq.Poller()
        for socket in (self._socket, self._monitor):
            poller.register(socket, zmq.POLLIN)
        poller.poll(int(1000 * left) + 1)

    def _read(self, socket: zmq.Socket[bytes]) -> Map | None:
        """A map with text keys and a type, or None (and a count) for anything else."""
        frames = socket.recv_multipart()
        try:
            found = msgpack.unpackb(frames[-1], raw=False) if len(frames) == 1 else None
        except GARBAGE:
            found = None
        if isinstance(found, dict) and isinstance(found.get("type"), str):
            return found
        self.garbage += 1
        return None
