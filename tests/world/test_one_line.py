"""What a client does wrong is one line of the server's log, whatever it was; a client that only leaves is none."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

from laco.scenarios.maps import read_map
from laco.scenarios.server.server import Server
from laco.scenarios.server.simulation import Simulation

LIMIT = 10.0  # [s]
LOUD: dict[str, Any] = {
    "garbage bytes": b"\xc1" * 40,
    "not a request": [1, 2, 3],
    "an answer instead of a request": [1, 5, None, [[1, 2]]],
    "unknown method": [0, 1, "no_such_method", [[False]]],
    "unknown method, nobody waits": [0, 1, "no_such_method", [[True]]],
    "wrong types": [0, 1, "spawn_actor", [[False], "no description", 7]],
    "too few arguments": [0, 1, "set_actor_transform", [[False]]],
}
QUIET: dict[str, Any] = {
    "half a message": msgpack.packb([0, 1, "version", [[False]]])[:-3],
    "a huge length": b"\xdb\xff\xff\xff\xf0",
    "a method of today": [0, 1, "version", [[False]]],
    "nothing": b"",
}


@pytest.fixture
def port() -> Iterator[int]:
    simulation = Simulation({"crossing": read_map("crossing")}, "crossing")
    server = Server(simulation, port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.port
    server.stop()
    thread.join()
    server.close()
    simulation.close()


def meet(port: int, sent: Any) -> None:
    """Send it and leave; then wait until the server has seen both, which a second client's answer tells."""
    with socket.create_connection(("127.0.0.1", port), LIMIT) as sock:
        sock.sendall(sent if isinstance(sent, bytes) else msgpack.packb(sent))
        time.sleep(0.05)  # else it may be gone before it is read
    with socket.create_connection(("127.0.0.1", port), LIMIT) as sock:
        sock.sendall(msgpack.packb([0, 9, "version", [[False]]]))
        assert msgpack.unpackb(sock.recv(1 << 16)) == [1, 9, None, [[1, "0.9.16"]]]


@pytest.mark.parametrize("fault", sorted(LOUD))
def test_a_fault_is_one_line(port: int, caplog: pytest.LogCaptureFixture, fault: str) -> None:
    meet(port, LOUD[fault])
    assert len(caplog.records) == 1, caplog.text
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "\n" not in record.getMessage()
    assert len(record.getMessage()) < 300


@pytest.mark.parametrize("case", sorted(QUIET))
def test_leaving_is_none(port: int, caplog: pytest.LogCaptureFixture, case: str) -> None:
    meet(port, QUIET[case])
    assert not caplog.records, caplog.text
