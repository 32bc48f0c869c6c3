"""Sockets: who hears whom, what is counted, and what happens to what should not be there."""

import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec
import pytest
import torch
import zmq

from laco.comm import Chunk, WireError, air_bytes, decode, decode_bytes, encode, encode_bytes, encode_parts
from laco.comm.mesh import Mesh, barrier
from laco.errors import ConfigError, TransportError

NAMES = ("v1", "v10", "v2")


def connected(stack: ExitStack, context, names=NAMES, **options) -> dict[str, Mesh]:
    meshes = {name: stack.enter_context(Mesh(name, context=context, **options)) for name in names}
    endpoints = {name: mesh.endpoint for name, mesh in meshes.items()}
    for mesh in meshes.values():
        mesh.subscribe(endpoints)
    barrier(meshes.values())
    return meshes


@pytest.fixture
def meshes(context) -> Iterator[dict[str, Mesh]]:
    with ExitStack() as stack:
        yield connected(stack, context)


def say(mesh: Mesh, addressee: str, text: bytes) -> tuple[str, int]:
    seq = mesh.next_seq()
    meta = {"sender": mesh.name, "addressee": addressee, "seq": seq}
    mesh.publish(addressee, encode_bytes(text, "note", **meta))
    return mesh.name, seq


def heard(mesh: Mesh, *keys: tuple[str, int], guard: float = 5.0) -> list[bytes]:
    found = mesh.receive(keys, guard)
    return [decode_bytes(found[key]) for key in keys if key in found]


class TestDelivery:
    def test_a_cache_arrives(self, meshes, make_cache) -> None:
        cache = make_cache()
        chunks = encode(cache, "fp32", sender="v1", addressee="v2", seq=4)
        meshes["v1"].publish("v2", chunks)
        got = meshes["v2"].receive({("v1", 4)})
        assert torch.equal(decode(got["v1", 4]).layers[1].keys, cache.layers[1].keys)

    def test_several_chunks_arrive_as_one_message(self, meshes, make_cache) -> None:
        parts = [make_cache().cut([3]), make_cache().cut([4])]
        meshes["v1"].publish("", encode_parts(parts, sender="v1", seq=4))
        got = meshes["v2"].receive({("v1", 4)})
        assert decode(got["v1", 4]).layer_ids == (3, 4)

    def test_a_broadcast_reaches_all_and_an_addressed_message_one(self, meshes) -> None:
        to_all, to_one = say(meshes["v2"], "", b"all"), say(meshes["v2"], "v1", b"one")
        assert heard(meshes["v1"], to_all, to_one) == [b"all", b"one"]
        # v10 starts with v1 and hears nothing of it: the later broadcast would have come after it.
        last = say(meshes["v2"], "", b"last")
        assert heard(meshes["v10"], to_all, last) == [b"all", b"last"]
        assert (meshes["v10"].counters.received, meshes["v10"].counters.dropped) == (2, 0)

    def test_what_does_not_come_is_absent(self, meshes) -> None:
        key = say(meshes["v1"], "", b"x")
        assert heard(meshes["v2"], key, ("v10", 0), ("stranger", 0), guard=0.5) == [b"x"]

    def test_what_is_not_wanted_is_dropped_and_counted(self, meshes) -> None:
        first, second = say(meshes["v1"], "", b"1"), say(meshes["v1"], "", b"2")
        assert heard(meshes["v2"], second) == [b"2"]
        assert meshes["v2"].counters.unwanted == 1
        assert heard(meshes["v2"], first, guard=0.05) == []

    def test_what_is_ahead_of_what_is_wanted_stays(self, meshes) -> None:
        keys = [say(meshes["v1"], "", bytes([i])) for i in range(3)]
        assert [heard(meshes["v2"], key)[0] for key in keys] == [b"\0", b"\1", b"\2"]

    def test_an_unfinished_message_is_counted(self, meshes, make_cache) -> None:
        chunks = encode_parts([make_cache()] * 2, sender="v1", seq=0)
        meshes["v1"].publish("", chunks[:1])
        assert meshes["v2"].receive({("v1", 0)}, guard=0.5) == {}
        assert meshes["v2"].counters.incomplete == 1

    def test_nothing_wanted_waits_for_nothing(self, meshes) -> None:
        assert meshes["v1"].receive([], guard=1e9) == {}

    def test_the_sender_must_be_itself(self, meshes) -> None:
        for sender, addressee in (("v2", ""), ("v1", "v2")):
            with pytest.raises(WireError, match="cannot send as"):
                meshes["v1"].publish("", encode_bytes(b"", "note", sender=sender, addressee=addressee))


