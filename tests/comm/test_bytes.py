"""The byte counts: the split by hand, and the formula against what a TCP proxy sees."""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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


@pytest.fixture
def fleet(context) -> Iterator[tuple[dict[str, Mesh], list[Proxy]]]:
    """Four vehicles; everything that any of them hears comes through a proxy of its own."""
    names = ("a", "b", "c", "d")
    with ExitStack() as stack:
        meshes = {name: stack.enter_context(Mesh(name, context=context)) for name in names}
        proxies = []
        for name, mesh in meshes.items():
            through = {peer: Proxy(other.endpoint) for peer, other in meshes.items() if peer != name}
            mesh.subscribe({peer: proxy.endpoint for peer, proxy in through.items()})
            proxies += through.values()
        barrier(meshes.values())
        yield meshes, proxies
    for proxy in proxies:
        proxy.close()


def test_a_whole_small_run_costs_what_the_formula_says(fleet, make_cache) -> None:
    """Beacons to all and messages to one, of one chunk and of several, four listeners, ten decisions; to the byte."""
    meshes, proxies = fleet
    wanted: dict[str, set[tuple[str, int]]] = {name: set() for name in meshes}

    def publish(sender: str, to: str, chunks_of: Callable[..., list[Chunk]]) -> int:
        seq = meshes[sender].next_seq()
        sent = meshes[sender].publish(to, chunks_of(sender=sender, addressee=to, seq=seq, sim_time=0.2 * seq))
        for listener in [to] if to else set(meshes) - {sender}:
            wanted[listener].add((sender, seq))
        return sent.socket.total

    def receive() -> None:
        for name, mesh in meshes.items():
            assert set(mesh.receive(wanted[name])) == wanted[name]
            wanted[name].clear()

    for name in meshes:  # greeting, handshake and hellos are behind us once every link has carried something
        publish(name, "", lambda **meta: encode_bytes(b"", "note", **meta))
    receive()
    before, total = sum(proxy.counted for proxy in proxies), 0
    for decision in range(10):
        for name in meshes:
            beacon = bytes(200 + 17 * decision)
            total += publish(name, "", lambda beacon=beacon, **meta: encode_bytes(beacon, "beacon", **meta))
        receive()
        for sender, to in (("a", "b"), ("b", "a"), ("c", ""), ("d", "c")):
            parts = [make_cache(tokens=8 + decision, seed=i) for i in range(1 + decision % 4)]
            total += publish(sender, to, lambda parts=parts, **meta: encode_parts(parts, "int8", **meta))
        receive()
    assert total == sum(mesh.counters.socket.total for mesh in meshes.values()) - notes(meshes)
    assert sum(proxy.counted for proxy in proxies) - before == total
    assert total > 1_000_000


def notes(meshes: dict[str, Mesh]) -> int:
    """Socket bytes of the first broadcasts, which came before counting began."""
    first = {name: encode_bytes(b"", "note", sender=name) for name in meshes}
    return sum(3 * socket_bytes(b"\0" * 5, chunks).total for chunks in first.values())


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
