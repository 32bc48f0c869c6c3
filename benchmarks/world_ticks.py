"""How fast the embedded world ticks, as a share of a server that does nothing.

A tick is one small request, one frame on the stream and one small answer: two wake-ups of the client's
threads and the loopback's system calls bound it, not the simulation. So an *echo* server (blocking sockets,
constant bytes: a tick answer, and a frame of headers with no actor) runs beside the world, both driven by
`world.tick()` of the real `carla` client in short turns, so that what else the machine does hits both. The
ratio is the median over turns; rates are medians, too. The last line is one JSON object.

What limits each number: with 0 to 10 vehicles, the server's own loop around the two messages (the compiled step
and the frame take some 10 us). With 50, also the client, which unpacks 6 kB of records a tick. In the last case
(`50 driven`: `apply_control`, then `get_transform` and `get_velocity`, for each of 50 vehicles in every tick) the
50 extra requests: each is sent, decoded and answered on its own, on the client's and on the server's side.

    python benchmarks/world_ticks.py [--turns 40] [--ticks 100]
"""

import argparse
import contextlib
import json
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

COUNTS = (0, 1, 10, 50)
CASES = [(count, False) for count in COUNTS] + [(50, True)]  # vehicles, and whether they are driven
JUDGED = "10"
WARM_UP = 50  # ticks


class Result(NamedTuple):
    """Rates [ticks/s] of the echo server and of the world, turn by turn."""

    case: str
    pairs: list[tuple[float, float]]

    @property
    def echo(self) -> float:
        return statistics.median(echo for echo, _ in self.pairs)

    @property
    def world(self) -> float:
        return statistics.median(world for _, world in self.pairs)

    @property
    def ratio(self) -> float:
        return statistics.median(world / echo for echo, world in self.pairs)


def echo() -> None:
    """The empty server: answers what a connecting client asks and then only ticks. Runs until its client
    leaves."""
    import socket

    import msgpack

    calls, streams = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{calls.getsockname()[1]}\n")
    sys.stdout.flush()
    token = struct.pack("<IHBB16x", 1, streams.getsockname()[1], 1, 0)
    settings = [True, False, [True, 0.05], True, 0.01, 10, 0.0, True, 3000.0, 2000.0, True]
    answers = {
        "version": "0.9.16",
        "get_episode_info": [1, [token]],
        "get_sensor_token": [token],
        "get_episode_settings": settings,
        "get_required_files": [],
        "query_lights_state": [],
    }
    header, pack = struct.Struct("<IQQd6fQdfiiiI"), msgpack.Packer().pack
    caller, _ = calls.accept()
    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    unpacker, listener, frame = msgpack.Unpacker(raw=False), None, 0
    while data := caller.recv(65536):
        unpacker.feed(data)
        for _, number, method, _arguments in unpacker:
            if method == "tick_cue":
                frame += 1
                if listener is None:
                    listener, _ = streams.accept()
                    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    listener.recv(4)
                listener.send(header.pack(84, 17, frame, frame * 0.05, *[0.0] * 6, 1, 0.0, 0.05, 0, 0, 0, 0))
                caller.send(pack([1, number, None, [[1, frame]]]))
            else:
                caller.send(pack([1, number, None, [[1, answers[method]]]]))


@contextlib.contextmanager
def echo_process() -> Iterator[int]:
    """An echo server's port."""
    process = subprocess.Popen([sys.executable, __file__, "--echo"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def connect(port: int) -> tuple[Any, Any]:
    """A client and its world."""
    import carla

    client = carla.Client("127.0.0.1", port)
    client.set_timeout(20.0)
    return client, client.get_world()


def prepare(client: Any) -> Any:
    """A fresh episode in synchronous mode."""
    world = client.reload_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    return world


def rate(world: Any, ticks: int, driven: Sequence[Any] = ()) -> float:
    """Ticks per second; `driven` vehicles get their pedals before each, and are read after it."""
    import carla

    start = time.perf_counter()
    for i in range(ticks):
        for vehicle in driven:
            vehicle.apply_control(carla.VehicleControl(throttle=0.05 + 0.01 * (i % 2), steer=1.0))
        world.tick()
        for vehicle in driven:
            vehicle.get_transform(), vehicle.get_velocity()
    return ticks / (time.perf_counter() - start)


def spawn(world: Any, count: int) -> list[Any]:
    """Cars on a grid of their own, circling at about 5 m/s: all of them move in every tick."""
    import carla

    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    vehicles = []
    for i in range(count):
        where = carla.Location(x=12.0 * (i % 10), y=12.0 * (i // 10), z=0.5)
        vehicle = world.spawn_actor(blueprint, carla.Transform(where))
        vehicle.set_target_velocity(carla.Vector3D(x=5.0))
        vehicle.apply_control(carla.VehicleControl(throttle=0.05, steer=1.0))
        vehicles.append(vehicle)
    return vehicles


def measure(turns: int, ticks: int) -> list[Result]:
    """One result per case."""
    from laco.scenarios.server.launch import WorldProcess

    results = []
    with echo_process() as port, WorldProcess() as server:
        echo_client, echo_world = connect(port)
        client, _ = connect(server.port)
        for count, driven in CASES:
            world = prepare(client)
            vehicles = spawn(world, count)
            driven_ones = vehicles if driven else []
            rate(echo_world, WARM_UP), rate(world, WARM_UP, driven_ones)
            pairs = [(rate(echo_world, ticks), rate(world, ticks, driven_ones)) for _ in range(turns)]
            results.append(Result(f"{count} driven" if driven else str(count), pairs))
            del vehicles, driven_ones
        del echo_world, world, client, echo_client
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--ticks", type=int, default=100)
    parser.add_argument("--echo", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.echo:
        echo()
        return
    results = measure(options.turns, options.ticks)
    for r in results:
        print(f"{r.case:>9} vehicles: {r.world:5.0f} ticks/s, {r.ratio:.2f} of the echo's {r.echo:.0f}")
    rates = {r.case: round(r.world) for r in results}
    rates["echo"] = round(statistics.median(r.echo for r in results))
    ratios = {r.case: round(r.ratio, 3) for r in results}
    line = {"ratio": ratios[JUDGED], "ratios": ratios, "ticks_per_s": rates}
    print(json.dumps(line, separators=(",", ":")))


if __name__ == "__main__":
    main()
