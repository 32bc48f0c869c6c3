"""A connected vehicle: announce itself, speak to those it may meet, listen, decide.

Speaking side: `announce`, `speak` (`meet`, hearing the beacons, and then `say`). Listening side: `listen` (`attend`
and, with a plan, `decide`). The runner calls them in that order, once a decision period, with what the air let through
in between. `laco.agents.together` does it for several vehicles: between the halves a driver works for all of them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import msgspec
import numpy as np

from laco.agents.channels.base import INFER, Attended, Channel, plans
from laco.agents.drivers.base import Answers, Asked
from laco.agents.drivers.plan import Plan
from laco.agents.messages import OVERTAKEN, TOO_OLD, Decision, Receipt, Sent
from laco.agents.observation import Beacon, Observation
from laco.agents.perception import with_beacons
from laco.comm import Chunk, WireError, air_bytes, decode_bytes, encode_bytes, read_struct
from laco.comm.mesh import Mesh
from laco.comm.radio import BEACON, WINDOW, Fate, Manifest
from laco.errors import BudgetError, ConfigError, HandshakeError
from laco.profiling.spans import pooled, span

MAX_AGE = 0.5  # [s] older messages are not used, unless the decision period is longer: then that is the limit
MOMENT = 1e-6  # [s] what sums of ticks may be off by
GUARD = 5.0  # [s] wall clock that a message which the air let through may take
PARTNERS = 3
MEET = 60.0  # [m] of vehicles whose routes come nearer, one may see what the other is going to meet
TOUCH = 5.0  # [m] routes that come nearer meet
Audience = list[tuple[str, Beacon]]  # addressees, "" for all, and whose frame they are told in


@dataclass
class _Message:
    fate: Fate
    spoken_at: float  # [s] as its header says
    chunks: list[Chunk] = field(repr=False)  # those that the air delivered
    settled: bool = False  # whether it has its receipt


@dataclass(frozen=True, eq=False)
class Attending:
    """What a vehicle makes of its view and these messages, before it has a plan."""

    messages: list[_Message]
    attended: Attended


class Agent:
    """One vehicle's driver and channel on its sockets."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        mesh: Mesh,
        guard: float = GUARD,
        chunk_bytes: int | None = None,
        period: float | None = None,
    ) -> None:
        """guard: [s] of wall clock. chunk_bytes: most air bytes of a chunk of what is said, None for no limit.

        period: between two decisions [s]; None for the driver's own.
        """
        self.name, self.channel, self.mesh, self.guard = name, channel, mesh, guard
        self.chunk_bytes = chunk_bytes
        self.max_age = mesh.max_age = max(MAX_AGE, channel.driver.period if period is None else period)
        self.view: Observation | None = None
        self.beacons: dict[str, Beacon] = {}
        self._held: dict[tuple[str, int], list[Chunk] | str] = {}  # came, or why not; the air is not done with them
        self._told: dict[str, int] = {}  # by sender the highest number whose fate is known
        self._pending: list[_Message] = []  # heard, but deliverable later in simulated time
        self._newest: dict[str, _Message] = {}  # per peer
        self._receipts: list[Receipt] = []

    def announce(self, view: Observation) -> Sent:
        """Take in a new view and broadcast the beacon that goes with it."""
        self.view = view
        beacon = view.beacon(self.channel.driver.fingerprint, self.channel.offers, self.channel.held)
        meta = self._meta("")
        return self._publish(BEACON, encode_bytes(msgspec.msgpack.encode(beacon), kind=BEACON, **meta), meta)

    def speak(self, fates: Sequence[Fate]) -> list[Sent]:
        """Hear the beacons that arrived, then say what each partner should know."""
        return self.say(self.meet(fates))

    def meet(self, fates: Sequence[Fate]) -> Audience:
        """Hear the beacons that arrived; who is to be spoken to."""
        self._pending += self._received(fates)
        for message in self._deliverable(beacons=True):
            self._keep_beacon(message)
        self.channel.meet(self._fresh())
        return self._audience()

    def asks(self, audience: Audience) -> list[Asked | None]:
        """What the driver will be asked by `say`, for each addressee."""
        return [self.channel.asks(self._known(), beacon) for _, beacon in audience]

    def say(self, audience: Audience, answers: Sequence[Answers | None] = ()) -> list[Sent]:
        """Say what each of the audience should know. answers: to what `say` asks; () to ask now."""
        sent = []
        for (addressee, beacon), answer in zip_longest(audience, answers):
            meta = self._meta(addressee)
            self.channel.known, self.channel.answers = self.mesh.codecs(addressee), answer
            try:
                chunks = self.channel.say(self._known(), beacon, meta)
                if chunks:
                    self.mesh.check(addressee, chunks[0].info.codec, air_bytes(chunks).payload)
            except (HandshakeError, BudgetError) as error:
                self._unspoken(meta, str(error))
                continue
            if chunks:
                said = self._publish(self.channel.name, chunks, meta)
                sent.append(msgspec.structs.replace(said, generated=self.channel.generated, way=self.channel.way))
        return sent

    def listen(self, fates: Sequence[Fate]) -> Decision:
        """Take in what arrived in time and decide."""
        with pooled(INFER):
            attending = self.attend(fates)
            (plan,) = plans(self.channel.driver, [attending.attended])
        return self.decide(attending, plan)

    def attend(self, fates: Sequence[Fate]) -> Attending:
        """Take in what arrived in time."""
        with span("receive"):
            self._pending += self._received(fates)
        messages = self._usable()
        return Attending(messages, self.channel.attend(self._known(), [m.chunks for m in messages]))

    def decide(self, attending: Attending, plan: Plan) -> Decision:
        """The decision for a plan, and what became of the messages."""
        heard = attending.attended.heard(plan)
        for i, message in enumerate(attending.messages):
            reason = heard.refused.get(i)
            share, missing = heard.partial.get(i, (1.0, ""))
            self._settle(message, "used" if reason is None else "refused", reason or missing, share)
            if reason is not None:  # it will not get better
                del self._newest[message.fate.sender]
        receipts, self._receipts = tuple(self._receipts), []
        return Decision(heard.plan, heard.foreign_tokens, receipts)

    @property
    def counters(self) -> dict[str, int]:
        """What went through the sockets, but for the bytes, and what the channel kept out, since the run began."""
        sockets = vars(self.mesh.counters).items()
        return {**{name: n for name, n in sockets if isinstance(n, int)}, **self.channel.counters}

    def _audience(self) -> Audience:
        """Addressees, and whose frame they are told in: each partner in its own; or all at once in ours, and, unless
        any model can read it, who has another model alone, since it asks for layers of its own choice."""
        chosen, own = partners(self._view, self._fresh()), self.channel.driver.fingerprint
        if self.channel.driver.addressing == "each":
            return [(beacon.name, beacon) for beacon in chosen]
        other = () if self.channel.open else chosen
        others = [(beacon.name, beacon) for beacon in other if beacon.fingerprint not in ("", own)]
        alike = len(others) < len(chosen)
        return [("", self._view.beacon(own)), *others] if alike else others

    @property
    def _view(self) -> Observation:
        if self.view is None:
            raise ConfigError(f"{self.name} has seen nothing yet: announce comes first")
        return self.view

    def _meta(self, addressee: str) -> dict[str, Any]:
        view = self._view
        return {
            "sender": self.name,
            "addressee": addressee,
            "seq": self.mesh.next_seq(),
            "sim_time": view.time,
            "pose": (view.body.x, view.body.y, view.body.yaw),
            "fingerprint": self.channel.driver.fingerprint,
            "chunk_bytes": self.chunk_bytes,
            "checksum": not self.mesh.secure,  # CURVE has its own, and a stronger one
        }

    def _publish(self, kind: str, chunks: Sequence[Chunk], meta: dict[str, Any]) -> Sent:
        with span("publish"):
            sent = self.mesh.publish(meta["addressee"], chunks)
        sizes = tuple(air_bytes([chunk]).total for chunk in chunks)
        time = meta["sim_time"]
        manifest = Manifest(self.name, meta["addressee"], meta["seq"], kind, time, time, sizes)
        return Sent(manifest, sent.air, sent.socket)

    def _received(self, fates: Sequence[Fate]) -> list[_Message]:
        """The messages of which something came; of the others a receipt is left.

        Sockets are faster than the air: what is still under way there is held until its last fate is known.
        """
        mine = [f for f in fates if f.listener == self.name]
        expected = [f for f in mine if not f.final or any(f.delivered)]
        wanted = {(f.sender, f.seq) for f in expected} - self._held.keys()
        for fate in mine:
            self._told[fate.sender] = max(fate.seq, self._told.get(fate.sender, -1))
        arrived = self.mesh.receive(wanted, self.guard, self._told)
        for key in wanted:
            self._held[key] = arrived[key] if key in arrived else self.mesh.refusals.get(key, "")
        opened = [self._opened(f, self._held.pop((f.sender, f.seq), "")) for f in mine if f.final]
        self._receipts += [receipt for receipt in opened if isinstance(receipt, Receipt)]
        return [message for message in opened if isinstance(message, _Message)]

    def _opened(self, fate: Fate, found: list[Chunk] | str) -> _Message | Receipt:
        """The message with the chunks that were delivered, or its receipt if it cannot be used.

        found: all its chunks as the socket brought them, or why they are not there.
        """
        if not any(fate.delivered):
            return self._receipt(fate, "air_lost")
        if isinstance(found, str):
            return self._receipt(fate, "refused" if found else "transport_lost", reason=found)
        header = found[0].info
        if header.sim_time > self._view.time + MOMENT:
            reason = f"spoken at {header.sim_time:g} s, which is still to come"
            return self._receipt(fate, "refused", reason=reason)
        if len(found) != len(fate.delivered):
            reason = f"{len(found)} chunks came, {len(fate.delivered)} were announced"
            return self._receipt(fate, "refused", header.sim_time, reason)
        if not header.codec and not all(fate.delivered):  # plain bytes are used whole or not at all
            return self._receipt(fate, "air_lost", header.sim_time)
        chunks = [chunk for chunk, there in zip(found, fate.delivered, strict=True) if there]
        return _Message(fate, header.sim_time, chunks)

    def _keep_beacon(self, message: _Message) -> None:
        try:
            beacon = read_struct(decode_bytes(message.chunks, kind=BEACON), Beacon, "a beacon")
        except WireError as error:
            return self._settle(message, "refused", str(error))
        if beacon.name != message.fate.sender:
            return self._settle(message, "refused", f"a beacon in the name of {beacon.name!r}")
        known = self.beacons.get(beacon.name)
        if known is not None and known.time > beacon.time:
            return self._settle(message, "stale", OVERTAKEN)
        self.beacons[beacon.name] = beacon
        self._settle(message, "used")

    def _settle(self, message: _Message, status: str, reason: str = "", share: float = 1.0) -> None:
        """A message's one receipt: what the first decision that could use it made of it."""
        if not message.settled:
            message.settled = True
            self._receipts.append(self._receipt(message.fate, status, message.spoken_at, reason, share))

    def _unspoken(self, meta: Mapping[str, Any], reason: str) -> None:
        """The receipt of a message that the addressee could not have read, or for which there was no room."""
        names = (meta["sender"], meta["addressee"])
        self._receipts.append(Receipt(*names, meta["seq"], self.channel.name, "unspoken", reason=reason))

    def _receipt(
        self, fate: Fate, status: str, spoken_at: float | None = None, reason: str = "", share: float = 1.0
    ) -> Receipt:
        age = 0.0 if spoken_at is None else self._view.time - spoken_at
        return Receipt(fate.sender, self.name, fate.seq, fate.kind, status, age, reason, share)

    def _usable(self) -> list[_Message]:
        """Per peer the newest message deliverable by now plus the window, if it is not too old."""
        for message in self._deliverable(beacons=False):
            before = self._newest.get(message.fate.sender)
            if before is not None:
                before, message = sorted((before, message), key=lambda m: m.spoken_at)
                self._settle(before, "stale", OVERTAKEN)
            self._newest[message.fate.sender] = message
        newest = [self._newest[sender] for sender in sorted(self._newest)]
        for message in newest:
            if not self._young(message.spoken_at):
                self._settle(message, "stale", TOO_OLD)
        return [m for m in newest if self._young(m.spoken_at)]

    def _deliverable(self, beacons: bool) -> list[_Message]:
        """Takes out of what is pending the beacons, or the rest, that is deliverable by now plus the window."""
        limit = self._view.time + WINDOW + MOMENT
        due = [m.fate.at <= limit and (m.fate.kind == BEACON) == beacons for m in self._pending]
        ready = [m for m, now in zip(self._pending, due, strict=True) if now]
        self._pending = [m for m, now in zip(self._pending, due, strict=True) if not now]
        return ready

    def _fresh(self) -> list[Beacon]:
        return [b for _, b in sorted(self.beacons.items()) if self._young(b.time)]

    def _young(self, since: float) -> bool:
        """Whether what was said at `since` [s] may still be used."""
        return self._view.time - since <= self.max_age + MOMENT

    def _known(self) -> Observation:
        return with_beacons(self._view, self._fresh())


def partners(view: Observation, beacons: Sequence[Beacon]) -> list[Beacon]:
    """To whom it is worth speaking: the vehicles whose routes meet one's own, the nearest first, then those whose
    routes come nearest; at most three."""
    own = np.array(view.route)

    def rank(beacon: Beacon) -> tuple[float, float]:
        theirs = np.array(beacon.route)
        gap = float(np.hypot(*(own[:, None] - theirs[None]).transpose(2, 0, 1)).min())
        return max(gap, TOUCH), math.hypot(beacon.body.x - view.body.x, beacon.body.y - view.body.y)

    ranked = sorted((*rank(b), b.name, b) for b in beacons)
    return [b for gap, _, _, b in ranked if gap < MEET][:PARTNERS]
