"""The gatekeeper of one ZeroMQ context: libzmq asks it (ZAP, RFC 27) whether a client's key may connect.

One small thread of ours: the one that pyzmq has runs an asyncio loop, which on Windows needs another library.
"""

import threading
from collections.abc import Callable

import zmq
from zmq.utils import z85

from laco.closing import Closing
from laco.errors import ConfigError

ADDRESS = "inproc://zeromq.zap.01"
VERSION = b"1.0"
Allows = Callable[[str, str], bool]  # domain, public key in Z85


class Gatekeeper(Closing):
    """Answers libzmq until it is closed; without it, bound sockets let nobody in. Close it before the context.

    refused: connections it has turned away.
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", allows: Allows) -> None:
        """Raises: ZMQError if the context has a gatekeeper already."""
        self.refused = 0
        self._allows = allows
        self._door = context.socket(zmq.REP)
        self._door.linger = 0
        self._bell, self._ear = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        try:
            self._door.bind(ADDRESS)
        except zmq.ZMQError:
            for socket in (self._door, self._bell, self._ear):
                socket.close(0)
            raise
        self._bell.bind(f"inproc://laco-gate-{id(self)}")
        self._ear.connect(f"inproc://laco-gate-{id(self)}")
        self._thread = threading.Thread(target=self._serve, name="laco-gatekeeper", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        poller = zmq.Poller()
        for socket in (self._door, self._ear):
            poller.register(socket, zmq.POLLIN)
        try:
            while self._ear not in dict(poller.poll()):
                self._door.send_multipart(self._reply(self._door.recv_multipart()))
        except zmq.ContextTerminated:
            pass
        finally:
            self._door.close(0)
            self._ear.close(0)

    def _reply(self, request: list[bytes]) -> list[bytes]:
        """The answer to [version, id, domain, address, identity, mechanism, key]."""
        number = request[1] if len(request) > 1 else b""
        if self._admits(request):
            return [VERSION, number, b"200", b"OK", b"", b""]
        self.refused += 1
        return [VERSION, number, b"400", b"not trusted", b"", b""]

    def _admits(self, request: list[bytes]) -> bool:
        if len(request) != 7 or request[0] != VERSION or request[5] != b"CURVE" or len(request[6]) != 32:
            return False
        try:
            return self._allows(request[2].decode("ascii", "replace"), z85.encode(request[6]).decode())
        except (ConfigError, OSError):  # a key folder that cannot be trusted lets nobody in
            return False

    def close(self) -> None:
        if not self._bell.closed:
            self._bell.send(b"")
            self._thread.join()
            self._bell.close(0)
