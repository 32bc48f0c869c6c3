"""Whatever comes in, the server answers or hangs up, says so in a line, and keeps serving.

Random requests are drawn from a fixed seed: a failure comes again.
"""

import contextlib
import copy
import json
import math
import random
import resource
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import carla
import msgpack
import pytest

from laco.scenarios.server.launch import WorldProcess

SEED = 20260
ROUNDS = 12  # random argument lists for each method
GROUPS: dict[str, dict[str, list[Any]]] = json.loads(Path(__file__).with_name("methods.json").read_text())
SHEET = {name: arguments for group in GROUPS.values() for name, arguments in group.items()}
ODD: list[Any] = [
    None, True, -1, 0, 2**31, 2**32, 2**63, -(2**63), 2**64 - 1, 1e308, float("nan"), float("inf"), -0.0, "", "\x00",
    "é" * 300, b"", b"\xff" * 40, [], [[]], [None], {}, {"a": 1}, {1: [2]}, [1, "x", None], [float("nan")] * 3,
    msgpack.ExtType(5, b"ext"), [[[[[]]]]], [-1] * 20,
]  # fmt: skip
MEGABYTE = 1 << 20


def connect(server: WorldProcess) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.port))
    sock.settimeout(10.0)
    return sock


def ask(sock: socket.socket, method: Any, arguments: list[Any], waits: bool = True) -> list[Any] | None:
    """`[error, result]`, or None when the server hung up."""
    sock.sendall(msgpack.packb([0, 1, method, [[not waits], *arguments]], use_bin_type=True, default=str))
    return answer(sock)


def answer(sock: socket.socket) -> list[Any] | None:
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, unicode_errors="surrogateescape")
    while True:
        try:
            data = sock.recv(1 << 16)
        except ConnectionResetError:
            return None
        if not data:
            return None
        unpacker.feed(data)
        for kind, number, error, result in unpacker:
            assert (kind, number) == (1, 1)
            return [error, result]


@pytest.fixture(autouse=True)
def healthy(server: WorldProcess) -> Iterator[None]:
    """After each test a well-behaved client ticks, and everything it is told has the right shape."""
    yield
    with connect(server) as sock:
        settings = [True, False, [True, 0.05], True, 0.01, 10, 0.0, True, 3000.0, 2000.0, True]
        assert ask(sock, "load_new_episode", ["crossing", True, 65535]) == [None, [[False]]]
        frame = ask(sock, "set_episode_settings", [settings])
        assert frame is not None
        ticked = ask(sock, "tick_cue", [])
        assert ticked == [None, [[1, frame[1][0][1] + 1]]]


