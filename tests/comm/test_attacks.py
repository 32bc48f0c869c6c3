"""0 of 10,000 forged, replayed or untrusted messages are accepted, and the good ones among them all arrive.

The attackers are raw sockets: without a key, with a key that nobody trusts, with a trusted key but in another
vehicle's name, with frames recorded earlier, and a cable that flips bits.
"""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import zmq

from laco.comm import Chunk, decode_bytes, encode_bytes
from laco.comm.handshake import Terms
from laco.comm.link import MAX_SUBSCRIPTION, Counters, hello
from laco.comm.mesh import Mesh, barrier
from laco.comm.security import Keyring
from laco.comm.security.curve import Curve
from laco.comm.security.gate import Gatekeeper
from laco.errors import ConfigError, TransportError

Frames = list[bytes]
SEED = 20260628


@dataclass
class Host:
    """A machine: its keys and a context with CURVE on it."""

    ring: Keyring
    context: "zmq.Context[zmq.Socket[bytes]]"
    curve: Curve


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[[str], Host]]:
    """Machines by name; the first one made is the victim, whom all trust."""
    made: list[Host] = []

    def make(name: str) -> Host:
        ring = Keyring(tmp_path / name)
        ring.new(name)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        made.append(Host(ring, context, Curve(ring, context)))
        return made[-1]

    yield make
    for one in made:
        one.curve.close()
        one.context.destroy(0)


def befriend(*hosts: Host) -> None:
    for one in hosts:
        for other in hosts:
            if one is not other:
                one.ring.trust(other.ring.own().name, other.curve.public)


def note(text: bytes, sender: str, seq: int, *, to: str = "", at: float = 0.0) -> Chunk:
    return encode_bytes(text, "note", sender=sender, addressee=to, seq=seq, sim_time=at)[0]


def frames(chunk: Chunk, number: int, to: str = "") -> Frames:
    return [to.encode() + b"\0" + struct.pack("<I", number % 2**32), chunk.header, *map(bytes, chunk.buffers)]


def greeting(sender: str, round_number: int, number: int) -> Frames:
    return frames(hello(sender, "me", round_number, number, Terms()), number, "me")


class Insider:
    """A trusted machine whose vehicle says what it likes, frame by frame."""

    def __init__(self, home: Host, name: str) -> None:
        self.name, self.number, self.seq = name, 0, 0
        self.socket = home.context.socket(zmq.XPUB)
        self.socket.linger = self.socket.sndhwm = 0
        home.curve.serve(self.socket, "mesh")
        self.socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.public = home.curve.public

    def open(self) -> None:
        """Waits for the listener, and greets it as any vehicle would."""
        assert {self.socket.recv(), self.socket.recv()} == {b"\x01\0", b"\x01me\0"}
        self.send(greeting(self.name, 0, 0))

    def send(self, message: Frames) -> None:
        self.socket.send_multipart(message)

    def good(self, at: float) -> tuple[tuple[str, int], Frames]:
        """A message as an honest vehicle sends it: its key, and its frames."""
        message = frames(note(b"good", self.name, self.seq, at=at), self.number)
        self.number += 1
        self.seq += 1
        return (self.name, self.seq - 1), message


def flipped(rng: random.Random, message: Frames) -> Frames:
    """The message with one bit changed somewhere behind the topic."""
    index = rng.randrange(1, len(message))
    spoiled = bytearray(message[index])
    spoiled[rng.randrange(len(spoiled))] ^= 1 << rng.randrange(8)
    return [*message[:index], bytes(spoiled), *message[index + 1 :]]


