"""How fast the embedded world ticks, as a share of a server that does nothing.

A tick is one small request, one frame on the stream and one small answer. So an *echo* server (blocking sockets,
constant bytes: a tick answer, and a frame of headers with no actor) runs beside the world, both driven by
`world.tick()` of the real `carla` client in short turns, so that what else the machine does hits both. Which
core the system gives to which thread stays for as long as the processes live, and changes a rate by a tenth: hence
several sessions, each with new processes. Ratios and rates are medians over all turns. The last line is one JSON
object.

What limits each number. *0 to 50*: the wake-ups of the client's two threads, which the echo pays, too; then the
server's work when it has just been woken: `alone_us` is what a tick with ten vehicles costs while nothing else runs
(step and frame, no socket), and a processor that slept takes about four times as long for it. `ceilings.moving` is the
ratio of an echo server that moves ten vehicles and packs their frame as the world does, and nothing else. *held*
(`apply_control` with the same pedals, `get_transform` and `get_velocity`, for each of 50 vehicles in every tick): the
same, since the client keeps to itself a control that equals the last. *driven* (other pedals in every tick): 50 more
requests; `ceilings.driven` is the ratio of an echo server that answers a control with a constant and sends the frame of
50 vehicles as it was. `shares` are the world's rates over these two.

    python benchmarks/world_ticks.py [--sessions 5] [--turns 10] [--ticks 200]
"""

import argparse
import contextlib
import json
import os
import statistics
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

VEHICLES = (0, 1, 10, 50)
MANY, JUDGED = 50, "10"
FRAMES = ("bare", "moving", "frozen")  # of the echo servers
WARM_UP = 50  # ticks
Turns = list[tuple[float, ...]]  # [ticks/s] of each server asked in a turn


def echo(frames: str) -> None:
    """Answer what a connecting client asks as the world does; then ticks, and controls, with constants. Runs until its
    client leaves. The frames it sends are `bare` (no actor), `frozen` (the vehicles that its client has spawned, as
    they are) or `moving` (these, moved and packed as the world does it)."""
    import socket
    import threading

    import msgpack

    from laco.scenarios.maps import read_map
    from laco.scenarios.server.methods import table
    from laco.scenarios.server.records import EpisodeFrame
    from laco.scenarios.server.simulation import Simulation

    simulation, methods = Simulation({"crossing": read_map("crossing")}, "crossing"), table()
    simulation.configure([True, False, [True, 0.05], *simulation.settings[3:]])
    calls, streams = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    simulation.stream_port = streams.getsockname()[1]
    sys.stdout.write(f"{calls.getsockname()[1]}\n")
    sys.stdout.flush()
    header = bytearray(struct.pack("<IQQd6fQdfiiiI", 84, 17, 0, 0.0, *[0.0] * 6, 1, 0.0, 0.05, 0, 0, 0, 0))
    listeners: list[socket.socket] = []

    def listen() -> None:
        while True:
            listener, _ = streams.accept()
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.recv(4)
            listener.send(header)
            listeners[:] = [listener]

    threading.Thread(target=listen, daemon=True).start()
    pack, unpacker, packer = msgpack.Packer().pack, msgpack.Unpacker(raw=False), EpisodeFrame()
    caller, _ = calls.accept()
    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    frame, known, buffer = 0, simulation.world.revision, header
    while data := caller.recv(65536):
        answers = []
        unpacker.feed(data)
        for _, number, method, arguments in unpacker:
            if method == "tick_cue":
                frame += 1
                if frames == "moving" or (frames == "frozen" and known != simulation.world.revision):
                    known = simulation.world.revision
                    simulation.world.step(0.05)
                    buffer = packer.pack(simulation.world, 1, 0.05, 0)
                struct.pack_into("<Q", buffer, 12, frame)
                listeners[0].send(buffer)
                answers.append(pack([1, number, None, [[1, frame]]]))
            elif method == "apply_control_to_vehicle":
                answers.append(pack([1, number, None, [[False]]]))
            else:
                answers.append(pack([1, number, None, methods[method](simulation, arguments[1:])]))
        caller.send(b"".join(answers))


@contextlib.contextmanager
def echo_process(frames: str = "bare") -> Iterator[int]:
    """An echo server's port."""
    command = [sys.executable, __file__, "--echo", frames]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
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


