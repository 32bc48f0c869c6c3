"""What LACO's client and server cost an evaluator beside the model: camera picture up, plan down, against a plain echo.

One vehicle of LangCoop: a picture of 800 x 600 pixels (1.44 MB) and the rest of the memory bank go through the planner
(`forward_single_intent`, `forward_single_collab`) to a real `laco agent --wire langcoop` server in another process,
whose driver answers a fixed plan. The echo is pyzmq alone, DEALER to ROUTER in another process: the same bytes up,
already packed, and as many down as the plan has. All take turns in one run. The target is a p95 of at most 3 times the
echo's.

What limits it: the kernel's loopback copies the picture twice, which is all that the echo does; ours packs it (one
copy), takes it out of the message (another one), and goes through the server's three phases (announce, speak, listen),
whose Python takes a millisecond or so. `client` is the same without LangCoop's memory bank and the journal.

The wheel's size (at most 100 KB) and what `import laco_langcoop` takes (at most 0.2 s) are told too; `planner` is all
that the planner needs, in an interpreter that has numpy already, as LangCoop's has: nearly all of it is pyzmq.

    python benchmarks/langcoop_round_trip.py [--turns 300]

The last line of output is one JSON object.
"""

import argparse
import json
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgpack
import numpy as np
import zmq

CLIENT = Path(__file__).resolve().parents[1] / "agents" / "langcoop"
sys.path.insert(0, str(CLIENT))  # a distribution of its own

from laco_langcoop.bank import view  # noqa: E402
from laco_langcoop.board import Facts  # noqa: E402
from laco_langcoop.client import Client  # noqa: E402
from laco_langcoop.planner import LacoPlanner  # noqa: E402

WARM = 20  # turns that do not count
RATIO, SIZE, IMPORT = 3.0, 100_000, 0.2  # targets: of p95; [bytes]; [s]
CONFIG = {"heter": {"ego_planner_choice": [0]}, "collab": {"sharing_modalities": ["intent", "image"]}}
LOADS = {"package": ("", "import laco_langcoop"), "planner": ("import numpy", "from laco_langcoop import planner")}
PATIENCE = 30.0  # [s] with a server
Bank = list[dict[str, Any]]


def echo(pipe: Connection) -> None:
    """A ROUTER that answers each frame with as many zeros as the frame before it asks for."""
    socket = zmq.Context.instance().socket(zmq.ROUTER)
    socket.linger = 0
    pipe.send(f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}")
    while True:
        sender, size, _ = socket.recv_multipart(copy=False)
        socket.send_multipart([sender, bytes(int(size.bytes))], copy=False)


def serve(pipe: Connection) -> None:
    """The real server, but for the driver's answer."""
    from laco.agents.bridge.serve import Server
    from laco.agents.channels.base import Attended
    from laco.agents.channels.silent import Silent
    from laco.agents.drivers.frame import Frame
    from laco.agents.drivers.plan import Plan
    from laco.agents.drivers.vector import VectorDriver
    from laco.agents.server import Offer

    def attend(channel: Silent, view: Any, messages: Any) -> Attended:
        nothing: Any = None
        return Attended(Frame.of(view), view.time, nothing)

    def plans(driver: VectorDriver, frames: Any, times: list[float], outs: Any) -> list[Plan]:
        return [Plan(time, (5.0,) * 5, (1.0,) * 5) for time in times]

    with (
        patch.object(Silent, "attend", attend),
        patch.object(VectorDriver, "plans", plans),
        Server(Offer(("ego0", "ego1"), "vector")) as server,
    ):
        pipe.send(server.endpoint)
        while True:
            server.step()


