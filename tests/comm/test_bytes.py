"""The byte counts: the split by hand, and the formula against what a TCP proxy sees."""

import select
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from laco.comm import Bytes, Chunk, air_bytes, encode, encode_bytes, encode_parts, socket_bytes
from laco.comm.account import zmtp_frame
from laco.comm.mesh import Mesh, barrier


class Proxy:
    """Forwards one TCP connection and counts the bytes that come from its target."""

    def __init__(self, target: str) -> None:
        self.counted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._target = urlsplit(target)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection((self._target.hostname, self._target.port))
        ends = {near: far, far: near}
        with near, far:
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    try:
                        data = end.recv(1 << 16)
                    except ConnectionError:
                        return
                    if not data:
                        return
                    # Counted first: whoever has received the bytes finds them counted.
                    self.counted += len(data) if end is far else 0
                    ends[end].sendall(data)

    def close(self) -> None:
        self._thread.join(5.0)
        self._listener.close()


@pytest.fixture
def proxied(context) -> Iterator[tuple[Mesh, Mesh, Proxy]]:
    """Two vehicles; what b hears of a comes through the proxy."""
    with Mesh("a", context=context) as a, Mesh("b", context=context) as b:
        proxy = Proxy(a.endpoint)
        a.subscribe({"b": b.endpoint})
        b.subscribe({"a": proxy.endpoint})
        barrier([a, b])
        yield a, b, proxy
    proxy.close()


def test_the_formula_is_what_tcp_carries(proxied, make_cache) -> None:
    a, b, proxy = proxied
    a.publish("b", encode_bytes(b"", "note", sender="a", addressee="b", seq=0))
    b.receive([("a", 0)])  # greeting, handshake and hello are behind us, and so is this
    before, total = proxy.counted, Bytes()
    for to in ("", "b"):
        meta = {"sender": "a", "addressee": to}
        first = a.next_seq() + 1
        for size in (0, 1, 255, 256, 100_000):
            total += a.publish(to, encode_bytes(bytes(size), "note", seq=a.next_seq(), **meta)).socket
        for tokens in (0, 1, 100):
            total += a.publish(to, encode(make_cache(tokens=tokens), seq=a.next_seq(), **meta)).socket
        total += a.publish(to, encode_parts([make_cache()] * 3, "fp16", seq=a.next_seq(), **meta)).socket
        wanted = {("a", seq) for seq in range(first, first + 9)}
        assert set(b.receive(wanted)) == wanted
    assert total.total > 300_000
    assert proxy.counted - before == total.total


def test_bytes_add_up() -> None:
    assert Bytes(1, 2, 3) + Bytes(10, 20, 30) == Bytes(11, 22, 33)
    assert (Bytes(1, 2, 3) * 2).total == 12


def test_frame_heads() -> None:
    assert [zmtp_frame(size) for size in (0, 255, 256, 1 << 20)] == [2, 2, 9, 9]


def test_the_split_by_hand() -> None:
    chunk = Chunk(bytes(100), (bytes(10), bytes(300)))
    assert air_bytes([chunk, chunk]) == Bytes(620, 200, 0)
    # topic 7, then frame heads of topic 2, header 2, buffers 2 and 9
    assert socket_bytes(b"v2\0\0\0\0\0", [chunk]) == Bytes(310, 100, 7 + 2 + 2 + 2 + 9)