class TestBytes:
    def test_air_once_and_socket_per_listener(self, meshes, make_cache) -> None:
        sent = [
            meshes["v1"].publish(to, encode(make_cache(), sender="v1", addressee=to, seq=i))
            for i, to in enumerate(("", "v2", "nobody"))
        ]
        assert [s.listeners for s in sent] == [2, 1, 0]
        assert [s.air.framing for s in sent] == [0, 0, 0]
        assert sent[0].socket.payload == 2 * sent[0].air.payload
        assert sent[1].socket.payload == sent[1].air.payload == 8960
        assert sent[2].socket.total == 0
        assert meshes["v1"].counters.air == sent[0].air + sent[1].air + sent[2].air
        assert meshes["v1"].counters.socket == sent[0].socket + sent[1].socket

    def test_what_is_dropped_is_counted(self, context) -> None:
        with ExitStack() as stack:
            sender, listener = connected(stack, context, ("a", "b"), hwm=5).values()
            block = bytes(1 << 18)
            for _ in range(200):
                say(sender, "b", block)
            taken: set[tuple[str, int]] = set()
            last = None
            while last is None or last not in taken:  # until there is room again
                taken |= set(listener.receive([("a", i) for i in range(200)], guard=0.2))
                last = say(sender, "b", b"last")
                taken |= set(listener.receive([last], guard=0.2))
            counters = listener.counters
            assert counters.dropped > 0
            assert counters.dropped + counters.received == sender.counters.sent

    def test_many_messages_all_arrive(self, meshes) -> None:
        for _ in range(300):
            keys = [say(meshes[name], "", name.encode()) for name in ("v1", "v10")]
            assert heard(meshes["v2"], *keys) == [b"v1", b"v10"]
        counters = meshes["v2"].counters
        assert (counters.received, counters.dropped, counters.unwanted, counters.stale) == (600, 0, 0, 0)


