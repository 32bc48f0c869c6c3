"""CURVE on the sockets of one ZeroMQ context: encrypted, and both ends know whom they talk to.

Who binds lets in the keys that its key folder trusts (`serve`); who connects names the one key it expects (`pin`).
"""

import zmq

from laco.closing import Closing
from laco.comm.security.gate import Gatekeeper
from laco.comm.security.keys import Keyring
from laco.errors import ConfigError

MESH, CONTROL = "mesh", "control"  # ZAP domains: hearing vehicles, and running them
Socket = zmq.Socket[bytes]


class Curve(Closing):
    """This machine's key, whom it trusts, and the gatekeeper of `context`. Close it before the context ends."""

    def __init__(self, ring: Keyring, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        """Raises: ConfigError for a key folder without a sound key."""
        self.ring = ring
        self._own = ring.own()
        ring.trusted()  # what is wrong with it is said now
        self._gate = Gatekeeper(context, lambda domain, key: ring.allows(key, running=domain == CONTROL))

    @property
    def public(self) -> str:
        """This machine's public key, in Z85."""
        return self._own.public

    @property
    def refused(self) -> int:
        """How many connections were turned away."""
        return self._gate.refused

    def serve(self, socket: Socket, domain: str) -> None:
        """Before it binds: only trusted keys connect. domain: MESH, or CONTROL for trusted runners alone."""
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._own.secret)
        socket.setsockopt_string(zmq.ZAP_DOMAIN, domain)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # without it a missing gatekeeper lets everybody in

    def pin(self, socket: Socket, server: str) -> None:
        """Before it connects: only to the holder of `server`, which must be trusted. Raises: ConfigError."""
        if not self.ring.allows(server):
            raise ConfigError("its key is not trusted here: `laco keys trust NAME FILE` changes that")
        socket.setsockopt_string(zmq.CURVE_SERVERKEY, server)
        socket.setsockopt_string(zmq.CURVE_PUBLICKEY, self._own.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._own.secret)

    def close(self) -> None:
        self._gate.close()
