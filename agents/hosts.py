"""Agent hosts as the runner sees them: a process of its own, or one that somebody else started, behind a socket."""

import multiprocessing
import time
from abc import abstractmethod
from contextlib import suppress
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

import msgspec
import zmq

from laco.agents.host_entry import main
from laco.agents.messages import Answer, Request, Stop, Who
from laco.closing import Closing
from laco.errors import LacoError, TransportError

GREET_LIMIT = 10.0  # [s] a host of somebody else's may take to say who it is
LOOK = 50  # [ms] between two looks at whether a host still lives


class HostLostError(TransportError):
    """An agent host died or stopped answering."""


class Host(Closing):
    """A socket to an agent host: `ask`, then `answer`; `title` names it in errors."""

    def __init__(self, title: str, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.title = title
        self.socket = context.socket(zmq.PAIR)
        self.socket.linger = 0

    @abstractmethod
    def gone(self) -> str:
        """How the host ended, if it has; "" while it lives."""

    def ask(self, request: Request) -> None:
        """Send a request; its answer is for `answer` to fetch."""
        self.socket.send(msgspec.msgpack.encode(request))

    def answer(self, limit: float) -> Answer:
        """The host's answer. Raises: HostLostError if it dies or is silent for `limit` [s]."""
        deadline = time.monotonic() + limit
        while not self.socket.poll(LOOK):
            if (how := self.gone()) and not self.socket.poll(0):
                raise HostLostError(f"{self.title} {how}")
            if time.monotonic() > deadline:
                raise HostLostError(f"{self.title} has not answered for {limit:.0f} s")
        answer = msgspec.msgpack.decode(self.socket.recv(), type=Answer)
        if answer.error:
            raise LacoError(answer.error)
        return answer


def _spawner() -> BaseContext:
    """A forkserver that has loaded torch once for all hosts, where there is one; plain spawning elsewhere."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["laco.agents.server"])
    return context


class LocalHost(Host):
    """One agent host process of ours."""

    def __init__(self, number: int, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        super().__init__(f"agent host {number}", context)
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.process: BaseProcess = _spawner().Process(  # type: ignore[attr-defined]
            target=main, args=(f"tcp://127.0.0.1:{port}",), name=f"laco-agent-{number}", daemon=True
        )
        self.process.start()

    def gone(self) -> str:
        return "" if self.process.is_alive() else f"ended with status {self.process.exitcode}"

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


class RemoteHost(Host):
    """An agent host that `laco agent` serves at HOST:PORT; it goes on after us."""

    def __init__(self, address: str, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        """Raises: HostLostError if nobody answers there, or it is busy with another runner."""
        super().__init__(f"the agent host at {address}", context)
        self._events = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.socket.connect(f"tcp://{address}")
        try:
            self.ask(Who())
            self.vehicles = frozenset(self.answer(GREET_LIMIT).vehicles)
        except BaseException:
            self.close()
            raise

    def gone(self) -> str:
        return "has closed the connection" if self._events.poll(0) else ""

    def close(self) -> None:
        """Let it go; it waits for the next runner."""
        with suppress(zmq.ZMQError):  # it is gone already
            self.socket.send(msgspec.msgpack.encode(Stop()), zmq.NOBLOCK)
        self.socket.disable_monitor()
        self._events.close(0)
        self.socket.close(1000)  # [ms] for the farewell
