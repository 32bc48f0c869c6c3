"""What CURVE costs: messages from one process to another over loopback, encrypted and in the clear, in one run.

Limited by one core at each end: libzmq encrypts on its I/O thread (XSalsa20-Poly1305 out of libsodium or tweetnacl:
the rate tells which one this libzmq was built with), where in the clear the same bytes are two copies through the
kernel. Sizes are those of one message; the listener takes whole messages off a mesh, checksum included in both.
"""

import json
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import typer
import zmq

from laco.comm import encode_bytes
from laco.comm.mesh import Mesh
from laco.comm.security import Keyring
from laco.comm.security.curve import Curve

SIZES = (1_000, 10_000, 100_000, 1_000_000, 5_000_000)


def speak(pipe: Connection, folder: str, counts: dict[int, int], repeats: int) -> None:
    """The other process: publishes every size when told to."""
    with_curve = Keyring(Path(folder)) if folder else None
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    curve = Curve(with_curve, context) if with_curve else None
    with Mesh("speaker", context=context, curve=curve, hwm=0) as mesh:
        pipe.send(mesh.endpoint)
        endpoint = pipe.recv()
        mesh.connect({"listener": endpoint}, keys={"listener": curve.public} if curve else None)
        for _ in range(repeats):
            for size, count in counts.items():
                payload = bytes(size)
                messages = [encode_bytes(payload, "note", sender="speaker", seq=mesh.next_seq()) for _ in range(count)]
                pipe.recv()
                for chunks in messages:
                    mesh.publish("", chunks)
        pipe.recv()
    if curve is not None:
        curve.close()
    context.term()


def measure(folder: str, counts: dict[int, int], repeats: int) -> dict[int, float]:
    """The shortest time [s] of a message, by its size."""
    spawn = multiprocessing.get_context("spawn")
    near, far = spawn.Pipe()
    process = spawn.Process(target=speak, args=(far, folder, counts, repeats), daemon=True)
    process.start()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    curve = Curve(Keyring(Path(folder)), context) if folder else None
    best = dict.fromkeys(counts, float("inf"))
    with Mesh("listener", context=context, curve=curve, hwm=0) as mesh:
        endpoint = near.recv()
        near.send(mesh.endpoint)
        mesh.connect({"speaker": endpoint}, timeout=60.0, keys={"speaker": curve.public} if curve else None)
        first = 0
        for _ in range(repeats):
            for size, count in counts.items():
                wanted = [("speaker", first + i) for i in range(count)]
                first += count
                start = time.perf_counter()
                near.send(None)
                got = mesh.receive(wanted, guard=120.0)
                best[size] = min(best[size], (time.perf_counter() - start) / count)
                if len(got) != count:
                    raise RuntimeError(f"{count - len(got)} of {count} messages of {size} bytes were lost")
        near.send(None)
    process.join()
    if curve is not None:
        curve.close()
    context.term()
    return best


def main(repeats: int = 5) -> None:
    """Both ways in one run; the last line is JSON."""
    counts = {size: max(10, min(500, 20_000_000 // size)) for size in SIZES}
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        Keyring(keys).new("benchmark")
        plain, curve = measure("", counts, repeats), measure(str(keys), counts, repeats)
    print(f"{'bytes':>9} {'plain':>12} {'CURVE':>12} {'ratio':>6}")
    for size in SIZES:
        rates = [size / seconds / 1e6 for seconds in (plain[size], curve[size])]
        print(f"{size:>9} {rates[0]:>7.1f} MB/s {rates[1]:>7.1f} MB/s {curve[size] / plain[size]:>6.2f}")
    figures = {
        "plain_us": {str(size): round(1e6 * plain[size], 1) for size in SIZES},
        "curve_us": {str(size): round(1e6 * curve[size], 1) for size in SIZES},
        "ratio": {str(size): round(curve[size] / plain[size], 3) for size in SIZES},
    }
    print(json.dumps(figures, separators=(",", ":")))


if __name__ == "__main__":
    typer.run(main)
