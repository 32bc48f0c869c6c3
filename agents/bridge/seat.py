"""One vehicle in a run: what it saw, how far it has come with its moment, and what it answers.

A moment goes `begin` (its beacon), `meet` and `said` (once all beacons are announced, around the agent's `speak`), then
`attend` and `conclude` (once all messages are, around its `listen`). The council calls them; nothing here waits.
"""

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from laco.agents.agent import Agent
from laco.agents.bridge.views import Lookout
from laco.agents.bridge.wire import MESSAGE, Error, Heard, Hello, Observe, Plan, Roll, Said
from laco.agents.drivers import facts
from laco.agents.drivers.plan import DT
from laco.agents.messages import Decision, Sent
from laco.closing import Closing
from laco.comm import Bytes
from laco.comm.radio import BEACON, Air, Fate, RadioSpec
from laco.errors import ConfigError

IDLE = ""  # the phase of a vehicle that thinks about nothing
ABSENT = "absent"  # status of a peer that was waited for in vain
ASKED = 16  # requests for plans that wait at a time; the oldest goes
LATE = 10.0  # [s] of simulated time by which what peers announce may differ from ours


class Ask(NamedTuple):
    """A `decide` that waits for its plan."""

    client: bytes
    id: int
    moment: int


class Seat(Closing):
    """A vehicle of ours. client: the connection that said hello. agent: with a mesh of its own.

    phase: of the current moment. deadline: [s] of the monotonic clock, for what is waited for now. absent: peers that
    are not waited for until they are heard from.
    """

    def __init__(self, client: bytes, hello: Hello, agent: Agent, radio: RadioSpec) -> None:
        self.client, self.hello, self.agent = client, hello, agent
        self.name, self.mesh = agent.name, agent.mesh
        self.phase = IDLE
        self.welcomed = False
        self.deadline = time.monotonic() + hello.wait
        self.absent: set[str] = set()
        self._air, self._lookout = Air(radio, hello.seed), Lookout(agent.name)
        self._current: Observe | None = None
        self._waiting: tuple[Observe, float] | None = None  # and when it came
        self._done: tuple[int, Plan | str] | None = None  # a moment, and its plan or why there is none
        self._asked: list[Ask] = []
        self._sent: list[Said] = []
        self._left: set[str] = set()  # peers that the current moment goes without
        self._began, self._thought = 0.0, 0.0  # [s]

    @property
    def moment(self) -> int:
        """The moment that it thinks about, or did last; -1 before the first."""
        return -1 if self._current is None else self._current.moment

    @property
    def pending(self) -> bool:
        """Whether there is a newer observation than that of the current moment."""
        return self._waiting is not None

    @property
    def expected(self) -> set[str]:
        """Peers whose rolls the current moment waits for."""
        return (self._present & self.mesh.peers) - self.absent

    @property
    def _present(self) -> set[str]:
        """Vehicles that observe at the current moment, but for this one."""
        return set(() if self._current is None else self._current.present) - {self.name}

    def observe(self, told: Observe) -> None:
        """Takes in what it sees now; what waited till now is passed over. Raises: ConfigError if it cannot be used."""
        newest = self._waiting[0] if self._waiting else self._current
        if newest is not None and told.moment <= newest.moment:
            raise ConfigError(f"moment {told.moment} of {self.name} is not later than {newest.moment}")
        if newest is not None and told.time < newest.time:
            raise ConfigError(f"time of {self.name} goes back, from {newest.time:g} s to {told.time:g} s")
        if told.image is None and facts(self.agent.channel.driver.name).camera is not None:
            raise ConfigError(f"the {self.agent.channel.driver.name} driver of {self.name} needs an image")
        self._waiting = (told, time.monotonic())

    def begin(self) -> Roll:
        """Turns to the newest observation and announces itself."""
        if self._waiting is None:
            raise ConfigError(f"{self.name} has seen nothing new")
        (self._current, self._began), self._waiting = self._waiting, None
        self._thought, self._sent = 0.0, []
        self.phase = BEACON
        began = time.monotonic()
        sent = self.agent.announce(self._lookout.see(self._current))
        return self.said([sent], time.monotonic() - began)

    def meet(self, beacons: Mapping[str, Roll]) -> list[Fate]:
        """What its `speak` is to be given. beacons: rolls by sender, its own too."""
        self.phase = MESSAGE
        self._left = self._present - beacons.keys()
        return self._fates(beacons, beacons)

    def said(self, sent: list[Sent], thought: float) -> Roll:
        """What it has said, for all to know. thought: what that took [s]."""
        self._thought += thought
        return self._roll(sent)

    def attend(self, beacons: Mapping[str, Roll], messages: Mapping[str, Roll]) -> list[Fate]:
        """What its `listen` is to be given."""
        self._left |= self._present - messages.keys()
        return self._fates(messages, {**beacons, **messages})

    def conclude(self, decision: Decision, thought: float) -> None:
        """The moment has its plan. thought: what listening took [s]."""
        if self._current is None:
            raise ConfigError(f"{self.name} has decided about nothing")
        self._thought += thought
        total = time.monotonic() - self._began
        heard = [msgspec.convert(receipt, Heard, from_attributes=True) for receipt in decision.receipts]
        plan = Plan(
            moment=self.moment,
            speed=decision.plan.speed,
            curvature=decision.plan.curvature,
            dt=DT,
            failed=decision.plan.failed,
            geometric=decision.plan.failed or facts(self.agent.channel.driver.name).camera is None,
            foreign_tokens=decision.foreign_tokens,
            sent=tuple(self._sent),
            heard=(*heard, *self._absences()),
            seconds={"think": self._thought, "wait": max(total - self._thought, 0.0), "total": total},
        )
        self._done, self.phase = (self.moment, plan), IDLE

    def fail(self, reason: str) -> list[Roll]:
        """The moment ends without a plan; the rolls say to peers that nothing more comes."""
        self._done, self.phase = (self.moment, reason), IDLE
        return [self._roll([], phase) for phase in (BEACON, MESSAGE)]

    def ask(self, ask: Ask) -> None:
        """Somebody wants a plan; `answers` has it in time."""
        self._asked = [*self._asked, ask][-ASKED:]

    def answers(self) -> Iterator[tuple[bytes, Plan | Error]]:
        """By connection, what can be answered now."""
        waiting = []
        for ask in self._asked:
            answer = self._answer(ask)
            if answer is None:
                waiting.append(ask)
            else:
                yield ask.client, answer
        self._asked = waiting

    def dismiss(self) -> list[tuple[bytes, Error]]:
        """What to tell those who still wait, when the run is over."""
        over = [(a.client, Error(id=a.id, reason=f"the run of {self.name} is over")) for a in self._asked]
        self._asked = []
        return over

    def close(self) -> None:
        """Closes its sockets."""
        self.mesh.close()

    def _answer(self, ask: Ask) -> Plan | Error | None:
        if self._done is not None and self._done[0] == ask.moment:
            found = self._done[1]
            if isinstance(found, str):
                return Error(id=ask.id, reason=found)
            return msgspec.structs.replace(found, id=ask.id)
        newest = self._waiting[0].moment if self._waiting else self.moment
        if ask.moment == newest or (ask.moment == self.moment and self.phase != IDLE):
            return None
        why = "was passed over" if ask.moment < newest else "has not been observed"
        return Error(id=ask.id, reason=f"moment {ask.moment} of {self.name} {why}")

    def _fates(self, rolls: Mapping[str, Roll], known: Mapping[str, Roll]) -> list[Fate]:
        """Steps the air; the fates of what others said to it. rolls: of this phase; known: of all who are there."""
        now = 0.0 if self._current is None else self._current.time
        said = [m for roll in rolls.values() for m in roll.manifests if abs(m.ready_at - now) <= LATE]
        return self._air.step(now, said, {name: roll.position for name, roll in sorted(known.items())})

    def _roll(self, sent: list[Sent], phase: str | None = None) -> Roll:
        """What was sent, noted and announced."""
        self._sent += [self._said(s) for s in sent]
        x, y, _ = (0.0, 0.0, 0.0) if self._current is None else self._current.pose
        return Roll(
            run=self.hello.run,
            sender=self.name,
            moment=self.moment,
            phase=phase or self.phase,
            position=(x, y),
            manifests=tuple(s.manifest for s in sent),
        )

    def _said(self, sent: Sent) -> Said:
        m = sent.manifest
        air = sent.air + Bytes(framing=self._air.radio.framing(m.chunk_sizes))
        return Said(
            kind=m.kind,
            addressee=m.addressee,
            seq=m.seq,
            payload=air.payload,
            metadata=air.metadata,
            framing=air.framing,
            socket=sent.socket.total,
            generated=sent.generated,
        )

    def _absences(self) -> list[Heard]:
        """Vehicles that are present, and of which a roll did not come in time."""
        told = {"listener": self.name, "seq": -1, "kind": "roll", "status": ABSENT, "reason": "no word of it"}
        return [msgspec.convert({"sender": name, **told}, Heard) for name in sorted(self._left)]
