"""A server of the wire that is told what to do wrong, and a memory bank like LangCoop's."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import zmq

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / "agents" / "langcoop"
if str(CLIENT) not in sys.path:  # a distribution of its own, which the tests' environment has not installed
    sys.path.insert(0, str(CLIENT))

Map = dict[str, Any]
Answers = list[Any]


class FakeServer:
    """Answers as docs/langcoop-wire.md says. `wrong(request, answers)` may give other answers: maps, or raw frames."""

    def __init__(self, endpoint: str = "tcp://127.0.0.1:*") -> None:
        self.requests: list[Map] = []
        self.wrong: Callable[[Map, Answers], Answers] = lambda request, answers: answers
        self.delay = 0.0  # [s] before a plan
        self.greeted: set[bytes] = set()
        self._socket = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.bind(endpoint)
        self.endpoint = self._socket.last_endpoint.decode()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def kinds(self) -> list[str]:
        return [request["type"] for request in self.requests]

    def last(self, kind: str) -> Map:
        return next(request for request in reversed(self.requests) if request["type"] == kind)

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._over.is_set():
            if self._socket.poll(10):
                sender, frame = self._socket.recv_multipart()
                request = msgpack.unpackb(frame)
                self.requests.append(request)
                for answer in self.wrong(request, self._answers(sender, request)):
                    raw = answer if isinstance(answer, bytes) else msgpack.packb(answer)
                    self._socket.send_multipart([sender, raw])
        self._socket.close()

    def _answers(self, sender: bytes, request: Map) -> Answers:
        kind, repeated = request["type"], {"id": request["id"]}
        if kind == "ping":
            return [{"type": "pong", "version": 1, "vehicles": ["ego0"], "driver": "llm", "model": "tiny", **repeated}]
        if kind == "hello":
            self.greeted.add(sender)
            return [{"type": "welcome", "vehicle": request["vehicle"], "model": "tiny", "missing": [], **repeated}]
        if kind in ("observe", "decide") and sender not in self.greeted:
            return [{"type": "error", "reason": "hello first", **repeated}]
        if kind == "decide":
            time.sleep(self.delay)
            return [plan(request["moment"], **repeated)]
        return []


def plan(moment: int, **more: Any) -> Map:
    """A server's plan: 5 m/s and a little to the right; 100 bytes were said."""
    sent = {"kind": "latent", "addressee": "", "seq": moment, "payload": 80, "metadata": 15, "framing": 5}
    return {"type": "plan", "moment": moment, "speed": [5.0] * 5, "curvature": [1.0] * 5, "failed": False,
            "foreign_tokens": 7, "sent": [sent], "heard": [], "seconds": {"total": 0.001}, **more}  # fmt: skip


@pytest.fixture
def servers() -> Iterator[Callable[..., FakeServer]]:
    """Makes fake servers, and ends them."""
    made: list[FakeServer] = []

    def make(endpoint: str = "tcp://127.0.0.1:*") -> FakeServer:
        made.append(FakeServer(endpoint))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for something that another thread brings about."""

    def wait(holds: Callable[[], object], seconds: float = 5.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it did not come about"
            time.sleep(0.005)

    return wait


@pytest.fixture
def entry() -> Callable[..., Map]:
    """One entry of the memory bank, from vehicles' true poses [x, y, yaw] at a time [s]."""

    def make(poses: list[tuple[float, float, float]], timestamp: float = 0.0, **more: Any) -> Map:
        count = len(poses)
        detmap = []
        for x, y, yaw in poses:
            ahead = 12.0 + 1.3  # the middle of LangCoop's map, ahead of the lidar, which is ahead of the middle
            compass = yaw + np.pi / 2
            detmap.append([-(y + ahead * np.sin(yaw)), x + ahead * np.cos(yaw), compass + np.pi / 2])
        found = {"rgb_front": np.zeros((count, 6, 8, 3), np.uint8), "detmap_pose": np.array(detmap, np.float32),
                 "ego_yaw": np.array([yaw + np.pi / 2 for _, _, yaw in poses]),
                 "target": np.array([[2.0, -20.0]] * count), "object_list": [], "timestamp": timestamp}  # fmt: skip
        return {**found, **more}

    return make


@pytest.fixture(autouse=True)
def board(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A fresh board for each test, where all modules look for it."""
    from laco_langcoop import board as boards
    from laco_langcoop import convoy, planner

    fresh = boards.Board()
    for module in (boards, convoy, planner):
        monkeypatch.setattr(module, "BOARD", fresh)
    return fresh