@contextmanager
def child(target: Callable[[Connection], None]) -> Iterator[str]:
    """A process with a server in it; where it listens."""
    spawner = multiprocessing.get_context("spawn")
    ours, theirs = spawner.Pipe()
    process = spawner.Process(target=target, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


class Plain:
    """pyzmq alone: the bytes of an observation up, as many down as a plan has."""

    def __init__(self, endpoint: str, reply: int) -> None:
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(endpoint)
        self._reply = b"%d" % reply

    def turn(self, bank: Bank, moment: int) -> None:
        self._socket.send_multipart([self._reply, bank[-1]["packed"]], copy=False)
        self._socket.recv(copy=False)


class Asking:
    """The client's conversation, with a view that is already made."""

    def __init__(self, endpoint: str) -> None:
        self._client = Client("ego1", endpoint)
        terms = {"fleet": {"ego1": endpoint}, "channel": "silent", "period": 0.2, "wait": 1.0}
        self._client.hello({"version": 1, "run": "asking", **terms})
        assert self._client.linked(time.monotonic() + PATIENCE)

    def plan(self, bank: Bank, moment: int) -> dict[str, Any]:
        self._client.observe(moment, bank[-1]["view"])
        self._client.ask(moment)
        plan, reason = self._client.answer(time.monotonic() + PATIENCE)
        assert plan is not None, reason
        return plan

    def turn(self, bank: Bank, moment: int) -> None:
        self.plan(bank, moment)


class Planning:
    """LangCoop's two calls."""

    def __init__(self, endpoint: str, journal: Path) -> None:
        self._planner = LacoPlanner(endpoints={"ego0": endpoint}, channel="silent", log=str(journal))

    def turn(self, bank: Bank, moment: int) -> None:
        self._planner.forward_single_intent(bank, CONFIG, 0)
        plan = self._planner.forward_single_collab(bank, CONFIG, 0, [])
        assert plan["target_speed"][0] == 5.0


def remember(bank: Bank, moment: int) -> Bank:
    """LangCoop's memory bank with one more entry, and beside it what the cases need ready-made."""
    pixels = np.random.default_rng(moment % 4).integers(0, 256, (1, 600, 800, 3), np.uint8)
    pose = np.array([[0.0, 13.3 + moment, np.pi]], np.float32)
    entry = {"rgb_front": pixels, "detmap_pose": pose, "ego_yaw": np.zeros(1), "target": np.array([[0.0, -36.0]]),
             "object_list": [], "timestamp": 0.2 * moment}  # fmt: skip
    bank = [*bank[-5:], entry]
    entry["view"] = {"present": ["ego1"], "time": entry["timestamp"], **view(bank, 0, Facts(), 8.0)}
    entry["packed"] = msgpack.packb({"type": "observe", "id": 1, "moment": moment, "run": "r", **entry["view"]})
    return bank


def measure(turns: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    """[s] of each case's turns, which alternate; sizes [bytes] of what goes up and down."""
    with child(echo) as plain, child(serve) as served, tempfile.TemporaryDirectory() as folder:
        asking, bank = Asking(served), remember([], 0)
        reply = len(msgpack.packb(asking.plan(bank, 0)))
        cases = {"echo": Plain(plain, reply), "client": asking, "planner": Planning(served, Path(folder) / "log")}
        took: dict[str, list[float]] = {name: [] for name in cases}
        for moment in range(1, WARM + turns + 1):
            bank = remember(bank, moment)
            first = moment % len(cases)  # whoever comes first finds the caches cold
            for name, case in (*list(cases.items())[first:], *list(cases.items())[:first]):
                start = time.perf_counter()
                case.turn(bank, moment)
                took[name].append(time.perf_counter() - start)
    return {name: times[WARM:] for name, times in took.items()}, {"up": len(bank[-1]["packed"]), "down": reply}


def quantiles(times: list[float]) -> dict[str, float]:
    """[ms]"""
    found = np.percentile(1e3 * np.asarray(times), [50, 90, 95, 100])
    return dict(zip(("p50", "p90", "p95", "max"), map(float, found), strict=True))


def imports(times: int = 7) -> dict[str, float]:
    """Median [s] of importing the package, and the planner with all it needs after numpy."""
    found = {}
    for name, (before, line) in LOADS.items():
        script = f"{before}\nimport time; start = time.perf_counter()\n{line}\nprint(time.perf_counter() - start)"
        command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(CLIENT)!r})\n{script}"]
        runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(times)]
        found[name] = statistics.median(map(float, runs))
    return found


def wheel_size() -> int:
    """[bytes] of the wheel, built from a copy."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(CLIENT, Path(folder) / "it", ignore=shutil.ignore_patterns("__pycache__", "build"))
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
        subprocess.run([*command, "-w", folder, Path(folder) / "it"], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=300, help="that count, of each case")
    took, sizes = measure(parser.parse_args().turns)
    found = {name: quantiles(times) for name, times in took.items()}
    print(f"{'[ms]':>8} {'p50':>7} {'p90':>7} {'p95':>7} {'max':>7}  {sizes['up']} bytes up, {sizes['down']} down")
    for name, row in found.items():
        print(f"{name:>8} {row['p50']:7.2f} {row['p90']:7.2f} {row['p95']:7.2f} {row['max']:7.2f}")
    ratios = {name: found[name]["p95"] / found["echo"]["p95"] for name in ("client", "planner")}
    loads, size = imports(), wheel_size()
    print(f"p95 over the echo's: {ratios}; wheel {size} bytes; imports {loads} s")
    met = ratios["planner"] <= RATIO and size <= SIZE and loads["package"] <= IMPORT
    print(json.dumps({"round_trip_ms": found, "p95_ratio": ratios, "target": RATIO, "bytes": sizes, "wheel": size,
                      "import_s": loads, "met": met}))  # fmt: skip


if __name__ == "__main__":
    main()
