"""What a listener has not taken waits in its own buffer: nothing blocks, the oldest go first."""

import socket
from collections.abc import Iterator

import pytest

from laco.scenarios.server import streaming
from laco.scenarios.server.streaming import EPISODE_STREAM, Hub, Subscriber

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The server's end, non-blocking and with small buffers, and the listener's."""
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    near.setblocking(False)
    far.settimeout(5.0)
    yield near, far
    near.close()
    far.close()


def message(number: int, size: int = 2000) -> bytes:
    return bytes([number]) * size


def read(subscriber: Subscriber, far: socket.socket, size: int) -> bytes:
    """`size` bytes as the listener gets them, the server flushing in between."""
    got = b""
    while len(got) < size:
        got += far.recv(size - len(got))
        subscriber.flush()
    return got


def test_a_slow_live_listener_loses_the_oldest_and_gets_the_newest(pair: Pair) -> None:
    near, far = pair
    blocked: list[bool] = []
    subscriber = Subscriber(near, lambda: blocked.append(True))
    for number in range(100):
        subscriber.offer(message(number), lockstep=False)
    assert blocked == [True]
    assert subscriber.dropped > 80
    whole = read(subscriber, far, 2000 * (100 - subscriber.dropped))
    numbers = list(whole[::2000])
    assert whole == b"".join(message(number) for number in numbers)  # none is torn
    assert numbers == sorted(set(numbers))
    assert numbers[-streaming.LIVE_MESSAGES :] == [96, 97, 98, 99]
    assert not subscriber.blocked


def test_in_lockstep_nothing_is_lost_within_the_limit(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = pair
    subscriber = Subscriber(near, lambda: None)
    for number in range(100):
        subscriber.offer(message(number), lockstep=True)
    assert subscriber.dropped == 0
    assert list(read(subscriber, far, 200_000)[::2000]) == list(range(100))
    monkeypatch.setattr(streaming, "LOCKSTEP_BYTES", 10_000)
    for number in range(100):
        subscriber.offer(message(number), lockstep=True)
    assert subscriber.dropped > 80


def test_a_listener_that_left_is_forgotten_and_the_others_hear_on(pair: Pair) -> None:
    hub = Hub()
    gone, other = socket.socketpair()
    for sock in (gone, pair[0]):
        hub.subscribe(EPISODE_STREAM, Subscriber(sock, lambda: None))
    gone.close()
    hub.publish(EPISODE_STREAM, message(1), lockstep=True)
    hub.publish(EPISODE_STREAM, message(2), lockstep=True)
    assert pair[1].recv(4000, socket.MSG_WAITALL) == message(1) + message(2)
    other.close()


def test_a_closed_stream_is_silent_but_accepts(pair: Pair) -> None:
    hub = Hub()
    stream = hub.open()
    hub.subscribe(stream, Subscriber(pair[0], lambda: None))
    assert hub.heard(stream)
    hub.close(stream)
    hub.publish(stream, message(1), lockstep=True)
    hub.subscribe(stream, Subscriber(pair[0], lambda: None))
    assert not hub.heard(stream)
    pair[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        pair[1].recv(1)
