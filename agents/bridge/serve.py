"""`laco agent --wire langcoop`: one server, its vehicles, and run after run of evaluators that are not ours.

One thread and one poller. A model call keeps it busy for its time; what comes meanwhile waits in ZeroMQ's queues, and
is read before anybody is given up.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import assert_never, cast

import zmq
from transformers.utils import logging as logging_of_transformers

from laco.agents.agent import GUARD
from laco.agents.assemble import assemble
from laco.agents.bridge.council import Council
from laco.agents.bridge.prompts import Prompted, PromptedVLM
from laco.agents.bridge.seat import Ask, Seat
from laco.agents.bridge.wire import (
    MAX_MESSAGE,
    Answer,
    Bye,
    Decide,
    Error,
    Hello,
    Join,
    Message,
    Observe,
    Ping,
    Pong,
    Prompts,
    Roll,
    Welcome,
    number,
    pack,
    read,
)
from laco.agents.channels import require
from laco.agents.channels.base import Channel
from laco.agents.channels.build import build
from laco.agents.drivers import facts, profile
from laco.agents.drivers.llm import LLMDriver
from laco.agents.drivers.load import load
from laco.agents.drivers.vlm import VLMDriver
from laco.agents.messages import AgentSpec
from laco.agents.server import Offer
from laco.closing import Closing
from laco.comm.mesh import Mesh
from laco.comm.radio import RadioSpec
from laco.comm.radio.presets import find
from laco.errors import ConfigError, LacoError, TransportError

LOOK = 0.5  # [s] the longest that the loop waits, whatever comes
BURST = 256  # messages that are read before anybody thinks
QUEUE = 64  # messages that wait for each connection: a picture may be megabytes
log = logging.getLogger(__name__)


class Server(Closing):
    """Vehicles behind one ROUTER. `step` is the loop's body, `endpoint` where clients and other servers connect."""

    def __init__(self, offer: Offer, port: int = 0) -> None:
        """port: 0 picks a free one. Raises: TransportError for an address that cannot be had, and the driver's own."""
        self.offer = offer
        self.driver = load(offer.driver, offer.weights, offer.device)
        self._profile = profile.of(offer.driver, offer.weights)
        self._prompted: dict[Prompts, PromptedVLM] = {}
        self._councils: dict[str, Council] = {}
        self._busy = False  # somebody has more to do at once
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.linger = 0
        self._router.rcvhwm = QUEUE
        self._router.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        self._router.setsockopt(zmq.ROUTER_HANDOVER, 1)  # who comes again under its own name is who it was
        try:
            self._router.bind(f"tcp://{offer.address}:{port or '*'}")
        except zmq.ZMQError as error:
            self.close()
            raise TransportError(f"cannot listen on {offer.address}:{port}: {error}") from error

    @property
    def endpoint(self) -> str:
        """tcp://HOST:PORT"""
        return self._router.getsockopt_string(zmq.LAST_ENDPOINT)

    def step(self, limit: float = LOOK) -> None:
        """Waits for at most `limit` [s], reads what came, and takes every vehicle one step further."""
        self._wait(limit)
        for _ in range(BURST):
            if not self._router.poll(0):
                break
            self._take(self._router.recv_multipart(copy=False))
        self._busy = False
        for council in list(self._councils.values()):
            for seat, missing in council.welcomes():
                self._welcome(seat, missing)
            self._busy |= council.advance()
            for seat in council.seats.values():
                for client, answer in seat.answers():
                    self._send(client, answer)

    def close(self) -> None:
        """Closes all sockets; clients that wait get no answer."""
        for council in self._councils.values():
            council.close()
        self._router.close(0)
        self._context.term()

    def _wait(self, limit: float) -> None:
        councils = self._councils.values()
        until = 0.0 if self._busy else min([time.monotonic() + limit, *(council.due() for council in councils)])
        poller = zmq.Poller()
        for socket in (self._router, *(socket for council in councils for socket in council.sockets())):
            poller.register(socket, zmq.POLLIN)
        poller.poll(max(0, int(1000 * (until - time.monotonic())) + 1))

    def _take(self, frames: Sequence[zmq.Frame]) -> None:
        """One message, of a client or of another server; what cannot be used is answered with the reason."""
        client, rest = frames[0].bytes, [frame.buffer for frame in frames[1:]]  # a picture is copied once, by `read`
        if len(rest) != 1:
            return self._send(client, Error(id=None, reason=f"a message is one frame, not {len(rest)}"))
        try:
            message = read(rest[0])
        except LacoError as error:
            return self._send(client, Error(id=number(rest[0]), reason=str(error)))
        try:
            self._handle(client, message)
        except LacoError as error:
            self._send(client, Error(id=getattr(message, "id", None), reason=str(error)))
        except Exception as error:
            log.exception("cannot handle a %s", type(message).__name__.lower())
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            self._send(client, Error(id=getattr(message, "id", None), reason=reason))

    def _handle(self, client: bytes, message: Message) -> None:
        match message:
            case Ping():
                offer = self.offer
                pong = Pong(id=message.id, vehicles=offer.vehicles, driver=offer.driver, model=self._model)
                self._send(client, pong)
            case Hello():
                self._hello(client, message)
            case Observe():
                self._seat(client, message).observe(message)
            case Decide():
                self._seat(client, message).ask(Ask(client, message.id, message.moment))
            case Bye():
                self._leave(self._seat(client, message).name)
            case Join() | Roll():
                self._peer(message)
            case _:
                assert_never(message)

    def _peer(self, message: Join | Roll) -> None:
        """Of a run that nobody here is in it is nobody's business."""
        council = self._councils.get(message.run)
        if council is not None and isinstance(message, Join):
            council.join(message)
        elif council is not None and isinstance(message, Roll):
            council.roll(message)

    def _hello(self, client: bytes, hello: Hello) -> None:
        """A run begins for a vehicle. Raises: ConfigError for one that cannot, and whatever was before stays."""
        if hello.vehicle not in self.offer.vehicles:
            raise ConfigError(
                f"vehicle {hello.vehicle!r} is not served here: there are {', '.join(self.offer.vehicles)}"
            )
        radio = _radio(hello)
        channel = self._channel(hello, radio)
        council = self._councils.get(hello.run)
        others = set() if council is None else council.seats.keys() - {hello.vehicle}
        if council is not None and others and council.terms != hello.terms:
            raise ConfigError(f"{hello.vehicle} and {', '.join(sorted(others))} disagree about run {hello.run!r}")
        self._leave(hello.vehicle)
        with ExitStack() as opened:
            mesh = opened.enter_context(Mesh(hello.vehicle, self.offer.address, self._context))
            agent = assemble(self._spec(hello, radio), channel, mesh, min(hello.wait, GUARD), hello.period)
            seat = Seat(client, hello, agent, radio)
            opened.pop_all()  # the seat's from here on
        if hello.run not in self._councils:
            self._councils[hello.run] = Council(self._context, hello)
        self._councils[hello.run].admit(seat)

    def _channel(self, hello: Hello, radio: RadioSpec) -> Channel:
        spec, asked = self._spec(hello, radio), hello.prompts
        require(spec.channel, spec.driver)
        if hello.channel != Prompted.name or asked is None:
            return build(spec, self.driver, {})
        if (asked.scene, asked.object, asked.intention) == (None, None, None):
            raise ConfigError("the prompts ask nothing: give scene, object or intention")
        driver = cast("LLMDriver", self.driver)
        if isinstance(driver, VLMDriver):
            if asked not in self._prompted:
                self._prompted = {asked: PromptedVLM(driver, asked)}
            driver = self._prompted[asked]
        return Prompted(driver, spec.caution, asked)

    def _spec(self, hello: Hello, radio: RadioSpec) -> AgentSpec:
        """The vehicle as `laco run` would have it, by the driver's shipped profile."""
        found, offer = self._profile, self.offer
        return AgentSpec(
            name=hello.vehicle,
            channel=hello.channel,
            driver=offer.driver,
            weights=offer.weights,
            caution=found.caution,
            codec=found.codec,
            laco=found.laco,
            seed=hello.seed,
            chunk_bytes=radio.chunk_bytes,
            ways=found.ways,
        )

    def _welcome(self, seat: Seat, missing: tuple[str, ...]) -> None:
        hello, driver = seat.hello, self.driver
        if missing:
            log.warning("run %s: %s begins without %s", hello.run, seat.name, ", ".join(missing))
        welcome = Welcome(
            id=hello.id,
            vehicle=seat.name,
            driver=driver.name,
            model=self._model,
            fingerprint=driver.fingerprint,
            channel=hello.channel,
            missing=missing,
        )
        self._send(seat.client, welcome)

    @property
    def _model(self) -> str:
        return self.offer.weights or facts(self.offer.driver).model or ""

    def _seat(self, client: bytes, message: Observe | Decide | Bye) -> Seat:
        """The vehicle that a message is about. Raises: ConfigError."""
        council = self._councils.get(message.run)
        seats = [] if council is None else list(council.seats.values())
        mine = [s for s in seats if s.client == client and message.vehicle in ("", s.name)]
        if len(mine) != 1:
            which = "several vehicles have" if mine else f"no vehicle {message.vehicle} has".replace("  ", " ")
            raise ConfigError(f"{which} said hello for run {message.run!r} on this connection")
        return mine[0]

    def _leave(self, name: str) -> None:
        """A vehicle is in no run any more; who still waits for a plan of it is told."""
        for run, council in list(self._councils.items()):
            if name in council.seats:
                for client, error in council.seats[name].dismiss():
                    self._send(client, error)
                council.leave(name)
            if not council.seats:
                council.close()
                del self._councils[run]

    def _send(self, client: bytes, answer: Answer) -> None:
        """To a client, if it is still there."""
        with suppress(zmq.ZMQError):
            self._router.send_multipart([client, pack(answer)], zmq.NOBLOCK)


def serve(offer: Offer, port: int, ready: Callable[[str], None]) -> None:
    """Loads the driver, then answers run after run until KeyboardInterrupt. ready: called with HOST:PORT.

    Raises: TransportError for an address that cannot be had, and the driver's own.
    """
    logging_of_transformers.disable_progress_bar()
    with Server(offer, port) as server:
        ready(server.endpoint.removeprefix("tcp://"))
        while True:
            server.step()


def _radio(hello: Hello) -> RadioSpec:
    """The radio of a run: a preset, as files are for who starts the server. Raises: ConfigError."""
    find(hello.radio)
    return RadioSpec.from_text(hello.radio, hello.loss, hello.range)
