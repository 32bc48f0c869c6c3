"""An agent host: several vehicles behind one ZeroMQ socket. It ends with its runner, however that ends."""

import multiprocessing
import signal
from pathlib import Path
from typing import assert_never

import msgspec
import torch
import zmq

from laco.agents.agent import Agent
from laco.agents.channels.build import build
from laco.agents.channels.controls import Recorded
from laco.agents.drivers.vector import VectorDriver
from laco.agents.messages import AgentSpec, Announce, Answer, Connect, Listen, Request, Setup, Speak, Stop
from laco.comm.mesh import Mesh, barrier
from laco.errors import ConfigError, LacoError
from laco.profiling.spans import recording

BARRIER_LIMIT = 10.0  # [s]
PARENT_CHECK = 500  # [ms] how often an idle host looks whether its parent lives


def serve(endpoint: str) -> None:
    """Answer requests at `endpoint` until `Stop`, or until the process that started this one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to handle
    torch.set_num_threads(1)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.PAIR)
    socket.linger = 0
    socket.connect(endpoint)
    host = AgentHost(context)
    try:
        while _wait(socket):
            request = msgspec.msgpack.decode(socket.recv(), type=Request)
            if isinstance(request, Stop):
                break
            socket.send(msgspec.msgpack.encode(host.answer(request)))
    finally:
        host.close()
        socket.close(0)
        context.term()


def _wait(socket: "zmq.Socket[bytes]") -> bool:
    """Whether a request came (True) or the parent was found dead first (False)."""
    parent = multiprocessing.parent_process()
    while not socket.poll(PARENT_CHECK):
        if parent is not None and not parent.is_alive():
            return False
    return True


class AgentHost:
    """The vehicles of one process."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self._context = context
        self._meshes: dict[str, Mesh] = {}
        self._drivers: dict[tuple[str, str], VectorDriver] = {}
        self._banks: dict[str, Recorded] = {}
        self.agents: dict[str, Agent] = {}

    def answer(self, request: Request) -> Answer:
        """Carry out one request; an error of ours becomes the answer's `error`."""
        try:
            with recording() as spans:
                answer = self._carry_out(request)
        except LacoError as error:
            return Answer(error=str(error))
        return msgspec.structs.replace(answer, spans=dict(spans))

    def _carry_out(self, request: Request) -> Answer:
        match request:
            case Setup():
                return self._setup(request)
            case Connect():
                return self._connect(request)
            case Announce():
                views = sorted(request.views.items())
                return Answer(sent=tuple(self.agents[name].announce(view) for name, view in views))
            case Speak():
                return Answer(sent=tuple(s for a in self.agents.values() for s in a.speak(request.fates)))
            case Listen():
                return Answer(decisions={n: a.listen(request.fates) for n, a in self.agents.items()})
            case Stop():
                return Answer()
            case _:
                assert_never(request)

    def _setup(self, request: Setup) -> Answer:
        wanted = {spec.name for spec in request.agents}
        for name in set(self._meshes) - wanted:
            self._meshes.pop(name).close()
        self.agents = {}
        for spec in request.agents:
            if spec.name not in self._meshes:
                self._meshes[spec.name] = Mesh(spec.name, context=self._context)
            mesh = self._meshes[spec.name]
            mesh.reset(request.round)
            channel = build(spec, self._driver(spec), self._banks)
            self.agents[spec.name] = Agent(spec.name, channel, mesh)
        endpoints = {name: mesh.endpoint for name, mesh in self._meshes.items()}
        fingerprint = next((a.channel.driver.fingerprint for a in self.agents.values()), "")
        return Answer(endpoints=endpoints, fingerprint=fingerprint)

    def _connect(self, request: Connect) -> Answer:
        for mesh in self._meshes.values():
            mesh.subscribe({n: at for n, at in request.endpoints.items() if n not in mesh.peers})
        barrier(list(self._meshes.values()), BARRIER_LIMIT)
        return Answer()

    def _driver(self, spec: AgentSpec) -> VectorDriver:
        """The spec's driver, loaded once per host."""
        if spec.driver != VectorDriver.name:
            raise ConfigError(f"unknown driver {spec.driver!r}")
        key = (spec.driver, spec.weights)
        if key not in self._drivers:
            self._drivers[key] = VectorDriver.load(Path(spec.weights) if spec.weights else None)
        return self._drivers[key]

    def close(self) -> None:
        """Close all sockets."""
        for mesh in self._meshes.values():
            mesh.close()
