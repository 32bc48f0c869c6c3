"""Many vehicles on one machine for a minute: every one broadcasts at 10 Hz, every other one receives it.

Two processes hold half of the meshes each. In every period each vehicle publishes one message, then receives those of
all its peers for the same period. Nothing may be lost (every message is there, whole, and each counter of the meshes is
exact), nothing stale delivered (number, time and bytes are those of the period), and memory must stay flat: the mean
resident set of the last third of the run is at most 5 % above that of the first.

What limits it: Python, which takes some tens of microseconds for each received message, and 31 TCP copies of each
published one; where the machine is too slow, periods begin late (`late_ms`), which is told and loses nothing.

    python benchmarks/mesh_soak.py [--vehicles 32] [--seconds 60] [--hz 10] [--bytes 10000] [--processes 2]

The last line of output is one JSON object; the exit status is 1 where a promise is broken.
"""

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import fmean
from typing import Any

import zmq

from laco.comm import decode_bytes, encode_bytes
from laco.comm.mesh import Mesh, barrier
from laco.profiling.spans import quantiles

KIND = "soak"
FLAT = 1.05  # of the resident set, last third to first
GUARD = 10.0  # [s] a message may take before it counts as lost
ALL = ("received", "sent")
NONE = ("dropped", "unwanted", "incomplete", "stale", "repeated", "damaged", "spoofed")


@dataclass(frozen=True)
class Soak:
    """vehicles, how long [s], how often [Hz], payload [bytes], and over how many processes."""

    vehicles: int
    seconds: float
    hz: float
    size: int
    processes: int

    @property
    def names(self) -> list[str]:
        return [f"v{i:02}" for i in range(self.vehicles)]

    @property
    def rounds(self) -> int:
        return max(1, round(self.seconds * self.hz))


