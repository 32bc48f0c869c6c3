"""A silent connection to a server that shows when it ends: the client itself goes on waiting for a server that is
gone, and holds Python's lock while it does."""

import contextlib
import socket

from laco.closing import Closing

PATIENCE = 2.0  # [s] until a host that does not answer at all counts as gone


class Lifeline(Closing):
    """An open connection on which nothing is said. Raises `OSError` when nobody listens there."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), PATIENCE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.setblocking(False)

    @property
    def alive(self) -> bool:
        """Whether the other end is still there, as far as this machine knows."""
        with contextlib.suppress(BlockingIOError):
            try:
                return bool(self._socket.recv(64))
            except ConnectionError:
                return False
        return True

    def close(self) -> None:
        self._socket.close()