def test_an_insider_gets_nothing_in_but_its_own_new_messages(host: Callable[[str], Host]) -> None:
    """5,880 bad messages, between them 300 good ones, on a link that is encrypted and trusted."""
    rng = random.Random(SEED)
    victim, mallory = host("victim"), host("mallory")
    befriend(victim, mallory)
    insider = Insider(mallory, "mal")
    with Mesh("me", context=victim.context, curve=victim.curve) as me:
        me.max_age = 0.5
        me.subscribe({"mal": insider.endpoint}, {"mal": insider.public})
        insider.open()
        said: list[Frames] = []
        keys: list[tuple[str, int]] = []
        bad = 0
        for step in range(300):
            now = float(step)
            key, message = insider.good(now)
            insider.send(message)
            said.append(message)
            keys.append(key)
            # What cannot be read is taken for the one message that is waited for, so none comes before the last one.
            for _ in range(0 if step % 50 == 48 else 20):
                kind = bad % 6
                bad += 1
                bogus = 100_000 + bad
                number = insider.number
                if kind == 0:  # in another vehicle's name, or to another
                    sender, to = rng.choice([("B", ""), ("me", ""), ("mal", "me")])
                    insider.send(frames(note(b"bad", sender, bogus, to=to, at=now), number))
                elif kind == 1:  # recorded earlier, as it was
                    insider.send(rng.choice(said))
                    continue
                elif kind == 2:  # recorded earlier, under a new number
                    old = rng.choice(said)
                    insider.send([b"\0" + struct.pack("<I", number), *old[1:]])
                elif kind == 3:  # too old by simulation time, and never heard of
                    insider.send(frames(note(b"bad", "mal", 50_000 + bad, at=now - 0.6), number))
                elif kind == 4:  # damaged: never the newest message's number, or it would be mistaken for it
                    insider.send(flipped(rng, frames(note(b"bad", "mal", bogus, at=now), number)))
                else:  # beyond the limits
                    many = [b""] * 65
                    insider.send([b"\0" + struct.pack("<I", number), message[1], *many])
                insider.number += 1
            if step % 50 == 49:
                batch, keys = keys, []
                got = me.receive(batch, guard=10.0)
                assert {bytes(decode_bytes(chunks)) for chunks in got.values()} == {b"good"}
                assert sorted(got) == batch
        last = [insider.good(1e4) for _ in range(2)]
        for _, message in last:
            insider.send(message)
        assert len(me.receive([key for key, _ in last], guard=10.0)) == 2
        counters = me.counters
    insider.socket.close(0)
    each = bad // 6
    assert bad == 6 * each == 5880
    assert counters.repeated == counters.oversized == each
    assert counters.stale + counters.replayed >= 2 * each  # a replay may be too old as well
    assert counters.replayed > 0
    # A flipped bit may also make another sender, another time, or an honest message that nobody waits for.
    others = counters.damaged + counters.unwanted + counters.spoofed + counters.stale + counters.replayed
    assert others == 4 * each
    assert counters.spoofed >= each


def test_old_rounds_and_reordered_chunks_stay_out(host: Callable[[str], Host]) -> None:
    """1,000 of each."""
    victim, mallory = host("victim"), host("mallory")
    befriend(victim, mallory)
    insider = Insider(mallory, "mal")
    with Mesh("me", context=victim.context, curve=victim.curve) as me:
        me.subscribe({"mal": insider.endpoint}, {"mal": insider.public})
        insider.open()
        for seq in range(1000):
            insider.send(frames(note(b"old", "mal", seq), seq))
        me.reset()
        insider.send(greeting("mal", 1, 1000))
        insider.send(frames(note(b"good", "mal", 0), 2000))
        insider.send(greeting("mal", 0, 1000))  # back to the old round: not believed
        for number in reversed(range(1000, 2000)):
            insider.send(frames(note(b"late", "mal", number), number))
        insider.send(frames(note(b"good", "mal", 3000), 2001))
        wanted = [("mal", seq) for seq in (0, 3000)]
        got = me.receive(wanted, guard=10.0)
        assert sorted(got) == wanted
        assert [bytes(decode_bytes(got[key])) for key in wanted] == [b"good", b"good"]
        counters = me.counters
    insider.socket.close(0)
    assert counters.stale == 1001
    assert (counters.reordered, counters.repeated) == (1000, 0)


