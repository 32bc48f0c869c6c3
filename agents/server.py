"""An agent host: several vehicles behind one ZeroMQ socket.

`serve` is the runner's own process and ends with it, however that ends. `serve_alone` is `laco agent`: it serves
runner after runner until it is interrupted.
"""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar, assert_never

import msgspec
import torch
import zmq
from transformers.utils import logging

from laco.agents.agent import Agent
from laco.agents.assemble import assemble
from laco.agents.channels.build import build, check_calibrated
from laco.agents.channels.controls import Recorded
from laco.agents.drivers.base import Driver
from laco.agents.drivers.load import load
from laco.agents.messages import (
    AgentSpec,
    Announce,
    Answer,
    Connect,
    Listen,
    Request,
    Setup,
    Speak,
    Stop,
    Who,
)
from laco.agents.observation import Observation, Picture, Pictured
from laco.agents.together import listen_all, speak_all
from laco.closing import Closing
from laco.comm.mesh import Mesh, barrier
from laco.comm.security import Keyring
from laco.comm.security.curve import CONTROL, Curve
from laco.errors import ConfigError, LacoError, TransportError
from laco.profiling.spans import recording, timeline, track

BARRIER_LIMIT = 10.0  # [s]
PARENT_CHECK = 500  # [ms] how often an idle host looks whether its parent lives
LOOPBACK = "127.0.0.1"
P = ParamSpec("P")
T = TypeVar("T")


