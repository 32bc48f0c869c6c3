"""A server of the wire without a model: it answers as told and keeps what it was asked.

Written from docs/langcoop-wire.md alone: a client that works with it and with the real server shows that both agree.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgpack
import zmq

ANSWER = {"speed": [6.0] * 5, "curvature": [0.0] * 5, "failed": False, "foreign_tokens": 3}


@dataclass
class Script:
    """How a server answers from now on; may be changed while it runs.

    plan: what its plans say instead of 6 m/s straight on; took: [s] that they claim; delay: [s] that they take;
    silent: no answers to `decide`; deaf: no answers to anything.
    """

    plan: dict[str, Any] = field(default_factory=dict)
    took: float = 0.01
    delay: float = 0.0
    silent: bool = False
    deaf: bool = False


class Scripted:
    """Serves some vehicles at `endpoint`; `requests` is everything that came, in order."""

    def __init__(self, vehicles: list[str], context: zmq.Context[Any], port: int = 0) -> None:
        self.vehicles, self.script = vehicles, Script()
        self.requests: list[dict[str, Any]] = []
        self.router = context.socket(zmq.ROUTER)
        self.router.linger = 0
        self.router.bind(f"tcp://127.0.0.1:{port or '*'}")
        self.endpoint = self.router.getsockopt_string(zmq.LAST_ENDPOINT)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def of(self, kind: str, vehicle: str = "") -> list[dict[str, Any]]:
        return [r for r in list(self.requests) if r["type"] == kind and vehicle in ("", r.get("vehicle"))]

    def stop(self) -> None:
        """Be gone, as a killed process is."""
        self.over.set()
        self.thread.join(timeout=10)
        self.router.close()

    def _serve(self) -> None:
        while not self.over.is_set():
            if self.router.poll(20):
                who, frame = self.router.recv_multipart()
                request = msgpack.unpackb(frame)
                self.requests.append(request)
                answer = None if self.script.deaf else self._answer(request)
                if answer is not None:
                    self.router.send_multipart([who, msgpack.packb({**answer, "id": request["id"]})])

    def _answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        me = {"version": 1, "driver": "llm", "model": "scripted"}
        if request["type"] == "ping":
            return {"type": "pong", "vehicles": self.vehicles, **me}
        if request["type"] == "hello":
            terms = {"vehicle": request["vehicle"], "channel": request["channel"], "fingerprint": "0" * 16}
            return {"type": "welcome", "missing": [], **terms, **me}
        if request["type"] != "decide" or self.script.silent:
            return None
        if self.script.delay:
            time.sleep(self.script.delay)
        sent = {"kind": "latent", "addressee": "", "seq": 1, "payload": 1000, "metadata": 100, "framing": 10}
        return {
            "type": "plan",
            "moment": request["moment"],
            "sent": [{**sent, "socket": 1200, "generated": 2}],
            "heard": [],
            "seconds": {"think": self.script.took, "wait": 0.0, "total": self.script.took},
            **ANSWER,
            **self.script.plan,
        }


@contextmanager
def fleet(*vehicles: str) -> Iterator[dict[str, Scripted]]:
    """A server for each of these vehicles."""
    context: zmq.Context[Any] = zmq.Context()
    servers = {name: Scripted([name], context) for name in vehicles}
    try:
        yield servers
    finally:
        for server in servers.values():
            if not server.over.is_set():
                server.stop()
        context.term()
