"""Agent servers of an evaluation: started, waited for, asked who they are, and ended."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import zmq

from laco.closing import Closing
from laco.errors import ConfigError, TransportError
from laco.langcoop.fleet import Seat
from laco.langcoop.group import Group

COMMAND = (sys.executable, "-c", "from laco.cli.main import main; main()", "agent")
READY = re.compile(r"listening on (\S+:\d+)")
LOADING = 900.0  # [s] that a model may take to load
ANSWER = 10.0  # [s] that a server may take to say who it is
LOOK = 0.2  # [s]
VERSION = 1
Told = Callable[[str], None]


def options(seat: Seat, bind: str = "127.0.0.1:0") -> list[str]:
    """Of `laco agent`, for this server."""
    if seat.mind is None:
        raise ConfigError(f"the server at {seat.name} is not ours to start")
    model = ["--model", seat.mind.model] if seat.mind.model else []
    who = ["--vehicles", ",".join(seat.vehicles), "--driver", seat.mind.driver, *model]
    return ["--wire", "langcoop", *who, "--bind", bind]


@dataclass
class Served:
    """A server that answers. process: None for one that is not ours."""

    seat: Seat
    address: str
    pong: Mapping[str, Any]
    process: Group | None

    @property
    def lost(self) -> str | None:
        """What became of one of ours that has ended; None while it runs."""
        if self.process is None or self.process.status is None:
            return None
        last = (self.process.last_lines(1) or ["it said nothing"])[0]
        return f"the server of {', '.join(self.seat.vehicles)} ended with status {self.process.status}: {last}"


class Servers(Closing):
    """All servers of a fleet. logs: a folder for what ours print. more: further options for ours."""

    def __init__(
        self, seats: Sequence[Seat], logs: Path, more: Sequence[str] = (), tell: Told = lambda _: None
    ) -> None:
        """Starts ours at once and waits until all answer. Raises: TransportError, ConfigError; nothing stays then."""
        self._seats, self._logs, self._more, self._tell = seats, logs, tuple(more), tell
        self._found: dict[str, Served] = {}
        self._groups: list[Group] = []
        try:
            self.restore()
        except BaseException:
            self.close()
            raise

    @property
    def found(self) -> list[Served]:
        """In the order of the seats."""
        return [self._found[seat.name] for seat in self._seats]

    @property
    def endpoints(self) -> dict[str, str]:
        """Where each vehicle's server listens."""
        places = {name: f"tcp://{served.address}" for served in self.found for name in served.seat.vehicles}
        return dict(sorted(places.items(), key=lambda entry: int(entry[0].removeprefix("ego"))))

    def restore(self) -> None:
        """Start what is not running: at first all, later those that were lost."""
        missing = [seat for seat in self._seats if seat.name not in self._found or self._found[seat.name].lost]
        started = {seat.name: self._start(seat) for seat in missing if seat.address is None}
        for seat in missing:
            process = started.get(seat.name)
            address = str(seat.address) if process is None else self._ready(seat, process)
            self._found[seat.name] = Served(seat, address, _known(seat, ping(address)), process)

    def close(self) -> None:
        """End ours; may be called again."""
        for group in self._groups:
            group.close()
        self._groups.clear()

    def _start(self, seat: Seat) -> Group:
        log = self._logs / f"{seat.name}.log"
        log.unlink(missing_ok=True)
        command = [*COMMAND, *options(seat), *self._more]
        environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
        group = Group(command, environment, log, gently=(signal.SIGTERM,))
        self._groups.append(group)
        return group

    def _ready(self, seat: Seat, process: Group) -> str:
        """Where it listens. Raises: TransportError."""
        began, who = time.monotonic(), f"the server of {', '.join(seat.vehicles)} ({seat.mind})"
        while True:
            ended = process.status  # before the log is read: what it said last is in there
            for line in process.last_lines(200):
                if match := READY.match(line):
                    self._tell(f"{who} listens on {match[1]}")
                    return match[1]
            if ended is not None:
                last = (process.last_lines(1) or [f"exit status {ended}"])[0].removeprefix("laco: ")
                raise TransportError(f"{who} did not start: {last}")
            if time.monotonic() - began > LOADING:
                raise TransportError(f"{who} did not start within {LOADING:.0f} s; {process.log} has what it said")
            time.sleep(LOOK)


def ping(address: str, limit: float = ANSWER) -> dict[str, Any]:
    """What a server says about itself (docs/langcoop-wire.md). Raises: TransportError."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    try:
        socket.connect(f"tcp://{address}")
        socket.send(msgpack.packb({"type": "ping", "id": 1}))
        if not socket.poll(round(limit * 1000)):
            raise TransportError(f"no agent server answers at {address}; start one: laco agent --wire langcoop")
        pong = msgpack.unpackb(socket.recv())
    except (zmq.ZMQError, ValueError, msgpack.UnpackException) as error:
        raise TransportError(f"what answers at {address} is no agent server: {error}") from None
    finally:
        socket.close(0)
        context.term()
    if not isinstance(pong, dict) or pong.get("type") != "pong":
        raise TransportError(f"what answers at {address} is no agent server with --wire langcoop")
    return pong


def _known(seat: Seat, pong: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises: ConfigError for a server of another version, or of other vehicles."""
    if pong.get("version") != VERSION:
        raise ConfigError(f"the server at {seat.name} speaks version {pong.get('version')}, not {VERSION}")
    others = [name for name in seat.vehicles if name not in pong.get("vehicles", ())]
    if others:
        serves = ", ".join(pong.get("vehicles", ())) or "nobody"
        raise ConfigError(f"the server at {seat.name} serves {serves}, not {', '.join(others)}: see its --vehicles")
    return pong
