"""`Medium`: one channel on which fragments go out one after the other, and the senders that wait for it.

Each sender with something to send holds a backoff, drawn anew for each fragment; the smallest goes next and the others
keep what is left of theirs, as in 802.11. Beacons go before everything else, at the next fragment. A newer message
to the same addressee replaces what its sender has not sent of the older one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from laco.comm.radio.base import BEACON, NEVER, Manifest, draw
from laco.comm.radio.fragments import Fragment, cut
from laco.comm.radio.spec import RadioSpec
from laco.comm.radio.trace import Trace


@dataclass
class Transfer:
    """A message on its way: `sent` of its fragments have gone out, the last until `until` [s].

    lost: fragments that nobody got, because they collided.
    """

    manifest: Manifest
    fragments: list[Fragment]
    sent: int = 0
    began: float = NEVER
    until: float = NEVER
    replaced: bool = False

    @property
    def done(self) -> bool:
        return self.replaced or self.sent == len(self.fragments)

    @property
    def beacon(self) -> bool:
        return self.manifest.kind == BEACON


class Sending(NamedTuple):
    """One fragment that went out, and whether another one destroyed it."""

    transfer: Transfer
    number: int
    start: float
    end: float
    collided: bool


@dataclass
class Medium:
    """The channel of one or all senders. busy: time it was on the air so far [s]; free: when it ends [s]."""

    spec: RadioSpec
    seed: int
    trace: Trace | None
    heard: Callable[[Sending], None]
    free: float = 0.0
    busy: float = 0.0
    queue: list[Transfer] = field(default_factory=list)
    _backoffs: dict[str, int] = field(default_factory=dict)  # left of each sender's [slots]
    _gates: dict[str, float] = field(default_factory=dict)  # when the duty cycle lets a sender on the air again

    def offer(self, manifest: Manifest) -> Transfer:
        """Take a message in."""
        transfer = Transfer(manifest, cut(manifest.chunk_sizes, self.spec.mtu))
        self.queue.append(transfer)
        return transfer

    def run(self, until: float, *, beacons: bool = False) -> None:
        """Send what starts before `until` [s]. beacons: those alone, as far as nothing else could come between."""
        while (found := self._next()) is not None:
            start, heads = found
            if start >= until or (beacons and not (heads[0].beacon and start <= self._soonest())):
                return
            self._send(start, heads)

    def _soonest(self) -> float:
        """When anything that comes now could go out at the earliest."""
        return max(self.free, min(t.manifest.ready_at for t in self.queue))

    def _next(self) -> tuple[float, list[Transfer]] | None:
        """When the medium is next taken, and the first message of each sender that wants it then."""
        self.queue = [t for t in self.queue if not t.done]
        if not self.queue:
            return None
        start = max(self.free, min(map(self._open, self.queue)))
        if self.trace is not None:
            start = self.trace.open_from(start)
        self._replace(start)
        waiting = [t for t in self.queue if not t.done and self._open(t) <= start]
        if not waiting:  # what was open has been replaced just now
            return self._next()
        first = [t for t in waiting if t.beacon] or waiting
        heads: dict[str, Transfer] = {}
        for transfer in first:
            heads.setdefault(transfer.manifest.sender, transfer)
        return start, [heads[sender] for sender in sorted(heads)]

    def _open(self, transfer: Transfer) -> float:
        """From when on a message may be on the air [s]."""
        return max(transfer.manifest.ready_at, self._gates.get(transfer.manifest.sender, 0.0))

    def _replace(self, now: float) -> None:
        """Drop what a message that is ready by `now` [s] replaces."""
        newest: dict[tuple[str, str, str], Transfer] = {}
        for transfer in self.queue:
            m = transfer.manifest
            if m.ready_at > now:
                continue
            older = newest.get((m.sender, m.addressee, m.kind))
            if older is not None:
                older.replaced = True
            newest[m.sender, m.addressee, m.kind] = transfer

    def _send(self, start: float, heads: Sequence[Transfer]) -> None:
        """One round of contention among the heads, and the fragment or fragments that it lets out."""
        slots = {t.manifest.sender: self._backoff(t) for t in heads}
        least = min(slots.values())
        first = [t for t in heads if slots[t.manifest.sender] == least]
        sending = first if self.spec.collisions else first[:1]
        for sender, left in slots.items():
            self._backoffs[sender] = left - least
        begin = start + self.spec.access(least)
        rate = None if self.trace is None else self.trace.at(begin).rate or self.trace.at(start).rate
        ends = [begin + self.spec.airtime(t.fragments[t.sent].size, rate) for t in sending]
        self.free = max(ends)
        self.busy += self.free - begin
        for transfer, end in zip(sending, ends, strict=True):
            self._out(transfer, begin, end, len(sending) > 1)

    def _backoff(self, transfer: Transfer) -> int:
        """What is left of the sender's backoff, or a new one [slots]."""
        m, most = transfer.manifest, self.spec.contention
        if not most:
            return 0
        if m.sender not in self._backoffs:
            self._backoffs[m.sender] = int(draw(self.seed, "backoff", m.sender, m.seq, transfer.sent) * (most + 1))
        return self._backoffs[m.sender]

    def _out(self, transfer: Transfer, begin: float, end: float, collided: bool) -> None:
        sender, number = transfer.manifest.sender, transfer.sent
        self._backoffs.pop(sender, None)
        if self.spec.duty < 1.0:
            self._gates[sender] = begin + (end - begin) / self.spec.duty
        transfer.began = min(transfer.began, begin)
        transfer.sent, transfer.until = number + 1, end
        self.heard(Sending(transfer, number, begin, end, collided))