def serve(endpoint: str, keys: str = "") -> None:
    """Answer requests at `endpoint` until `Stop`, or until the process that started this one is gone.

    keys: the key folder, for CURVE; "" without it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to handle
    torch.set_num_threads(1)
    logging.disable_progress_bar()  # of loading weights: the runner shows its own
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    curve = Curve(Keyring(Path(keys)), context) if keys else None
    socket = context.socket(zmq.PAIR)
    socket.linger = 0
    if curve is not None:
        curve.pin(socket, curve.public)
    socket.connect(endpoint)
    host = AgentHost(context, curve=curve)
    try:
        while _wait(socket):
            request = msgspec.msgpack.decode(socket.recv(), type=Request)
            if isinstance(request, Stop):
                break
            socket.send(msgspec.msgpack.encode(host.answer(request)))
    finally:
        host.close()
        socket.close(0)
        _end(context, curve)


class Offer(msgspec.Struct, frozen=True):
    """What a host that stands alone serves: which vehicles, with which driver, at which address its sockets are."""

    vehicles: tuple[str, ...]
    driver: str
    weights: str = ""
    address: str = LOOPBACK


def serve_alone(offer: Offer, port: int, ready: Callable[[str], None], keys: Keyring | None = None) -> None:
    """Load the driver, then answer runner after runner at the offer's address until KeyboardInterrupt.

    port: 0 picks a free one. ready: called with HOST:PORT once runners may come. keys: with them only trusted runners
    may come; None lets in whoever does. What cannot be read is dropped: a stranger's bytes end nothing.
    Raises: TransportError for an address that cannot be had, ConfigError for keys that cannot be used, and the
    driver's own.
    """
    logging.disable_progress_bar()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    curve = None if keys is None else Curve(keys, context)
    host = AgentHost(context, offer, curve)
    socket = context.socket(zmq.PAIR)
    socket.linger = 0
    if curve is not None:
        curve.serve(socket, CONTROL)
    try:
        try:
            socket.bind(f"tcp://{offer.address}:{port or '*'}")
        except zmq.ZMQError as error:
            raise TransportError(f"cannot listen on {offer.address}:{port}: {error}") from error
        ready(socket.getsockopt_string(zmq.LAST_ENDPOINT).removeprefix("tcp://"))
        while True:
            try:
                request = msgspec.msgpack.decode(socket.recv(), type=Request)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                continue
            answer = host.answer(request)
            if not isinstance(request, Stop):  # who says stop waits for no answer
                with suppress(zmq.Again):  # nor does who has gone meanwhile
                    socket.send(msgspec.msgpack.encode(answer), zmq.NOBLOCK)
    finally:
        host.close()
        socket.close(0)
        _end(context, curve)


def _end(context: "zmq.Context[zmq.Socket[bytes]]", curve: Curve | None) -> None:
    if curve is not None:
        curve.close()
    context.term()


def _wait(socket: "zmq.Socket[bytes]") -> bool:
    """Whether a request came (True) or the parent was found dead first (False)."""
    parent = multiprocessing.parent_process()
    while not socket.poll(PARENT_CHECK):
        if parent is not None and not parent.is_alive():
            return False
    return True


class AgentHost(Closing):
    """The vehicles of one process. offer: what it serves, if it is not the runner's own. curve: for their sockets."""

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        offer: Offer | None = None,
        curve: Curve | None = None,
    ) -> None:
        """Raises: what loading the offer's driver raises."""
        self._context, self._offer, self._curve = context, offer, curve
        self._meshes: dict[str, Mesh] = {}
        self._drivers: dict[tuple[str, str], Driver] = {}
        self._banks: dict[str, Recorded] = {}
        self.agents: dict[str, Agent] = {}
        self._traced = False
        if offer is not None:
            self._driver(offer.driver, offer.weights)

    def answer(self, request: Request) -> Answer:
        """Carry out one request; an error of ours becomes the answer's `error`."""
        try:
            with recording() as spans, timeline(self._traced) as moments:
                answer = self._carry_out(request)
        except LacoError as error:
            return Answer(error=str(error))
        return msgspec.structs.replace(answer, spans=dict(spans), moments=tuple(moments))

    def _carry_out(self, request: Request) -> Answer:
        match request:
            case Who():
                self.close()
                return Answer(vehicles=() if self._offer is None else self._offer.vehicles)
            case Setup():
                return self._setup(request)
            case Connect():
                return self._connect(request)
            case Announce():
                views = [(n, _pictured(v, request.pictures.get(n))) for n, v in sorted(request.views.items())]
                return Answer(sent=tuple(_tracked(name, self._agent(name).announce, view) for name, view in views))
            case Speak():
                said = speak_all(list(self.agents.values()), request.fates)
                return Answer(sent=tuple(s for sent in said.values() for s in sent))
            case Listen():
                return self._listen(request)
            case Stop():
                self.close()
                return Answer()
            case _:
                assert_never(request)

    def _setup(self, request: Setup) -> Answer:
        wanted = {spec.name for spec in request.agents}
        for name in set(self._meshes) - wanted:
            self._meshes.pop(name).close()
        self.agents = {}
        self._traced = request.traced
        address = LOOPBACK if self._offer is None else self._offer.address
        for spec in self._served(request.agents):
            if spec.name not in self._meshes:
                self._meshes[spec.name] = Mesh(spec.name, address, self._context, curve=self._curve)
            mesh = self._meshes[spec.name]
            driver = self._driver(spec.driver, spec.weights)
            check_calibrated(spec, driver.fingerprint)
            self.agents[spec.name] = assemble(spec, build(spec, driver, self._banks), mesh)
            mesh.reset(request.round)
        endpoints = {name: mesh.endpoint for name, mesh in self._meshes.items()}
        fingerprint = next((a.channel.driver.fingerprint for a in self.agents.values()), "")
        return Answer(endpoints=endpoints, fingerprint=fingerprint)

    def _connect(self, request: Connect) -> Answer:
        if bool(request.keys) != (self._curve is not None):
            raise ConfigError("runner and agent host must both use CURVE, or neither")
        for mesh in self._meshes.values():
            mesh.keep(request.endpoints)
            mesh.subscribe({n: at for n, at in request.endpoints.items() if n not in mesh.peers}, request.keys)
        barrier(list(self._meshes.values()), BARRIER_LIMIT)
        return Answer()

    def _listen(self, request: Listen) -> Answer:
        decisions = listen_all(list(self.agents.values()), request.fates)
        counters = {name: agent.counters for name, agent in self.agents.items()}
        return Answer(decisions=decisions, counters=counters, refused=self._curve.refused if self._curve else 0)

    def _agent(self, name: str) -> Agent:
        if name not in self.agents:
            raise ConfigError(f"there is no vehicle {name!r} here: set it up first")
        return self.agents[name]

    def _served(self, specs: Sequence[AgentSpec]) -> Sequence[AgentSpec]:
        """The specs, with the offer's own weights. Raises: ConfigError for what is not on offer."""
        offer = self._offer
        if offer is None:
            return specs
        for spec in specs:
            if spec.name not in offer.vehicles:
                raise ConfigError(f"vehicle {spec.name!r} is not served here")
            if spec.driver != offer.driver:
                raise ConfigError(f"{spec.name} is driven by {offer.driver} here, not by {spec.driver}")
        return [msgspec.structs.replace(spec, weights=offer.weights) for spec in specs]

    def _driver(self, name: str, weights: str) -> Driver:
        """A driver, loaded once per host."""
        if (name, weights) not in self._drivers:
            self._drivers[name, weights] = load(name, weights)
        return self._drivers[name, weights]

    def close(self) -> None:
        """Close all sockets; drivers stay loaded."""
        for mesh in self._meshes.values():
            mesh.close()
        self._meshes, self.agents = {}, {}


def _tracked(name: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """A vehicle's call, its spans on its own track."""
    with track(name):
        return call(*args, **kwargs)


def _pictured(view: Observation, picture: Picture | None) -> Observation:
    """The view with its picture, if there is one."""
    return view if picture is None else Pictured(**msgspec.structs.asdict(view), picture=picture)
