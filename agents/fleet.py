"""The runner's side of the agent hosts: starts them, asks them all at once, notices when one dies."""

import multiprocessing
import time
from collections.abc import Mapping, Sequence
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

import msgspec
import zmq

from laco.agents.host_entry import main
from laco.agents.messages import AgentSpec, Announce, Answer, Connect, Listen, Request, Setup, Speak, Stop
from laco.agents.observation import Observation
from laco.closing import Closing
from laco.comm.radio import Fate
from laco.errors import LacoError, TransportError

START_LIMIT = 60.0  # [s] a host may take to load its model
ANSWER_LIMIT = 60.0  # [s] and to answer anything else


class HostLostError(TransportError):
    """An agent host died or stopped answering."""


def _spawner() -> BaseContext:
    """A forkserver that has loaded torch once for all hosts, where there is one; plain spawning elsewhere."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["laco.agents.server"])
    return context


class Host:
    """One agent host process and the socket to it."""

    def __init__(self, number: int, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.number = number
        self.socket = context.socket(zmq.PAIR)
        self.socket.linger = 0
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.process: BaseProcess = _spawner().Process(  # type: ignore[attr-defined]
            target=main, args=(f"tcp://127.0.0.1:{port}",), name=f"laco-agent-{number}", daemon=True
        )
        self.process.start()

    def ask(self, request: Request) -> None:
        """Send a request; its answer is for `answer` to fetch."""
        self.socket.send(msgspec.msgpack.encode(request))

    def answer(self, limit: float) -> Answer:
        """The host's answer. Raises: HostLostError if it dies or is silent for `limit` [s]."""
        deadline = time.monotonic() + limit
        while not self.socket.poll(50):
            if not self.process.is_alive() and not self.socket.poll(0):
                raise HostLostError(f"agent host {self.number} ended with status {self.process.exitcode}")
            if time.monotonic() > deadline:
                raise HostLostError(f"agent host {self.number} has not answered for {limit:.0f} s")
        answer = msgspec.msgpack.decode(self.socket.recv(), type=Answer)
        if answer.error:
            raise LacoError(answer.error)
        return answer

    def close(self) -> None:
        """End the process, politely first."""
        if self.process.is_alive():
            try:
                self.socket.send(msgspec.msgpack.encode(Stop()), zmq.NOBLOCK)
            except zmq.ZMQError:
                self.process.terminate()
            self.process.join(3.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.socket.close(0)


class Fleet(Closing):
    """All connected vehicles of a run, spread over hosts. Hosts live on from run to run."""

    def __init__(self, hosts: int) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.hosts: list[Host] = []
        self.round = 0
        self._where: dict[str, Host] = {}
        self.endpoints: dict[str, str] = {}
        self.fingerprint = ""
        try:
            for number in range(hosts):
                self.hosts.append(Host(number, self._context))
        except BaseException:
            self.close()
            raise

    def setup(self, specs: Sequence[AgentSpec]) -> None:
        """Give every vehicle to a host, open all links. Raises: TransportError naming a link that fails."""
        self.round += 1
        shares = {host.number: specs[host.number :: len(self.hosts)] for host in self.hosts}
        self._where = {spec.name: host for host in self.hosts for spec in shares[host.number]}
        answers = self._all({h: Setup(tuple(shares[h.number]), self.round) for h in self.hosts}, START_LIMIT)
        self.endpoints = {name: at for answer in answers for name, at in answer.endpoints.items()}
        self.fingerprint = next(a.fingerprint for a in answers if a.fingerprint)
        self._all({h: Connect(self.endpoints) for h in self.hosts}, ANSWER_LIMIT)

    def announce(self, views: Mapping[str, Observation]) -> list[Answer]:
        """Beacons out."""
        shares: dict[Host, dict[str, Observation]] = {}
        for name, view in views.items():
            shares.setdefault(self._where[name], {})[name] = view
        return self._all({host: Announce(share) for host, share in shares.items()})

    def speak(self, fates: Sequence[Fate]) -> list[Answer]:
        """Beacons in, messages out."""
        return self._all(dict.fromkeys(self.hosts, Speak(tuple(fates))))

    def listen(self, fates: Sequence[Fate]) -> list[Answer]:
        """Messages in, plans out."""
        return self._all(dict.fromkeys(self.hosts, Listen(tuple(fates))))

    def _all(self, requests: Mapping[Host, Request], limit: float = ANSWER_LIMIT) -> list[Answer]:
        for host, request in requests.items():
            host.ask(request)
        return [host.answer(limit) for host in requests]

    def close(self) -> None:
        """End all hosts."""
        for host in self.hosts:
            host.close()
        self._context.destroy(0)  # not term: it would wait for a socket whose host never started
