"""The vehicles of one run on this server, and their peers on others: who is linked to whom, and whose turn it is.

Servers tell each other where their vehicles' messages are (`join`) and what was said (`roll`). Every vehicle steps an
air of its own with the same rolls, so that all come to the same fates without anybody who sees everything.
Vehicles of one server go the same way, but for the socket between their servers.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import zmq

from laco.agents.bridge.book import Book
from laco.agents.bridge.seat import IDLE, Seat
from laco.agents.bridge.wire import MESSAGE, Hello, Join, Roll, pack
from laco.agents.messages import Decision, Sent
from laco.agents.together import listen_all, speak_all
from laco.closing import Closing
from laco.comm.radio import BEACON, Fate
from laco.errors import HandshakeError, LacoError

AGAIN = 0.2  # [s] between two attempts to join a peer that has not answered
log = logging.getLogger(__name__)


class Council(Closing):
    """One run. context: of all sockets; hello: of its first vehicle, what all must agree on."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", hello: Hello) -> None:
        self.run, self.terms, self.seats = hello.run, hello.terms, dict[str, Seat]()
        self._air = hello.air
        self._here, self._fleet = hello.fleet[hello.vehicle], hello.fleet
        self._book = Book(hello.fleet)
        self._meshes: dict[str, str] = {}  # endpoints of the messages of peers elsewhere
        self._gone: dict[str, dict[str, int]] = {}  # by peer and phase, moments whose rolls went out before it joined
        self._refused: dict[str, str] = {}  # peers that cannot be understood, and why
        self._context = context
        self._roads: dict[str, zmq.Socket[bytes]] = {}  # to other servers
        self._again = 0.0

    def admit(self, seat: Seat) -> None:
        """A vehicle of ours takes its seat, and that of who had it before."""
        self.leave(seat.name)
        self.seats[seat.name] = seat
        seat.mesh.skip(self._book.expects.get(seat.name, 0))
        self._relink()
        self._again = 0.0

    def leave(self, name: str) -> None:
        """A vehicle of ours is gone."""
        seat = self.seats.pop(name, None)
        if seat is not None:
            seat.close()
            self._relink()

    def join(self, join: Join) -> None:
        """A peer elsewhere says where its messages are."""
        if not self._elsewhere(join.sender):
            return
        if join.air not in ("", self._air):
            self._refuse(join.sender, f"{join.sender} has {join.air}, here it is {self._air}")
        elif self._meshes.get(join.sender) != join.mesh:
            again = "again" if join.sender in self._meshes else "now"
            log.info("run %s: %s is there %s", self.run, join.sender, again)
            self._meshes[join.sender] = join.mesh
            self._refused.pop(join.sender, None)
            self._relink()
        self._gone[join.sender] = join.sent
        self._heard_from(join.sender)
        for seat in self.seats.values():
            seat.mesh.skip(join.expects.get(seat.name, 0))
        if join.reply:
            self._join(self._fleet[join.sender], reply=False)

    def roll(self, roll: Roll) -> None:
        """A peer elsewhere says what was said."""
        if self._elsewhere(roll.sender) and roll.sender not in self._refused and self._book.add(roll, self._now):
            self._heard_from(roll.sender)

    def welcomes(self) -> Iterator[tuple[Seat, tuple[str, ...]]]:
        """Vehicles that can begin now, and the peers that they have to do without."""
        now = time.monotonic()
        fresh = [seat for seat in self.seats.values() if not seat.welcomed]
        if fresh and now >= self._again:
            self._again = now + AGAIN
            for endpoint in sorted(set(self._fleet.values()) - {self._here}):
                self._join(endpoint, reply=True)
        for seat in fresh:
            missing = [name for name in self._fleet if name not in (seat.name, *self._linked(seat))]
            if now >= seat.deadline or all(name in self._refused for name in missing):
                seat.welcomed = True
                yield seat, tuple(sorted(missing))

    def advance(self) -> bool:
        """Takes each vehicle as far as it gets; False if all wait for somebody."""
        begun = [seat for seat in self._welcomed() if seat.phase == IDLE and seat.pending]
        for seat in begun:
            self._guarded([seat], partial(self._begin, seat))
        spoken = self._ready(BEACON)
        self._guarded(spoken, partial(self._speak, spoken))
        heard = [] if spoken else self._ready(MESSAGE)
        self._guarded(heard, partial(self._listen, heard))
        self._book.drop(min((seat.moment for seat in self.seats.values()), default=0))
        return bool(begun or spoken or heard)

    def sockets(self) -> "list[zmq.Socket[bytes]]":
        """Those on which links that are not ready yet wait."""
        waiting = [seat for seat in self.seats.values() if len(self._linked(seat)) < len(seat.mesh.peers)]
        return [socket for seat in waiting for socket in seat.mesh.sockets()]

    def due(self) -> float:
        """When somebody will have waited long enough, on the monotonic clock."""
        waiting = [s.deadline for s in self.seats.values() if not s.welcomed or s.phase != IDLE]
        fresh = any(not seat.welcomed for seat in self.seats.values())
        return min([*waiting, *([self._again] if fresh else [])], default=float("inf"))

    def close(self) -> None:
        """Closes all sockets of the run."""
        for seat in self.seats.values():
            seat.close()
        for road in self._roads.values():
            road.close(linger=0)
        self.seats, self._roads = {}, {}

    def _begin(self, seat: Seat) -> None:
        self._announce(seat, seat.begin())

    def _speak(self, seats: Sequence[Seat]) -> None:
        fates = {seat.name: seat.meet(self._book.at(seat.moment, BEACON)) for seat in seats}
        for seat, sent, thought in speak(seats, fates):
            self._announce(seat, seat.said(sent, thought))

    def _listen(self, seats: Sequence[Seat]) -> None:
        at = self._book.at
        fates = {seat.name: seat.attend(at(seat.moment, BEACON), at(seat.moment, MESSAGE)) for seat in seats}
        for seat, decision, thought in listen(seats, fates):
            seat.conclude(decision, thought)

    def _guarded(self, seats: Sequence[Seat], call: Callable[[], None]) -> None:
        """A step that may fail: of these vehicles' moments, not of the run, whatever a driver or a model comes upon."""
        try:
            call()
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            log.exception("run %s: no plan for %s", self.run, ", ".join(seat.name for seat in seats))
            for seat in seats:
                if seat.phase != IDLE:
                    for roll in seat.fail(reason):
                        self._announce(seat, roll)

    def _welcomed(self) -> list[Seat]:
        return [self.seats[name] for name in sorted(self.seats) if self.seats[name].welcomed]

    def _ready(self, phase: str) -> list[Seat]:
        """Vehicles in this phase that need not wait any longer."""
        return [seat for seat in self._welcomed() if seat.phase == phase and self._complete(seat, phase)]

    def _complete(self, seat: Seat, phase: str) -> bool:
        """Whether all whom a vehicle waits for have been heard, or given up."""
        there = self._book.at(seat.moment, phase).keys()
        gone = {name for name, sent in self._gone.items() if sent.get(phase, -1) >= seat.moment}
        left = seat.expected - there - gone
        if left and time.monotonic() < seat.deadline:
            return False
        for name in sorted(left):
            log.warning("run %s: %s goes on without %s at moment %d", self.run, seat.name, name, seat.moment)
            seat.absent.add(name)
        return True

    @property
    def _now(self) -> int:
        """The newest moment that a vehicle of ours thinks about; -1 before the first."""
        return max((seat.moment for seat in self.seats.values()), default=-1)

    def _elsewhere(self, name: str) -> bool:
        return name in self._fleet and name not in self.seats

    def _heard_from(self, name: str) -> None:
        for seat in self.seats.values():
            seat.absent.discard(name)

    def _linked(self, seat: Seat) -> set[str]:
        """The peers that a vehicle hears and is heard by; of those that it never will, a note is made."""
        linked = set()
        for name, missing in seat.mesh.links().items():
            if isinstance(missing, HandshakeError):
                self._refuse(name, str(missing))
            elif not missing:
                linked.add(name)
        return linked

    def _refuse(self, name: str, reason: str) -> None:
        """The run goes on without a peer; the reason is noted once."""
        if self._refused.get(name) != reason:
            log.warning("run %s: without %s: %s", self.run, name, reason)
        self._refused[name] = reason

    def _relink(self) -> None:
        """Every vehicle of ours listens to all whose endpoint is known, and to nobody else."""
        ours = {seat.name: seat.mesh.endpoint for seat in self.seats.values()}
        for seat in self.seats.values():
            known = {name: at for name, at in {**self._meshes, **ours}.items() if name != seat.name}
            seat.mesh.keep(known)
            for name in known.keys() - seat.mesh.peers:
                try:
                    seat.mesh.subscribe({name: known[name]})
                except LacoError as error:
                    self._refuse(name, str(error))

    def _join(self, endpoint: str, reply: bool) -> None:
        for seat in self.seats.values():
            join = Join(
                run=self.run,
                sender=seat.name,
                mesh=seat.mesh.endpoint,
                reply=reply,
                air=self._air,
                expects=dict(self._book.expects),
                sent=self._book.newest(seat.name),
            )
            self._send(endpoint, join)

    def _announce(self, seat: Seat, roll: Roll) -> None:
        """A roll of a vehicle of ours, for ourselves and everybody else, whose own it waits for from now on."""
        self._book.add(roll, seat.moment)
        self._heard_from(seat.name)
        for endpoint in sorted(set(self._fleet.values()) - {self._here}):
            self._send(endpoint, roll)
        seat.deadline = time.monotonic() + seat.hello.wait

    def _send(self, endpoint: str, message: Join | Roll) -> None:
        """To another server, or to nobody if it is not there."""
        if endpoint not in self._roads:
            road = self._roads[endpoint] = self._context.socket(zmq.DEALER)
            road.linger, road.sndhwm = 0, 256
            road.setsockopt(zmq.IMMEDIATE, 1)  # nothing is kept for who is not there: it would be outdated
            try:
                road.connect(endpoint)
            except zmq.ZMQError as error:
                log.warning("run %s: no way to %s: %s", self.run, endpoint, error)
        road = self._roads[endpoint]
        try:
            while road.poll(0):  # complaints about what it cannot read
                road.recv(zmq.NOBLOCK)
            road.send(pack(message), zmq.NOBLOCK)
        except zmq.Again:
            return


def speak(seats: Sequence[Seat], fates: Mapping[str, list[Fate]]) -> list[tuple[Seat, list[Sent], float]]:
    """What each says once it has heard the beacons, by its own fates, and how long that took all of them [s].

    With `listen` the one place where a server of evaluators asks its model for anything: for all vehicles at once.
    """
    began = time.monotonic()
    said = speak_all([seat.agent for seat in seats], _own(fates))
    took = time.monotonic() - began
    return [(seat, said[seat.name], took) for seat in seats]


def listen(seats: Sequence[Seat], fates: Mapping[str, list[Fate]]) -> list[tuple[Seat, Decision, float]]:
    """What each decides once it has heard the messages, and how long that took all of them [s]."""
    began = time.monotonic()
    decided = listen_all([seat.agent for seat in seats], _own(fates))
    took = time.monotonic() - began
    return [(seat, decided[seat.name], took) for seat in seats]


def _own(fates: Mapping[str, list[Fate]]) -> list[Fate]:
    """Of what each vehicle's air came to, what is about that vehicle: nobody looks at more."""
    return [fate for name, found in fates.items() for fate in found if fate.listener == name]