def rate(world: Any, ticks: int, driven: Sequence[Any] = (), change: float = 0.01) -> float:
    """Ticks per second; `driven` vehicles get their pedals before each, which `change` from tick to tick, and are read
    after it."""
    import carla

    start = time.perf_counter()
    for i in range(ticks):
        for vehicle in driven:
            vehicle.apply_control(carla.VehicleControl(throttle=0.05 + change * (i % 2), steer=1.0))
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


def alternate(turns: int, *rates: Callable[[], float]) -> Turns:
    """What each says when asked in turn, after a warm-up."""
    for ask in rates:
        ask()
    return [tuple(ask() for ask in rates) for _ in range(turns)]


def session(turns: int, ticks: int, found: dict[str, Turns]) -> None:
    """Add the rates of the empty echo server and of the world, turn by turn, to each case; a third number of two
    cases is the rate of an echo server that bounds it: `moving` with ten vehicles, `frozen` with driven ones."""
    from laco.scenarios.server.launch import WorldProcess

    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(echo_process(frames)) for frames in FRAMES]
        ports.append(stack.enter_context(WorldProcess()).port)
        clients = [connect(port) for port in ports]
        (_, empty), (_, busy), (_, still), (client, _) = clients
        ask_echo = partial(rate, empty, ticks)
        for count in VEHICLES:
            world = prepare(client)
            vehicles = spawn(world, count)
            asked = [ask_echo, partial(rate, world, ticks)]
            if str(count) == JUDGED:
                busy_vehicles = spawn(busy, count)
                asked.append(partial(rate, busy, ticks))
            found[str(count)] += alternate(turns, *asked)
        found[f"{MANY} held"] += alternate(turns, ask_echo, partial(rate, world, ticks, vehicles, change=0.0))
        others = spawn(still, MANY)
        found[f"{MANY} driven"] += alternate(
            turns, ask_echo, partial(rate, world, ticks, vehicles), partial(rate, still, ticks, others)
        )
        del vehicles, busy_vehicles, others, world, empty, busy, still, client, ask_echo, asked
        clients.clear()


def alone(ticks: int) -> float:
    """Microseconds of a tick with ten vehicles while nothing else runs."""
    from laco.scenarios.maps import read_map
    from laco.scenarios.server.poses import Pose
    from laco.scenarios.server.simulation import Simulation
    from laco.scenarios.server.vehicle import Control

    simulation = Simulation({"crossing": read_map("crossing")}, "crossing")
    for i in range(10):
        car = simulation.world.spawn("vehicle.tesla.model3", Pose(12.0 * i, 0.0, 0.5))
        simulation.world.apply_control(car.id, Control(throttle=0.1, steer=1.0))
    times = []
    for _ in range(WARM_UP + ticks):
        start = time.perf_counter()
        simulation.tick()
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times[WARM_UP:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=5)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--ticks", type=int, default=200)
    parser.add_argument("--echo", choices=FRAMES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.echo:
        echo(options.echo)
        return
    found: dict[str, Turns] = defaultdict(list)
    for i in range(options.sessions):
        session(options.turns, options.ticks, found)
        sys.stderr.write(f"session {i + 1} of {options.sessions}\n")
    line = figures(found)
    for case, ratio in line["ratios"].items():
        print(f"{case:>9} vehicles: {line['ticks_per_s'][case]:5.0f} ticks/s, {ratio:.2f} of the echo's")
    print(json.dumps({**line, "alone_us": round(alone(2000), 1), "cores": os.cpu_count()}, separators=(",", ":")))


def figures(found: dict[str, Turns]) -> dict[str, Any]:
    """Medians over all turns."""

    def median(numbers: Iterable[float]) -> float:
        return round(statistics.median(numbers), 3)

    ratios = {case: median(turn[1] / turn[0] for turn in turns) for case, turns in found.items()}
    rates = {case: round(median(turn[1] for turn in turns)) for case, turns in found.items()}
    rates["echo"] = round(median(turn[0] for turns in found.values() for turn in turns))
    bounded = {"moving": found[JUDGED], "driven": found[f"{MANY} driven"]}
    return {
        "ratio": ratios[JUDGED],
        "ratios": ratios,
        "ceilings": {name: median(turn[2] / turn[0] for turn in turns) for name, turns in bounded.items()},
        "shares": {name: median(turn[1] / turn[2] for turn in turns) for name, turns in bounded.items()},
        "ticks_per_s": rates,
    }


if __name__ == "__main__":
    main()
