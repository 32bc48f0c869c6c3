"""What vehicles tell each other first, and what ends a run before it begins."""

from contextlib import ExitStack

import msgspec
import pytest
import zmq

from laco.comm.handshake import Hello, Offer, Terms, common
from laco.comm.mesh import Mesh, barrier
from laco.comm.message import MAJOR, Header
from laco.comm.order import BEHIND, LATE, WRAP, Numbers, Seen
from laco.errors import HandshakeError


def meet(context: "zmq.Context[zmq.Socket[bytes]]", **terms: Terms) -> dict[str, Mesh]:
    """Vehicles with these terms, through their barrier."""
    with ExitStack() as stack:
        meshes = {name: stack.enter_context(Mesh(name, context=context)) for name in terms}
        for name, mesh in meshes.items():
            mesh.terms = terms[name]
            mesh.subscribe({n: m.endpoint for n, m in meshes.items()})
        barrier(meshes.values(), timeout=5.0)
        stack.pop_all()
        return meshes


def closed(meshes: dict[str, Mesh]) -> None:
    for mesh in meshes.values():
        mesh.close()


def test_terms_arrive_and_a_sender_picks_by_them(context) -> None:
    offers = (Offer("other", 1, (0, 1)),)
    a, b = Terms(fingerprint="f", offers=offers, codecs=("int8", "int2")), Terms(codecs=("int8", "fp16"), max_payload=9)
    meshes = meet(context, A=a, B=b, C=Terms())
    mesh = meshes["A"]
    assert meshes["B"]._links["A"].terms == a
    assert (mesh.codecs("B"), mesh.codecs(""), mesh.codecs("C")) == ({"int8", "fp16"}, {"int8", "fp16"}, None)
    mesh.check("B", "int8", 9)
    mesh.check("C", "anything", 10_000)  # it did not say
    with pytest.raises(HandshakeError, match=r"^codec int2 unknown to B, which knows int8, fp16$"):
        mesh.check("", "int2", 1)
    with pytest.raises(HandshakeError, match=r"^B takes at most 9 bytes in a message, not 10$"):
        mesh.check("B", "int8", 10)
    closed(meshes)


def test_new_terms_come_with_the_next_round(context) -> None:
    meshes = meet(context, A=Terms(), B=Terms())
    meshes["A"].terms = Terms(codecs=("fp32",))
    for mesh in meshes.values():
        mesh.reset()
    barrier(meshes.values())
    assert meshes["B"].codecs("A") == {"fp32"}
    closed(meshes)


def test_no_common_codec_ends_at_the_barrier(context) -> None:
    with pytest.raises(
        HandshakeError, match=r"no codec in common: A knows int8, fp16; B new$|no codec in common: B knows new; A int8"
    ):
        meet(context, A=Terms(codecs=("int8", "fp16")), B=Terms(codecs=("new",)))


def test_what_a_peer_cannot_read_ends_at_the_barrier(context) -> None:
    with pytest.raises(HandshakeError, match=rf"reads format 9.x, . writes {MAJOR}\."):
        meet(context, A=Terms(), B=Terms(major=9))


def test_another_version_of_the_format_ends_at_the_barrier(context) -> None:
    """Its hello cannot even be read: the first bytes say why."""
    liar = context.socket(zmq.XPUB)
    liar.linger = 0
    liar.bind("tcp://127.0.0.1:*")
    with Mesh("me", context=context) as me:
        me.subscribe({"B": liar.getsockopt_string(zmq.LAST_ENDPOINT)})
        assert {liar.recv(), liar.recv()} == {b"\x01\0", b"\x01me\0"}
        liar.send_multipart([b"me\0\0\0\0\0", b"LACO\x02\x00" + b"?" * 30])
        with pytest.raises(HandshakeError, match=r"^B speaks format 2\.0, this reader takes 1\.x$"):
            barrier([me], timeout=5.0)
    liar.close()


def test_a_hello_is_appended_to() -> None:
    """Of an older version, and of a newer one."""
    old = msgspec.msgpack.decode(msgspec.msgpack.encode([3, 4]), type=Hello)
    assert old == Hello(3, 4)
    new = [3, 4, [1, 0, "f", [["other", 1, [0], "more"]], ["int8"], 99, "more"], "more"]
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(new), type=Hello)
    assert read.terms == Terms(1, 0, "f", (Offer("other", 1, (0,)),), ("int8",), 99)


def test_common() -> None:
    assert common([]) is common([Terms()]) is None
    assert common([Terms(codecs=("a", "b")), Terms(), Terms(codecs=("b",))]) == {"b"}


class TestNumbers:
    def test_places(self) -> None:
        numbers = Numbers()
        numbers.begin({b"": 10})
        taken = [numbers.take(b"", n) for n in (10, 13, 11, 11, 13, 9, 14)]
        assert taken == [
            ("next", 0), ("next", 2), ("late", 0), ("again", 0), ("again", 0), ("again", 0), ("next", 0),
        ]  # fmt: skip

    def test_they_wrap(self) -> None:
        numbers = Numbers()
        numbers.begin({b"": WRAP - 2})
        assert [numbers.take(b"", n) for n in (WRAP - 2, 1, WRAP - 1, 0, 0)] == [
            ("next", 0), ("next", 2), ("late", 0), ("late", 0), ("again", 0),
        ]  # fmt: skip

    def test_memory_is_bounded(self) -> None:
        numbers = Numbers()
        numbers.begin({b"": 0})
        assert numbers.take(b"", 10**9) == ("next", 10**9)
        for i in range(5):
            numbers.take(b"", 10**9 + 100 * (i + 1))
        assert len(numbers._missing[b""]) == LATE
        assert numbers.take(b"", 5) == ("again", 0)


class TestSeen:
    def test_chunks_of_a_message_are_told_apart(self) -> None:
        seen = Seen()
        seen.add(Header(seq=4, index=1, count=2))
        assert seen.knows(Header(seq=4, index=1, count=2))
        assert not seen.knows(Header(seq=4, index=0, count=2))
        assert not seen.knows(Header(seq=3))

    def test_what_is_too_far_behind_counts_as_seen(self) -> None:
        seen = Seen()
        for seq in range(0, 20 * BEHIND):
            seen.add(Header(seq=seq))
        assert len(seen._chunks) <= 2 * BEHIND
        newest = 20 * BEHIND - 1
        assert seen.knows(Header(seq=newest - BEHIND))
        seen.add(Header(seq=newest + 2))
        assert not seen.knows(Header(seq=newest + 1))