def shout(endpoint: str, secure: Callable[[zmq.Socket[bytes]], None], times: int) -> None:
    """Connects to a vehicle's own socket in every way a sender could, and says something."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    for kind in (zmq.PUB, zmq.XSUB, zmq.PAIR, zmq.PUSH, zmq.DEALER):
        out = context.socket(kind)
        out.linger = 0
        secure(out)
        out.connect(endpoint)
        with suppress(zmq.ZMQError):
            for seq in range(times // 5):
                out.send_multipart(frames(note(b"bad", "B", seq, to="me"), seq, "me"), zmq.NOBLOCK)
    time.sleep(0.3)
    context.destroy(0)


def test_strangers_are_neither_let_in_nor_listened_to(host: Callable[[str], Host]) -> None:
    """2,000 messages at the victim's own socket, and 1,000 from somebody who sits where B should be."""
    victim, friend, stranger = host("victim"), host("friend"), host("stranger")
    befriend(victim, friend)
    stranger.ring.trust("victim", victim.curve.public)
    stranger.ring.trust("friend", friend.curve.public)
    with ExitStack() as stack:
        me = stack.enter_context(Mesh("me", context=victim.context, curve=victim.curve))
        b = stack.enter_context(Mesh("B", context=friend.context, curve=friend.curve))
        me.subscribe({"B": b.endpoint}, {"B": friend.curve.public})
        b.subscribe({"me": me.endpoint}, {"me": victim.curve.public})
        barrier([me, b])
        shout(me.endpoint, lambda out: None, 1000)
        shout(me.endpoint, lambda out: stranger.curve.pin(out, victim.curve.public), 1000)
        b.publish("", [note(b"good", "B", 0)])
        assert list(me.receive([("B", 0), ("stranger", 0)], guard=1.0)) == [("B", 0)]
        assert victim.curve.refused > 0
        assert (me.counters.received, me.counters.damaged, me.counters.spoofed) == (1, 0, 0)
        assert set(+me._subscribers) == {b"\0", b"B\0"}  # nobody else hears

        false = stack.enter_context(Mesh("me2", context=victim.context, curve=victim.curve))
        imposter = Insider(stranger, "B")
        false.subscribe({"B": imposter.endpoint}, {"B": friend.curve.public})
        for seq in range(1000):
            imposter.send(frames(note(b"bad", "B", seq), seq))
        with pytest.raises(TransportError, match="not ready"):
            barrier([false], timeout=0.5)
        assert false.receive([("B", seq) for seq in range(1000)], guard=0.2) == {}
        assert false.counters == Counters()
        imposter.socket.close(0)