class TestBarrier:
    def test_names_the_link_that_is_missing(self, context) -> None:
        with Mesh("a", context=context) as a, Mesh("b", context=context) as b:
            a.subscribe({"b": b.endpoint})
            missing = r"b -> a \(no hello\), a -> b \(not subscribed\)"
            with pytest.raises(TransportError, match=missing):
                barrier([a, b], timeout=0.1)
            b.subscribe({"a": a.endpoint})
            barrier([a, b])

    def test_a_deaf_peer_is_named(self, context) -> None:
        with ExitStack() as stack:
            meshes = [stack.enter_context(Mesh(name, context=context)) for name in "abc"]
            endpoints = {mesh.name: mesh.endpoint for mesh in meshes}
            for mesh in meshes[:2]:
                mesh.subscribe(endpoints)
            with pytest.raises(TransportError, match=r"c -> a .*a -> c .*c -> b .*b -> c") as error:
                barrier(meshes[:2], timeout=1.0)
            assert "a -> b" not in str(error.value)

    def test_meshes_that_share_nothing_but_the_network(self) -> None:
        """As in different processes: contexts and barriers of their own; each talks once it is through."""
        meshes = [Mesh(name) for name in "abc"]
        endpoints = {mesh.name: mesh.endpoint for mesh in meshes}
        results: dict[str, list[bytes]] = {}

        def live(mesh: Mesh, delay: float) -> None:
            with mesh:
                time.sleep(delay)
                mesh.connect(endpoints)
                say(mesh, "", mesh.name.encode())
                keys = [(name, 0) for name in "abc" if name != mesh.name]
                results[mesh.name] = heard(mesh, *keys)
                done.wait(5.0)  # nobody leaves while others listen

        done = threading.Barrier(3)
        threads = [threading.Thread(target=live, args=(m, 0.1 * i)) for i, m in enumerate(meshes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20.0)
        assert results == {"a": [b"b", b"c"], "b": [b"a", b"c"], "c": [b"a", b"b"]}

    def test_unusable_names_and_endpoints(self, context) -> None:
        for name in ("", "a\0b", "v" * 65):
            with pytest.raises(ConfigError, match="name cannot be"):
                Mesh(name, context=context)
        with pytest.raises(TransportError, match="cannot listen on 203"):
            Mesh("a", host="203.0.113.1")
        with Mesh("a", context=context) as mesh:
            with pytest.raises(TransportError, match="cannot reach b at nonsense"):
                mesh.subscribe({"b": "nonsense"})
            mesh.subscribe({"a": "skipped", "b": mesh.endpoint})
            with pytest.raises(ConfigError, match="has a link to b already"):
                mesh.subscribe({"b": mesh.endpoint})


class TestReset:
    def test_nothing_of_the_old_round_is_heard(self, meshes) -> None:
        for _ in range(5):
            say(meshes["v1"], "", b"old")
        for name in ("v2", "v1", "v10"):
            meshes[name].reset()
        barrier(meshes.values())
        assert say(meshes["v1"], "", b"new") == ("v1", 0)
        assert heard(meshes["v2"], ("v1", 0)) == [b"new"]
        counters = meshes["v2"].counters
        assert (counters.received, counters.dropped, counters.unwanted) == (1, 0, 0)
        assert counters.stale == 5

    def test_a_peer_that_is_ahead_waits(self, meshes) -> None:
        meshes["v1"].reset()
        say(meshes["v1"], "", b"new")
        old = say(meshes["v10"], "", b"old")
        assert heard(meshes["v2"], ("v1", 0), old) == [b"old"]
        for name in ("v2", "v10"):
            meshes[name].reset()
        barrier(meshes.values())
        assert heard(meshes["v2"], ("v1", 0)) == [b"new"]

    def test_counters_begin_anew(self, meshes) -> None:
        say(meshes["v1"], "", b"x")
        meshes["v1"].reset()
        assert meshes["v1"].counters.sent == 0
        assert meshes["v1"].counters.air.total == 0

    def test_a_round_by_number(self, meshes) -> None:
        for mesh in meshes.values():
            mesh.reset(to=7)
        barrier(meshes.values())
        assert {mesh.round for mesh in meshes.values()} == {7}


class Liar:
    """A socket that says what it likes to one listener."""

    def __init__(self, context) -> None:
        self.socket = context.socket(zmq.XPUB)
        self.socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.number = 0

    def wait(self) -> None:
        assert {self.socket.recv(), self.socket.recv()} == {b"\x01\0", b"\x01me\0"}

    def say(self, *frames: bytes, to: bytes = b"me\0", number: int | None = None) -> None:
        number = self.number if number is None else number
        self.socket.send_multipart([to + struct.pack("<I", number), *frames])
        self.number += 1

    def chunk(self, chunk: Chunk, **options) -> None:
        self.say(chunk.header, *chunk.buffers, **options)


def note(text: bytes, sender: str = "liar", seq: int = 0, kind: str = "note", to: str = "me") -> Chunk:
    return encode_bytes(text, kind, sender=sender, addressee=to, seq=seq)[0]


@pytest.fixture
def liar(context) -> Iterator[tuple[Liar, Mesh]]:
    liar = Liar(context)
    with Mesh("me", context=context) as me:
        me.subscribe({"liar": liar.endpoint})
        liar.wait()
        liar.chunk(note(msgspec.msgpack.encode([0, 0]), kind="hello"))
        yield liar, me
    liar.socket.close(linger=0)


class TestLies:
    def test_damage_is_counted_and_never_raises(self, liar) -> None:
        liar, me = liar
        good = note(b"good")
        for frames in ((), (b"",), (b"x" * 40,), (good.header,), (good.header[:-1], b"good")):
            liar.say(*frames)
        liar.say(good.header, b"gooD")
        liar.say(*[good.header] * 70)
        liar.socket.send_multipart([b"me\0", good.header, b"good"])
        liar.chunk(note(b"no hello", kind="hello"))
        liar.chunk(note(b"\xc1", kind="hello"))
        liar.chunk(good)
        reasons = []
        while not (got := me.receive([("liar", 0)])):  # what cannot be read is blamed on what is waited for
            reasons += me.refusals.values()
        assert [bytes(chunk.buffers[0]) for chunk in got["liar", 0]] == [b"good"]
        assert (me.counters.damaged, me.counters.oversized) == (9, 1)
        assert len(reasons) == 10
        assert any("checksum" in reason for reason in reasons)

    def test_another_version_is_refused_at_once_with_the_reason(self, liar) -> None:
        liar, me = liar
        header = bytearray(note(b"x").header)
        header[4] += 1  # the major version
        liar.say(bytes(header), b"x")
        assert me.receive([("liar", 0)]) == {}
        assert "version" in me.refusals["liar", 0]

    def test_a_message_in_another_name_is_counted(self, liar) -> None:
        liar, me = liar
        liar.chunk(note(b"bad", sender="v2"))
        liar.chunk(note(b"bad", to="v2"))
        liar.chunk(note(b"bad", to="me"), to=b"\0", number=0)
        liar.chunk(note(b"good", seq=1))
        assert heard(me, ("liar", 1)) == [b"good"]  # came last: what was before it is counted
        assert (me.counters.spoofed, me.counters.unwanted) == (3, 0)

    def test_gaps_and_repeats_are_counted(self, liar) -> None:
        liar, me = liar
        for number, seq in ((1, 1), (5, 2), (5, 3), (2, 4), (6, 5)):
            liar.chunk(note(b"x", seq=seq), number=number)
        assert len(me.receive([("liar", seq) for seq in (1, 2, 5)])) == 3
        counters = me.counters
        assert (counters.dropped, counters.repeated, counters.reordered, counters.unwanted) == (3, 1, 1, 0)

    def test_what_was_lost_while_reconnecting_is_counted(self, liar) -> None:
        liar, me = liar
        again = note(msgspec.msgpack.encode([0, 4, [], "of a newer version"]), kind="hello")
        liar.chunk(again, number=3)  # 1 and 2 were lost, and four broadcasts
        liar.chunk(note(b"x"), number=4)
        assert heard(me, ("liar", 0)) == [b"x"]
        assert (me.counters.dropped, me.counters.repeated, me.counters.reconnected) == (6, 0, 1)

    def test_numbers_wrap(self, liar) -> None:
        liar, me = liar
        liar.chunk(note(msgspec.msgpack.encode([1, 0]), kind="hello"), number=2**32 - 2)
        me.reset()
        for seq, number in enumerate((2**32 - 1, 0, 1)):
            liar.chunk(note(b"x", seq=seq), number=number)
        assert len(me.receive([("liar", i) for i in range(3)], guard=1.0)) == 3
        assert me.counters.dropped == 0


def test_sent_is_air(make_cache, context) -> None:
    with Mesh("alone", context=context) as mesh:
        chunks = encode(make_cache(), sender="alone")
        assert mesh.publish("", chunks).air == air_bytes(chunks)


def test_closing_twice_and_with_own_context() -> None:
    mesh = Mesh("a")
    mesh.close()
    mesh.close()
    assert mesh._context.closed


def test_what_is_there_too_early_is_kept_for_the_next_call(meshes) -> None:
    """`told` says up to which number the caller knows what it wants."""
    sender, listener, *_ = meshes.values()
    first, second, third, _ = (say(sender, "", b"x") for _ in range(4))
    assert listener.receive({second}, 5.0, {first[0]: second[1]}).keys() == {second}
    assert listener.counters.unwanted == 1  # the first: it came before what was wanted
    assert listener.receive(set(), 5.0, {first[0]: second[1]}) == {}  # reads what is there
    assert listener.receive({third}, 5.0, {first[0]: third[1]}).keys() == {third}
    assert listener.counters.unwanted == 1


def test_what_was_too_early_is_forgotten_with_its_link(meshes) -> None:
    sender, listener, other = meshes.values()
    first, _ = say(sender, "", b"x"), say(sender, "", b"y")
    assert listener.receive({first}, 5.0, {sender.name: first[1]}).keys() == {first}
    time.sleep(0.05)  # for the second one to be there
    listener.receive(set(), 0.0, {sender.name: first[1]})
    assert listener._early
    listener.keep({other.name: other.endpoint})
    kept = say(other, "", b"z")
    assert listener.receive({kept}, 5.0).keys() == {kept}
