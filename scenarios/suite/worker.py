"""`python -m laco.scenarios.suite.worker`: drives one task after the other, on one warm session.

Tasks come as JSON lines on stdin, answers go as JSON lines to what was stdout. It ends with its stdin: at once, if it
is driving, for then nobody waits for the answer any more.
"""

import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import msgspec

from laco import __version__
from laco.agents.hosts import HostLostError
from laco.closing import Closing
from laco.errors import LacoError, WorldError
from laco.profiling.energy import Meter, counters
from laco.scenarios.session import Options, Session
from laco.scenarios.suite.answer import FINISHED, Answer
from laco.scenarios.suite.grid import recording
from laco.scenarios.suite.leases import Lease
from laco.scenarios.summary import figures

GRACE = 5.0  # [s] that a busy worker goes on after its stdin has ended
IDLE = 600.0  # [s] without a task after which a worker ends: a cluster's processes outlive the suite


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A run. free: the unobstructed expert's times on its layout, None if they are to be found first; alone: and only
    they. hosts: agent host processes. carla: HOST:PORT of servers, of which a worker takes one for itself; () for an
    embedded one."""

    options: Options
    free: dict[str, float] | None = None
    alone: bool = False
    hosts: int = 1
    carla: tuple[str, ...] = ()


class Worker(Closing):
    """A session that stays from task to task, as long as nothing of it is lost."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._lease: Lease | None = None
        self._fleet: object = None  # whose hosts have loaded and recorded what is below
        self._loaded: set[tuple[str, str]] = set()
        self._recorded: set[str] = set()
        self._counters = counters()

    def answer(self, task: Task) -> Answer:
        """Drive it. What is no LacoError is a fault of ours, and ends the worker."""
        free = task.free
        try:
            session = self._ready(task)
            if free is None:
                free = session.free_times(task.options.layout())
            if task.alone:
                return Answer(free=free)
            return self._drive(session, task.options, free)
        except HostLostError as error:
            return Answer(outcome="agent_lost", detail=str(error), free=free)
        except WorldError as error:
            return Answer(outcome="world_lost", detail=str(error), free=free)
        except LacoError as error:
            return Answer(outcome="error", detail=str(error), free=free)

    def _drive(self, session: Session, options: Options, free: Mapping[str, float]) -> Answer:
        cold = (options.driver, options.weights) not in self._loaded
        self._loaded.add((options.driver, options.weights))
        if options.payload == "other":
            self._record(session, options)
        with Meter(self._counters) as meter:
            result = session.run(options, free)
        found = figures(result)
        measured: dict[str, Any] = {"cold": cold, **meter.figures(), "latency_ms": found.pop("latency_ms")}
        measured["laco"] = __version__
        outcome, detail = result.record.outcome, result.record.detail
        return Answer(outcome=outcome, detail=detail, free=dict(free), figures=found, measured=measured)

    def _ready(self, task: Task) -> Session:
        """A session whose world and hosts live."""
        if self._session is not None and not self._session.sound:
            self.close()
        if self._session is None:
            self._session = Session(self._server(task.carla), hosts=task.hosts)
        if self._fleet is not self._session.fleet:  # they load torch while the expert drives
            self._fleet, self._recorded, self._loaded = self._session.fleet, set(), set()
        return self._session

    def _server(self, servers: Sequence[str]) -> str | None:
        """The server that is ours as long as we live."""
        if servers and self._lease is None:
            self._lease = Lease.of(servers)
        return None if self._lease is None else self._lease.server

    def _record(self, session: Session, options: Options) -> None:
        """Have the hosts keep what is said in the run whose payloads this one replays."""
        if options.other in self._recorded:
            return
        result = session.run(msgspec.structs.replace(recording(options), record=options.other), {})
        if result.record.outcome != FINISHED:
            raise HostLostError(f"while recording the other seed: {result.record.detail}")
        self._recorded.add(options.other)

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = self._fleet = None


def main() -> None:
    """Serve until stdin ends, or nothing has come for a while."""
    answers = _take_stdout()
    with Worker() as worker:
        for line in _tasks():
            answer = worker.answer(msgspec.json.decode(line, type=Task))
            answers.write(msgspec.json.encode(answer) + b"\n")
            answers.flush()


def _take_stdout() -> IO[bytes]:
    """What was stdout, for answers alone: whatever prints, prints to stderr from now on."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _tasks() -> Iterator[bytes]:
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=IDLE)
        except queue.Empty:
            return
        if not line:
            return
        yield line


def _read(lines: "queue.Queue[bytes]") -> None:
    """Not through `sys.stdin`: a thread that waits there keeps the interpreter from ending in peace."""
    rest = b""
    while data := os.read(0, 1 << 16):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            lines.put(line)
    lines.put(b"")
    time.sleep(GRACE)
    os._exit(1)


if __name__ == "__main__":
    main()
