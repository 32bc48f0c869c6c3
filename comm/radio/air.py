"""`Air`: one deterministic, stateful object that decides which transmission arrives where and when.

It sees every transmission of every vehicle, so it can do contention, backlog and bursts. Its parts: `fragments` and
`airtime` (what goes out), `medium` (in what order and when), `loss`, `distance` and `trace` (what is heard of it).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from laco.comm.radio.base import BEACON, NEVER, WINDOW, Fate, Manifest, Positions, draw
from laco.comm.radio.loss import Hop, Link
from laco.comm.radio.medium import Medium, Sending, Transfer
from laco.comm.radio.spec import RadioSpec
from laco.comm.radio.trace import Trace
from laco.errors import ConfigError


@dataclass
class Counters:
    """What the air did since the last reset.

    transmitted: fragments that went out; unsent: fragments that a newer message replaced; replaced: messages of which
    a newer one replaced the unsent rest, or all; collided: fragments that others destroyed.
    airtime: time on the air by sender [s].
    """

    transmitted: int = 0
    unsent: int = 0
    replaced: int = 0
    collided: int = 0
    airtime: dict[str, float] = field(default_factory=dict)


@dataclass
class _Flight:
    """A message on its way, and per listener its lost fragments: their chunks, one entry each."""

    transfer: Transfer
    losses: dict[str, list[int]]


class Air:
    """The air between the vehicles of one run, on the simulation clock."""

    def __init__(self, radio: str | RadioSpec = "ideal", seed: int = 0) -> None:
        """radio: a preset, a YAML file, or a spec; seed: of every draw. Raises ConfigError for an unknown one."""
        self.radio = RadioSpec.from_text(radio) if isinstance(radio, str) else radio
        self.seed = seed
        self._trace = Trace.read(self.radio.trace) if self.radio.trace else None
        self.reset()

    def reset(self) -> None:
        """As new: the same seed gives the same fates again."""
        self.clock, self._began = -NEVER, math.nan
        self.counters = Counters()
        self._media: dict[str, Medium] = {}
        self._flights: dict[tuple[str, int], _Flight] = {}
        self._positions: Positions = {}
        loss = self.radio.loss
        rate = self.radio.rate if self.radio.ofdm else None
        self._link: Link | None = None if loss is None else loss.start(self.seed, rate)

    @property
    def busy(self) -> dict[str, float]:
        """Time that each vehicle found its medium busy [s]: the shared one, or its own."""
        idle = Medium(self.radio, self.seed, None, self._heard)
        found = {name: self._media.get("" if self.radio.shared else name, idle) for name in sorted(self._positions)}
        return {name: medium.busy for name, medium in found.items()}

    @property
    def elapsed(self) -> float:
        """From the first step to the clock, or to the end of what is on the air already [s]."""
        ends = [medium.free for medium in self._media.values()]
        return 0.0 if math.isnan(self._began) else max(self.clock, *ends, self._began) - self._began

    def step(self, t: float, manifests: Iterable[Manifest], positions: Positions) -> list[Fate]:
        """The fates decided since the last step, and those of what is spoken now; by sender, number, listener.

        t: simulation time [s], never before that of the last step. Decided is what goes out before t + `WINDOW`:
        vehicles that decide less often than that speak again only later. What does not fit has a fate that is not
        `final` now and another one in a later step. Beacons are stepped before the messages of the same time: a step
        of beacons alone settles nothing but them, as a message may yet replace an older one.
        positions: x, y of every vehicle [m]; a broadcast has one fate per other vehicle among them, an
            addressed message one in all, lost where its addressee is not among them.
        Raises ConfigError when the time goes back, or for a second message of the same number.
        """
        if not t >= self.clock:
            raise ConfigError(f"the air is at {self.clock} s, not before {t} s; reset it between runs")
        moved = t > self.clock
        self._run(t)
        self.clock, self._positions = t, positions
        if math.isnan(self._began):
            self._began = t
        # Not the order in which hosts happened to answer decides, but the names.
        ordered = sorted(manifests, key=lambda m: (m.spoken_at, m.sender, m.seq))
        absent = [lost(m, name) for m in ordered for name in _listeners(m, positions) if name not in positions]
        new = [self._offer(m, positions) for m in ordered if all(n in positions for n in _listeners(m, positions))]
        more = moved and bool(ordered) and all(m.kind == BEACON for m in ordered)
        self._run(t + WINDOW, beacons=more)
        settled = self._settled()
        waiting = [f for flight in new if not flight.transfer.done for f in _waiting(flight)]
        return sorted([*settled, *waiting, *absent], key=lambda fate: (fate.sender, fate.seq, fate.listener))

    def _run(self, until: float, beacons: bool = False) -> None:
        for _, medium in sorted(self._media.items()):
            medium.run(until, beacons=beacons)

    def _offer(self, manifest: Manifest, positions: Positions) -> _Flight:
        key = (manifest.sender, manifest.seq)
        if key in self._flights:
            raise ConfigError(f"message {manifest.seq} of {manifest.sender} is on the air already")
        name = "" if self.radio.shared else manifest.sender
        if name not in self._media:
            self._media[name] = Medium(self.radio, self.seed, self._trace, self._heard)
        transfer = self._media[name].offer(manifest)
        flight = _Flight(transfer, {listener: [] for listener in _listeners(manifest, positions)})
        self._flights[key] = flight
        return flight

    def _heard(self, sending: Sending) -> None:
        """A fragment went out: who misses it?"""
        transfer = sending.transfer
        m, fragment = transfer.manifest, transfer.fragments[sending.number]
        self.counters.transmitted += 1
        self.counters.collided += sending.collided
        spent = self.counters.airtime.get(m.sender, 0.0)
        self.counters.airtime[m.sender] = spent + sending.end - sending.start
        for listener, losses in self._flights[m.sender, m.seq].losses.items():
            size = fragment.size + self.radio.headers
            hop = Hop(m.sender, listener, m.seq, sending.number, size, self._distance(m.sender, listener))
            if self._misses(hop, sending):
                losses.append(fragment.chunk)

    def _misses(self, hop: Hop, sending: Sending) -> bool:
        if hop.distance > (self.radio.range or NEVER) or math.isinf(hop.distance):
            return True
        # The link is asked in any case: its state goes on with every fragment.
        lost = self._link is not None and self._link.loses(hop)
        if self._trace is not None:
            share = self._trace.at(sending.start).loss
            lost |= draw(self.seed, "trace", hop.sender, hop.listener, hop.seq, hop.fragment) < share
        return lost or sending.collided

    def _distance(self, sender: str, listener: str) -> float:
        """[m], infinity to one who has left."""
        here, there = self._positions.get(sender), self._positions.get(listener)
        return NEVER if here is None or there is None else math.dist(here, there)

    def _settled(self) -> list[Fate]:
        """Final fates of messages of which nothing more comes; they are forgotten."""
        done = [(key, flight) for key, flight in self._flights.items() if flight.transfer.done]
        for key, flight in done:
            del self._flights[key]
            if flight.transfer.replaced:
                self.counters.replaced += 1
                self.counters.unsent += len(flight.transfer.fragments) - flight.transfer.sent
        return [self._final(flight, listener) for _, flight in done for listener in flight.losses]

    def _final(self, flight: _Flight, listener: str) -> Fate:
        transfer, losses = flight.transfer, flight.losses[listener]
        m = transfer.manifest
        gone = {*losses, *(fragment.chunk for fragment in transfer.fragments[transfer.sent :])}
        delivered = tuple(chunk not in gone for chunk in range(len(m.chunk_sizes)))
        delay = 0.0 if self._trace is None or not transfer.sent else self._trace.at(transfer.until).delay
        return Fate(
            sender=m.sender,
            listener=listener,
            seq=m.seq,
            kind=m.kind,
            delivered=delivered,
            at=transfer.until + delay if any(delivered) else NEVER,
            began=transfer.began,
            fragments=transfer.sent,
            lost=len(losses),
            unsent=len(transfer.fragments) - transfer.sent,
        )


def lost(manifest: Manifest, listener: str) -> Fate:
    """The fate of a message of which nothing arrives, for its listener is not there."""
    chunks = len(manifest.chunk_sizes)
    return Fate(manifest.sender, listener, manifest.seq, manifest.kind, (False,) * chunks, NEVER)


def _waiting(flight: _Flight) -> list[Fate]:
    m = flight.transfer.manifest
    none = (False,) * len(m.chunk_sizes)
    return [Fate(m.sender, name, m.seq, m.kind, none, NEVER, final=False) for name in flight.losses]


def _listeners(manifest: Manifest, positions: Mapping[str, tuple[float, float]]) -> list[str]:
    if manifest.addressee:
        return [manifest.addressee]
    return sorted(name for name in positions if name != manifest.sender)