def resident(server: WorldProcess) -> int:
    """Memory of the server [bytes]."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def mutated(rng: random.Random, arguments: list[Any], ids: list[int]) -> list[Any]:
    """The right arguments with one to three odd values somewhere in them, one too few or one too many."""
    whole: list[Any] = json.loads(json.dumps(arguments))
    whole = [rng.choice(ids) if argument in ("car", "walker", "light") else argument for argument in whole]
    for _ in range(rng.randint(1, 3)):
        place: list[Any] = whole
        while (
            place
            and (inner := [part for part in place if isinstance(part, list) and part])
            and rng.random() < 0.6
        ):
            place = rng.choice(inner)
        if place and rng.random() < 0.8:
            place[rng.randrange(len(place))] = copy.deepcopy(rng.choice(ODD))
        elif place and rng.random() < 0.5:
            place.pop()
        else:
            place.append(copy.deepcopy(rng.choice(ODD)))
    return whole


@pytest.mark.parametrize("method", sorted(SHEET))
def test_wrong_types_in_every_method(server: WorldProcess, method: str) -> None:
    rng = random.Random(f"{SEED} {method}")
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(connect(server))
        spawn = [[0, "vehicle.tesla.model3", []], [[0.0, 60.0, 0.0], [0.0, 0.0, 0.0]]]
        car = ask(sock, "spawn_actor", spawn)
        assert car is not None
        ids = [1, car[1][0][1][0], 987654]
        for _ in range(ROUNDS):
            arguments = mutated(rng, SHEET[method], ids)
            waits = rng.random() < 0.7
            given = ask(sock, method, arguments, waits)
            assert given is not None, arguments
            assert ask(sock, "tick_cue", []) is not None


def test_what_one_client_sends_spoils_no_other(server: WorldProcess) -> None:
    """After odd values in every method, on one and the same episode, the real client still understands whatever it
    is told; its library ends a wrong type with `std::bad_cast`."""
    rng = random.Random(SEED)
    with connect(server) as sock:
        spawn = [[0, "vehicle.tesla.model3", []], [[0.0, 60.0, 0.0], [0.0, 0.0, 0.0]]]
        car = ask(sock, "spawn_actor", spawn)
        assert car is not None
        id = car[1][0][1][0]
        for method in sorted(SHEET.keys() - {"load_new_episode", "destroy_actor"}):
            for _ in range(4 * ROUNDS):
                assert ask(sock, method, mutated(rng, SHEET[method], [id])) is not None
    client = carla.Client("127.0.0.1", server.port)
    client.set_timeout(10.0)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode = True
    world.apply_settings(settings)
    world.tick()
    actor = world.get_actor(id)
    assert actor.type_id == "vehicle.tesla.model3"
    assert math.isfinite(actor.get_location().x + actor.get_velocity().x + actor.get_acceleration().x)
    assert math.isfinite(world.get_weather().cloudiness)
    assert len(actor.get_physics_control().wheels) == 4
    assert int(actor.get_light_state()) >= 0
    assert math.isfinite(actor.get_ackermann_controller_settings().speed_kp)
    assert math.isfinite(actor.get_telemetry_data().speed)
    assert {other.id: other.attributes for other in world.get_actors()}[id]["role_name"]
    assert math.isfinite(world.get_imui_sensor_gravity())
    assert world.get_vehicles_light_states().keys() >= {id}
    assert world.get_environment_objects() == []  # the crossing has none


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("method", ["", "no_such_thing", "é", "x" * 100_000, "__class__", "tick_cue "])
def test_unknown_methods(server: WorldProcess, method: str, waits: bool) -> None:
    with connect(server) as sock:
        given = ask(sock, method, [1, 2], waits)
    assert given is not None
    error, result = given
    assert (result == [[False]] and error is None) if not waits else "could not find function" in error


RUBBISH: dict[str, Callable[[random.Random], bytes]] = {
    "random bytes": lambda rng: rng.randbytes(4096),
    "a web browser": lambda rng: b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no array": lambda rng: msgpack.packb({"a": 1}),
    "too short": lambda rng: msgpack.packb([0, 1, "version"]),
    "no metadata": lambda rng: msgpack.packb([0, 1, "version", []]),
    "a notification": lambda rng: msgpack.packb([2, "version", [[False]]]),
    "an answer": lambda rng: msgpack.packb([1, 1, None, [[False]]]),
    "a method that is a list": lambda rng: msgpack.packb([0, 1, ["version"], [[False]]]),
    "an id that is text": lambda rng: msgpack.packb([0, "1", "version", [[False]]]),
    "an array of 4 G": lambda rng: b"\xdd\xff\xff\xff\xff",
    "a map of 4 G": lambda rng: b"\xdf\xff\xff\xff\xff",
    "arrays in arrays": lambda rng: b"\x91" * 10_000,
    "arrays of a million in arrays": lambda rng: b"\xdd\x00\x0f\xff\xff" * 10_000,
    "maps in maps": lambda rng: b"\x81\x01" * 10_000,
    "as deep as it goes": lambda rng: b"\x91" * 1020 + b"\xc0",
    "deep but right": lambda rng: b"\x91" * 900 + b"\xc0",
}


@pytest.mark.parametrize("kind", RUBBISH)
def test_rubbish_is_hung_up_on(server: WorldProcess, kind: str) -> None:
    before = resident(server)
    rubbish = RUBBISH[kind](random.Random(SEED))
    with connect(server) as sock:
        sock.sendall(rubbish)
        sock.shutdown(socket.SHUT_WR)
        while answer(sock) is not None:
            pass
    assert resident(server) - before < 64 * MEGABYTE


@pytest.mark.parametrize(
    "head", [b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01"]
)
def test_promises_of_4_gigabytes_take_no_memory(server: WorldProcess, head: bytes) -> None:
    """A string, bytes, an extension: only what has come is kept, and the client may wait or leave."""
    before = resident(server)
    with connect(server) as sock:
        sock.sendall(b"\x94\x00\x01" + head + b"x" * MEGABYTE)
        time.sleep(0.1)
        with connect(server) as other:
            assert ask(other, "version", []) == [None, [[1, "0.9.16"]]]
    assert resident(server) - before < 64 * MEGABYTE


@pytest.mark.parametrize("depth", [100, 500, 900, 1020, 5000])
@pytest.mark.parametrize("method", ["apply_batch", "get_actors_by_id", "set_weather_parameters", "send"])
def test_deep_arguments(server: WorldProcess, method: str, depth: int) -> None:
    name = msgpack.packb(method)
    with connect(server) as sock:
        sock.sendall(b"\x94\x00\x01" + name + b"\x92\x91\xc2" + b"\x91" * depth + b"\xc0")
        sock.shutdown(socket.SHUT_WR)
        answer(sock)


def test_half_a_request_and_then_the_rest(server: WorldProcess) -> None:
    request = msgpack.packb([0, 1, "version", [[False]]])
    with connect(server) as sock:
        for byte in request:
            sock.sendall(bytes([byte]))
        assert answer(sock) == [None, [[1, "0.9.16"]]]
        sock.sendall(request[:5])


def test_clients_that_vanish_in_the_middle(server: WorldProcess) -> None:
    rng = random.Random(SEED)
    request = msgpack.packb([0, 1, "get_actor_definitions", [[False]]])
    for _ in range(100):
        sock = connect(server)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no goodbye
        sock.sendall((request * 3)[: rng.randint(1, 3 * len(request))])
        sock.close()


def send_for_ever(sock: socket.socket, request: bytes) -> None:
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline:
        sock.sendall(request)


def test_a_client_that_never_reads_its_answers_is_hung_up_on(server: WorldProcess) -> None:
    """What waits for it is some 64 MB at most."""
    before = resident(server)
    request = msgpack.packb([0, 1, "get_map_data", [[False]]])
    with connect(server) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            send_for_ever(sock, request)
        with connect(server) as other:
            assert ask(other, "version", []) == [None, [[1, "0.9.16"]]]
    assert resident(server) - before < 128 * MEGABYTE


@pytest.mark.parametrize(
    "hello",
    [b"", b"\x01", b"\x01\x00\x00", struct.pack("<I", 12345), struct.pack("<I", 2**32 - 1), b"\x00" * 1000],
)
def test_odd_listeners(server: WorldProcess, hello: bytes) -> None:
    """Too short, too long, or of a stream that there is not."""
    with connect(server) as sock:
        given = ask(sock, "get_sensor_token", [1])
        assert given is not None
        _, port = struct.unpack_from("<IH", given[1][0][1][0])
        with socket.create_connection(("127.0.0.1", port)) as listener:
            listener.sendall(hello)
            assert ask(sock, "tick_cue", []) is not None
        assert ask(sock, "tick_cue", []) is not None


def test_a_thousand_clients_come_at_once(server: WorldProcess) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(connect(server)) for _ in range(1000)]
            for sock in socks[::100]:
                assert ask(sock, "version", []) == [None, [[1, "0.9.16"]]]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_when_files_run_out_it_turns_away_and_goes_on() -> None:
    """Allowed 40 descriptors, it serves whom it can, hangs up on the rest, and takes new ones once others leave."""
    with WorldProcess() as server, contextlib.ExitStack() as stack:
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (40, hard))
        socks = [stack.enter_context(connect(server)) for _ in range(60)]
        answers = [attempt(sock) for sock in socks]
        assert 20 < answers.count("0.9.16") < 40
        assert answers.count(None) == 60 - answers.count("0.9.16")
        for sock in socks:
            sock.close()
        with connect(server) as late:
            assert attempt(late) == "0.9.16"


def attempt(sock: socket.socket) -> str | None:
    """The server's version, or None when it has hung up."""
    try:
        given = ask(sock, "version", [])
    except BrokenPipeError:
        return None
    return given[1][0][1] if given is not None else None


def test_it_is_reached_from_this_machine_only(server: WorldProcess) -> None:
    """Every port it listens on is bound to 127.0.0.1."""
    inodes = {link.readlink().name for link in Path(f"/proc/{server.pid}/fd").iterdir() if link.is_symlink()}
    rows = [line.split() for line in Path(f"/proc/{server.pid}/net/tcp").read_text().splitlines()[1:]]
    mine = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]
    assert len(mine) == 2
    assert {address.split(":")[0] for address in mine} == {"0100007F"}