def payload(sender: str, number: int, size: int) -> bytes:
    """Bytes that no other message has."""
    start = f"{sender}/{number}/".encode()
    return (start + bytes((number + i) % 256 for i in range(64)) * (size // 64 + 1))[:size]


def drive(pipe: Connection, soak: Soak, mine: list[str]) -> None:
    """One process: its meshes, linked and driven; sends what it saw."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 4096)
    with ExitStack() as stack:
        meshes = [stack.enter_context(Mesh(name, context=context)) for name in mine]
        pipe.send({mesh.name: mesh.endpoint for mesh in meshes})
        endpoints = pipe.recv()
        for mesh in meshes:
            mesh.subscribe(endpoints)
        barrier(meshes, 60.0)
        pipe.send("linked")
        pipe.send(rounds(soak, meshes, began=pipe.recv()))
    context.term()


def rounds(soak: Soak, meshes: list[Mesh], began: float) -> dict[str, Any]:
    """All periods. began: of the first one, on the monotonic clock [s]."""
    lost = wrong = 0
    late, took, resident = [], [], []
    for number in range(soak.rounds):
        due = began + number / soak.hz
        time.sleep(max(0.0, due - time.monotonic()))
        start = time.monotonic()
        late.append(start - due)
        for mesh in meshes:
            body = payload(mesh.name, number, soak.size)
            meta = {"sender": mesh.name, "seq": mesh.next_seq(), "sim_time": number / soak.hz}
            mesh.publish("", encode_bytes(body, KIND, **meta))
        for mesh in meshes:
            found = mesh.receive([(name, number) for name in mesh.peers], GUARD)
            lost += len(mesh.peers) - len(found)
            wrong += sum(not as_sent(chunks, sender, number, soak) for (sender, _), chunks in found.items())
        took.append(time.monotonic() - start)
        if number % max(1, round(soak.hz)) == 0:
            resident.append(memory())
    counted = {key: sum(getattr(mesh.counters, key) for mesh in meshes) for key in (*ALL, *NONE)}
    socket, ended = sum(mesh.counters.socket.total for mesh in meshes), time.monotonic()
    return {"elapsed": ended - began, "lost": lost, "wrong": wrong, "late": late, "took": took, "resident": resident,
            "counters": counted, "socket_bytes": socket}  # fmt: skip


def as_sent(chunks: list[Any], sender: str, number: int, soak: Soak) -> bool:
    """Whether a received message is the one of this period, byte for byte."""
    return decode_bytes(chunks, kind=KIND) == payload(sender, number, soak.size)


def memory() -> int:
    """Resident set of this process [bytes]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def run(soak: Soak) -> dict[str, Any]:
    """The whole soak; figures of all processes together."""
    spawner = multiprocessing.get_context("spawn")
    shares = [soak.names[i :: soak.processes] for i in range(soak.processes)]
    pipes, children = [], []
    for share in shares:
        ours, theirs = spawner.Pipe()
        child = spawner.Process(target=drive, args=(theirs, soak, share), daemon=True)
        child.start()
        theirs.close()
        pipes.append(ours)
        children.append(child)
    endpoints = {name: at for pipe in pipes for name, at in pipe.recv().items()}
    for pipe in pipes:
        pipe.send(endpoints)
    for pipe in pipes:
        pipe.recv()
    began = time.monotonic() + 0.2
    for pipe in pipes:
        pipe.send(began)
    found = [pipe.recv() for pipe in pipes]
    for child in children:
        child.join(10.0)
    return figures(soak, found)


def figures(soak: Soak, found: list[dict[str, Any]]) -> dict[str, Any]:
    counters = {key: sum(part["counters"][key] for part in found) for key in (*ALL, *NONE)}
    sent = soak.vehicles * soak.rounds
    expected = {"sent": sent, "received": sent * (soak.vehicles - 1), **dict.fromkeys(NONE, 0)}
    growth = max(last / first for first, _, last in (thirds(part["resident"]) for part in found))
    elapsed = max(part["elapsed"] for part in found)
    exact = counters == expected and not any(part["lost"] or part["wrong"] for part in found)
    return {
        **asdict(soak),
        "rounds": soak.rounds,
        "elapsed": round(elapsed, 2),
        "lost": sum(part["lost"] for part in found),
        "stale_or_wrong": sum(part["wrong"] for part in found),
        "counters": counters,
        "exact": exact,
        "memory_growth": growth,
        "flat": growth <= FLAT,
        "resident_mb": [[round(size / 1e6, 1) for size in thirds(part["resident"])] for part in found],
        "late_ms": quantiles([1e3 * late for part in found for late in part["late"]]),
        "round_ms": quantiles([1e3 * took for part in found for took in part["took"]]),
        "socket_mb_per_s": sum(part["socket_bytes"] for part in found) / 1e6 / elapsed,
    }


def thirds(resident: list[int]) -> tuple[float, float, float]:
    """Mean resident set of the first, the second and the last third [bytes]."""
    n = max(1, len(resident) // 3)
    return fmean(resident[:n]), fmean(resident[n:-n] or resident), fmean(resident[-n:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vehicles", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--hz", type=float, default=10.0)
    parser.add_argument("--bytes", type=int, default=10_000, help="payload of a message")
    parser.add_argument("--processes", type=int, default=2)
    o = parser.parse_args()
    found = run(Soak(o.vehicles, o.seconds, o.hz, o.bytes, o.processes))
    print(f"{found['counters']['received']} messages received, {found['lost']} lost, {found['stale_or_wrong']} stale")
    print(f"memory grew by {100 * (found['memory_growth'] - 1):.1f} %, {found['socket_mb_per_s']:.1f} MB/s on sockets")
    print(f"a period's work took {found['round_ms']['p50']:.1f} ms (p50), {found['round_ms']['max']:.1f} ms (max)")
    print(json.dumps(found))
    sys.exit(0 if found["exact"] and found["flat"] else 1)


if __name__ == "__main__":
    main()
