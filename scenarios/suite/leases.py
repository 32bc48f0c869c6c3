"""Servers that are there already, each for one worker at a time, whichever process or suite that is of."""

import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from laco.errors import ConfigError, WorldError
from laco.scenarios.session import address

PATIENCE = 5.0  # [s] that a server may take to accept a connection
FOLDER = "laco-servers"


def check(server: str) -> None:
    """Raises: ConfigError if it is not HOST:PORT, or if nobody listens there: better now than once for every run."""
    host, port = address(server)
    try:
        socket.create_connection((host.strip("[]"), port), PATIENCE).close()
    except OSError as error:
        raise ConfigError(f"no server answers at {server}: {error.strerror or error}") from error


class Lease:
    """A server, HOST:PORT, that nobody else drives on; it is free again when this process ends, however it does."""

    def __init__(self, server: str, lock: FileLock) -> None:
        self.server, self._lock = server, lock

    @classmethod
    def of(cls, servers: Sequence[str]) -> "Lease":
        """The first that is free. Raises: WorldError if none is."""
        folder = Path(tempfile.gettempdir()) / FOLDER
        folder.mkdir(exist_ok=True)
        for server in servers:
            lock = FileLock(folder / f"{server.replace(':', '_')}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            return cls(server, lock)
        raise WorldError(f"others drive on {', '.join(servers)}: no server is free")
