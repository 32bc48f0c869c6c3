"""Agent hosts as the runner sees them: a process of its own, or one that somebody else started, behind a socket."""

import multiprocessing
import time
from abc import abstractmethod
from contextlib import suppress
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

import msgspec
import zmq
from zmq.utils.monitor import recv_monitor_message

from laco.agents.addresses import Address
from laco.agents.host_entry import main
from laco.agents.messages import Answer, Request, Stop, Who
from laco.closing import Closing
from laco.comm.security.curve import CONTROL, Curve
from laco.errors import LacoError, TransportError

GREET_LIMIT = 10.0  # [s] a host of somebody else's may take to say who it is
ENDS = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
LOOK = 50  # [ms] between two looks at whether a host still lives


class HostLostError(TransportError):
    """An agent host died or stopped answering."""


class Host(Closing):
    """A socket to an agent host: `ask`, then `answer`; `title` names it in errors.

    key: public key of the machine that it is on, in Z85; "" without CURVE.
    """

    def __init__(self, title: str, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.title = title
        self.key = ""
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
    """One agent host process of ours; with `curve` it has this machine's key."""

    def __init__(self, number: int, context: "zmq.Context[zmq.Socket[bytes]]", curve: Curve | None = None) -> None:
        super().__init__(f"agent host {number}", context)
        keys = ""
        if curve is not None:
            curve.serve(self.socket, CONTROL)
            self.key, keys = curve.public, str(curve.ring.folder)
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.process: BaseProcess = _spawner().Process(  # type: ignore[attr-defined]
            target=main, args=(f"tcp://127.0.0.1:{port}", keys), name=f"laco-agent-{number}", daemon=True
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
    """An agent host that `laco agent` serves at [KEY@]HOST:PORT; it goes on after us."""

    def __init__(self, address: str, context: "zmq.Context[zmq.Socket[bytes]]", curve: Curve | None = None) -> None:
        """Raises: HostLostError if nobody answers there, does not let us in, or is busy with another runner;
        ConfigError if it is unclear whose key to expect."""
        where = Address.of(address)
        super().__init__(f"the agent host at {where}", context)
        self._curve, self._end = curve, ""
        self._events = self.socket.get_monitor_socket(ENDS)
        try:
            if curve is not None:
                self.key = where.expected(curve.ring)
                curve.pin(self.socket, self.key)
            self.socket.connect(f"tcp://{where}")
            self.ask(Who())
            self.vehicles = frozenset(self.answer(GREET_LIMIT).vehicles)
        except BaseException:
            self.close()
            raise

    def gone(self) -> str:
        """The first end counts: ZeroMQ goes on trying."""
        if not self._end and self._events.poll(0):
            event = recv_monitor_message(self._events)["event"]
            self._end = self._why(event)
        return self._end

    def _why(self, event: int) -> str:
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            return "does not trust this machine's key: `laco keys trust NAME FILE --runner` there changes that"
        if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
            return "and we do not both use CURVE: say --curve on both sides, or on neither"
        if self._curve is not None and not hasattr(self, "vehicles"):
            return "has closed the connection: does it have the key that is expected there?"
        return "has closed the connection"

    def close(self) -> None:
        """Let it go; it waits for the next runner."""
        with suppress(zmq.ZMQError):  # it is gone already
            self.socket.send(msgspec.msgpack.encode(Stop()), zmq.NOBLOCK)
        self.socket.disable_monitor()
        self._events.close(0)
        self.socket.close(1000)  # [ms] for the farewell
