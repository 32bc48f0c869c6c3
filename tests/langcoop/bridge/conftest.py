"""Servers in threads of this process, and clients that speak the wire by hand."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import msgpack
import pytest
import torch
import zmq

from laco.agents.bridge.serve import Server
from laco.agents.server import Offer

ANSWER = 60.0  # [s] that a test waits for an answer, far longer than one takes


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors are slower on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Threaded:
    """A server that runs until it is stopped; what ends it otherwise fails the test."""

    def __init__(self, offer: Offer, port: int = 0) -> None:
        self.server = Server(offer, port)
        self.endpoint = self.server.endpoint
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.server.step(0.05)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.server.close()

    def moment(self, vehicle: str) -> int:
        """The moment that a vehicle thinks about; -1 before the first."""
        seats = [c.seats[vehicle] for c in list(self.server._councils.values()) if vehicle in c.seats]
        return seats[0].moment if seats else -1

    def stop(self) -> None:
        """As if the process had been killed: its sockets close, nobody is told."""
        self._stop.set()
        self._thread.join(30.0)
        assert not self._thread.is_alive()
        assert self.error is None


class Client:
    """One vehicle's connection."""

    def __init__(self, context: Any, endpoint: str, name: str) -> None:
        self.name, self.run, self.number = name, "", 0
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)

    def send(self, type: str, **fields: Any) -> int:
        self.number += 1
        self.socket.send(msgpack.packb({"type": type, "id": self.number, **fields}))
        return self.number

    def receive(self, limit: float = ANSWER) -> dict[str, Any]:
        assert self.socket.poll(int(1000 * limit)), f"{self.name} got no answer"
        return msgpack.unpackb(self.socket.recv())

    def silent(self, limit: float = 0.2) -> bool:
        return not self.socket.poll(int(1000 * limit))

    def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        number = self.send(type, **fields)
        answer = self.receive()
        assert answer["id"] == number, answer
        return answer

    def hello(self, fleet: dict[str, str], channel: str, run: str = "r1", **changes: Any) -> int:
        self.run = run
        fields = {"version": 1, "vehicle": self.name, "run": run, "fleet": fleet, "channel": channel}
        return self.send("hello", **{**fields, "period": 0.2, "wait": 5.0, "radio": "ideal", "seed": 7, **changes})

    def observe(self, moment: int, present: list[str], **changes: Any) -> int:
        fields = {"run": self.run, "moment": moment, "present": present, **seen(self.name, moment), **changes}
        return self.send("observe", **fields)

    def decide(self, moment: int) -> int:
        return self.send("decide", run=self.run, moment=moment)

    def plan(self, moment: int) -> dict[str, Any]:
        self.decide(moment)
        answer = self.receive()
        assert (answer["type"], answer.get("moment")) == ("plan", moment), answer
        return answer


PLACES = {"ego0": (0.0, 0.0, 0.0), "ego1": (30.0, 0.0, 3.14159), "ego2": (15.0, -20.0, 1.5708)}


def seen(name: str, moment: int) -> dict[str, Any]:
    """Three cars that meet in one place, and somebody in front of each; 5 moments a second, 8 m/s."""
    x, y, yaw = PLACES[name]
    step = 1.6 * moment
    x, y = x + step * math.cos(yaw), y + step * math.sin(yaw)
    route = [[x + d * math.cos(yaw), y + d * math.sin(yaw)] for d in (0.0, 7.0, 20.0, 80.0)]
    shade = bytes((7 * i + 31 * moment + len(name) * sum(name.encode())) % 256 for i in range(3 * 8 * 6))
    return {
        "time": 0.2 * moment, "pose": [x, y, yaw], "speed": 8.0, "size": [2.4, 1.0], "route": route,
        "remaining": 80.0, "limit": 8.0, "image": {"width": 8, "height": 6, "rgb": shade},
        "objects": [[x + 12.0 * math.cos(yaw), y + 12.0 * math.sin(yaw), yaw, 2.0, 2.0, 0.9]],
    }  # fmt: skip


Serve = Callable[..., Threaded]
Connect = Callable[..., Client]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server for vehicles with a driver and its weights; stopped at the end of the test."""
    with ExitStack() as stack:

        def start(vehicles: str, driver: str, weights: object, port: int = 0) -> Threaded:
            made = Threaded(Offer(tuple(vehicles.split(",")), driver, str(weights)), port)
            stack.callback(made.stop)
            return made

        yield start


@pytest.fixture
def connect() -> Iterator[Connect]:
    """A client at an endpoint for a vehicle."""
    context: zmq.Context[Any] = zmq.Context()
    yield lambda endpoint, name: Client(context, endpoint, name)
    context.destroy(0)


class Convoy:
    """Vehicles that have said hello to their servers."""

    def __init__(self, connect: Connect, fleet: dict[str, str]) -> None:
        self.fleet = fleet
        self.clients = {name: connect(endpoint, name) for name, endpoint in fleet.items()}

    def hello(self, channel: str, **changes: Any) -> dict[str, dict[str, Any]]:
        for client in self.clients.values():
            client.hello(self.fleet, channel, **changes)
        welcomes = {name: client.receive() for name, client in self.clients.items()}
        assert {w["type"] for w in welcomes.values()} == {"welcome"}, welcomes
        return welcomes

    def moment(self, number: int, names: list[str] | None = None, **changes: Any) -> dict[str, dict[str, Any]]:
        """Everybody observes, then everybody is asked."""
        names = names or list(self.clients)
        for name in names:
            self.clients[name].observe(number, names, **changes)
        for name in names:
            self.clients[name].decide(number)
        answers = {name: self.clients[name].receive() for name in names}
        assert {(a["type"], a.get("moment")) for a in answers.values()} == {("plan", number)}, answers
        return answers


def heard(plan: dict[str, Any], kind: str) -> dict[str, str]:
    """By sender, what became of its messages of a kind."""
    return {h["sender"]: h["status"] for h in plan["heard"] if h["kind"] == kind}


def until(condition: Callable[[], bool], limit: float = ANSWER) -> None:
    """Waits for something that is going to be."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
