"""What has come before on one link: the numbers of its topics, and the messages themselves. Memory is bounded."""

from typing import Literal

from laco.comm.message import Header

WRAP = 1 << 32  # the numbers of chunks wrap
LATE = 4096  # [chunks] missing ones of a topic that are remembered
BEHIND = 64  # [messages] how far behind the newest one is still told from a repeated one: by then it is too old anyway

Place = Literal["next", "late", "again"]


class Numbers:
    """The numbers of one link's chunks, per topic."""

    def __init__(self) -> None:
        self._next: dict[bytes, int] = {}
        self._missing: dict[bytes, dict[int, None]] = {}  # in the order of their numbers

    def begin(self, starts: dict[bytes, int]) -> None:
        """Forgets everything: these numbers come next."""
        self._next, self._missing = dict(starts), {}

    def take(self, topic: bytes, number: int) -> tuple[Place, int]:
        """Where a number stands, and how many are missing before it: "late" is one that was missing."""
        gap = self.skip_to(topic, number)
        if gap is not None:
            self._next[topic] = (number + 1) % WRAP
            return "next", gap
        missing = self._missing.get(topic, {})
        if number not in missing:
            return "again", 0
        del missing[number]
        return "late", 0

    def skip_to(self, topic: bytes, number: int) -> int | None:
        """Expects `number` next, and says how many are left out; None, and no change, if it is behind."""
        expected = self._next.get(topic, number)
        gap = (number - expected) % WRAP
        if gap >= WRAP // 2:  # that far ahead is behind
            return None
        missing = self._missing.setdefault(topic, {})
        missing.update(dict.fromkeys((number - i) % WRAP for i in range(min(gap, LATE), 0, -1)))
        while len(missing) > LATE:
            del missing[next(iter(missing))]
        self._next[topic] = number
        return gap


class Seen:
    """Which chunks of which messages have come, by the numbers in their headers."""

    def __init__(self) -> None:
        self.newest = -1
        self._chunks: dict[int, int] = {}  # message -> its chunks as bits

    def clear(self) -> None:
        self.newest, self._chunks = -1, {}

    def knows(self, header: Header) -> bool:
        """Whether this chunk has come before, or is of a message too far behind to tell."""
        if header.seq <= self.newest - BEHIND:
            return True
        return bool(self._chunks.get(header.seq, 0) >> header.index & 1)

    def add(self, header: Header) -> None:
        """Notes a chunk."""
        self.newest = max(self.newest, header.seq)
        self._chunks[header.seq] = self._chunks.get(header.seq, 0) | 1 << header.index
        if len(self._chunks) > 2 * BEHIND:
            self._chunks = {seq: bits for seq, bits in self._chunks.items() if seq > self.newest - BEHIND}