class Cable:
    """A TCP cable to `port` that can flip bits on the way to the listener, and records what goes there."""

    def __init__(self, port: int) -> None:
        self.flip = False
        self.recorded = bytearray()
        self._port = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._ends += [near, far]
                for source, target, spoil in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._carry, args=(source, target, spoil), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, spoil: bool) -> None:
        with suppress(OSError):
            while data := bytearray(source.recv(1 << 16)):
                if spoil:
                    self.recorded += data
                    if self.flip:
                        data[len(data) // 2] ^= 4
                target.sendall(data)

    def close(self) -> None:
        for end in (self._server, *self._ends):
            end.close()


def test_a_cable_that_flips_bits_or_plays_a_recording(host: Callable[[str], Host]) -> None:
    """Whatever arrives is whole; a recorded stream, 500 messages, means nothing on a new connection."""
    victim, friend = host("victim"), host("friend")
    befriend(victim, friend)
    with ExitStack() as stack:
        me = stack.enter_context(Mesh("me", context=victim.context, curve=victim.curve))
        b = stack.enter_context(Mesh("B", context=friend.context, curve=friend.curve))
        cable = Cable(int(b.endpoint.rpartition(":")[2]))
        stack.callback(cable.close)
        me.subscribe({"B": f"tcp://127.0.0.1:{cable.port}"}, {"B": friend.curve.public})
        b.subscribe({"me": me.endpoint}, {"me": victim.curve.public})
        barrier([me, b])
        for seq in range(500):
            b.publish("", [note(b"good", "B", seq)])
        assert len(me.receive([("B", seq) for seq in range(500)], guard=10.0)) == 500
        assert b"good" not in cable.recorded  # encrypted
        cable.flip = True
        for seq in range(500, 600):
            b.publish("", [note(b"good", "B", seq)])
        got = me.receive([("B", seq) for seq in range(500, 600)], guard=0.5)
        assert {bytes(decode_bytes(chunks)) for chunks in got.values()} <= {b"good"}
        cable.flip = False
        barrier([me, b])
        assert (me.counters.damaged, me.counters.spoofed, me.counters.replayed) == (0, 0, 0)

        record = bytes(cable.recorded)
        server = socket.create_server(("127.0.0.1", 0))
        stack.callback(server.close)
        deaf = stack.enter_context(Mesh("deaf", context=victim.context, curve=victim.curve))
        deaf.subscribe({"B": f"tcp://127.0.0.1:{server.getsockname()[1]}"}, {"B": friend.curve.public})
        server.settimeout(5.0)
        end, _ = server.accept()
        with suppress(OSError):  # it may hang up before we are through
            end.sendall(record)
        assert deaf.receive([("B", seq) for seq in range(500)], guard=0.5) == {}
        assert deaf.counters == Counters()
        end.close()


def test_a_runner_that_is_none_gets_no_answer(host: Callable[[str], Host]) -> None:
    """1,000 requests without a key, and with one that may be heard but may not run vehicles."""
    victim, friend = host("victim"), host("friend")
    befriend(victim, friend)
    door = victim.context.socket(zmq.PAIR)
    victim.curve.serve(door, "control")
    door.bind("tcp://127.0.0.1:*")
    endpoint = door.getsockopt_string(zmq.LAST_ENDPOINT)
    request = msgspec.msgpack.encode({"type": "Stop"})
    tries = [zmq.Context() for _ in range(2)]
    for number, context in enumerate(tries):
        out = context.socket(zmq.PAIR)
        out.linger = 0  # what is refused would be kept for ever
        if number:
            own = friend.ring.own()
            out.curve_publickey, out.curve_secretkey = own.public.encode(), own.secret
            out.curve_serverkey = victim.curve.public.encode()
        out.connect(endpoint)
        with suppress(zmq.Again):
            for _ in range(500):
                out.send(request, zmq.NOBLOCK)
    assert not door.poll(1000)
    assert victim.curve.refused > 0
    for context in tries:
        context.destroy(0)
    friend_now = friend.ring.own()
    victim.ring.untrust("friend")
    victim.ring.trust("friend", friend_now.public, runner=True)
    out = friend.context.socket(zmq.PAIR)
    friend.curve.pin(out, victim.curve.public)
    out.connect(endpoint)
    out.send(request)
    assert door.poll(5000)
    out.close(0)
    door.close(0)


def test_a_peer_that_is_not_trusted_is_not_listened_to(host: Callable[[str], Host]) -> None:
    victim, stranger = host("victim"), host("stranger")
    with Mesh("me", context=victim.context, curve=victim.curve) as me:
        for keys in ({"B": stranger.curve.public}, {}, None):
            with pytest.raises(ConfigError, match="me does not listen to B: its key is not trusted here"):
                me.subscribe({"B": "tcp://127.0.0.1:1"}, keys)
        assert me.secure
        assert me.peers == frozenset()


def test_without_a_gatekeeper_nobody_gets_in(host: Callable[[str], Host]) -> None:
    """libzmq lets everybody in then, unless told otherwise."""
    victim, friend = host("victim"), host("friend")
    befriend(victim, friend)
    victim.curve.close()
    with Mesh("me", context=victim.context, curve=victim.curve) as me:
        shout(me.endpoint, lambda out: friend.curve.pin(out, victim.curve.public), 10)
        me._see_subscribers()
        assert not me._subscribers


def test_a_key_folder_that_became_readable_lets_nobody_in(host: Callable[[str], Host]) -> None:
    asked = []

    def broken(domain: str, key: str) -> bool:
        asked.append(domain)
        raise ConfigError("can be opened by others")

    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    gate = Gatekeeper(context, broken)
    with pytest.raises(zmq.ZMQError):  # one per context
        Gatekeeper(context, broken)
    out = context.socket(zmq.REQ)
    out.connect("inproc://zeromq.zap.01")
    for request in ([b"1.0", b"7", b"mesh", b"", b"", b"CURVE", b"k" * 32], [b"1.0", b"7"], [b""], [b"x"] * 9):
        out.send_multipart(request)
        assert out.recv_multipart()[2] == b"400"
    assert (asked, gate.refused) == (["mesh"], 4)
    out.close(0)
    gate.close()
    gate.close()
    context.term()


def test_a_subscriber_cannot_fill_the_memory(host: Callable[[str], Host]) -> None:
    """What comes up to a sender are subscriptions: longer ones end the connection."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with Mesh("me", context=context) as me:
        out = context.socket(zmq.SUB)
        out.linger = 0
        out.connect(me.endpoint)
        out.setsockopt(zmq.SUBSCRIBE, b"x" * (MAX_SUBSCRIPTION + 1))
        time.sleep(0.3)
        me._see_subscribers()
        assert not +me._subscribers
        out.close(0)
    context.term()
