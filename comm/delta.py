"""Who has what: the bookkeeping by which messages are coded against earlier ones and none is ever undecodable.

Sending side: `Said`. Listening side: `Kept`. Both keep, of every stream (a sender's messages to one addressee, or to
all), the last `DEPTH` messages, as decoded. A listener names in its beacon those it has decoded whole and kept; a
sender codes against the newest that all listeners have named and that is among the last `DEPTH` it said. What a
listener has decoded of these is among the last it has decoded, so it is still there, whatever was lost in between,
messages or beacons. Where there is no such message, or coding against it does not pay, a keyframe goes out.
"""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from laco.comm.account import air_bytes
from laco.comm.codecs.delta import FINE, Delta
from laco.comm.decoding import decode
from laco.comm.encoding import encode
from laco.comm.message import Chunk, Header
from laco.errors import WireError
from laco.method.cache import KVCache

DEPTH = 8
COARSEST = 1.5  # a base whose steps are coarser by more than this is none: a message shall not be worse for being small


class Base(NamedTuple):
    """A message to code against."""

    seq: int
    cache: KVCache


class Said:
    """One vehicle's messages as their receivers decode them, and which of them its peers have.

    keyframe: codec of messages that stand alone. levels: fineness of the others (`Delta`).
    """

    def __init__(self, keyframe: str = "int8", levels: int = FINE) -> None:
        self.keyframe, self.levels = keyframe, levels
        self._streams: dict[str, dict[int, KVCache]] = {}  # by addressee and number, the oldest first
        self._named: dict[str, set[int]] = {}  # by peer: numbers that it has

    def note(self, peer: str, held: Iterable[int]) -> None:
        """Take in which messages of this vehicle a peer's newest beacon names."""
        new, known = set(held), self._named.get(peer, set())
        if max(new, default=-1) < max(known, default=-1):  # it has begun anew, and forgotten
            known = set()
        self._named[peer] = (known | new) & {seq for stream in self._streams.values() for seq in stream}

    def encode(self, cache: KVCache, listeners: Collection[str], **meta: Any) -> list[Chunk]:
        """The message, and a note of it.

        listeners: the vehicles that are to decode it. meta: as `laco.comm.encode` takes it, with seq and addressee.
        Raises: WireError for what cannot be sent.
        """
        chunks = encode(cache, self.keyframe, **meta)
        base = self.base(meta["addressee"], listeners)
        found = None if base is None else self._shorter(chunks, cache, base, meta)
        chunks, heard = found or (chunks, decode(chunks))
        _remember(self._streams.setdefault(meta["addressee"], {}), meta["seq"], heard, DEPTH)
        return chunks

    def base(self, addressee: str, listeners: Collection[str]) -> Base | None:
        """The newest message of a stream that all listeners have; None if there is none."""
        stream = self._streams.get(addressee, {})
        common = set(stream).intersection(*(self._named.get(name, set()) for name in listeners))
        return Base(max(common), stream[max(common)]) if common and listeners else None

    def _shorter(
        self, chunks: list[Chunk], cache: KVCache, base: Base, meta: dict[str, Any]
    ) -> tuple[list[Chunk], KVCache] | None:
        """The message against a base, and as it is decoded; None where the keyframe is better."""
        codec = Delta(base.cache, self.levels)
        try:
            if codec.coarseness(cache) > COARSEST:
                return None
            coded = encode(cache, codec, base=base.seq, **meta)
            if air_bytes(coded).total >= air_bytes(chunks).total:
                return None
            return coded, decode(coded, reference=base.cache)
        except WireError:  # unlike its base, or beyond a reader's limits: what stands alone is always possible
            return None


class Kept:
    """What one vehicle has decoded of its peers' messages."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], dict[int, KVCache]] = {}

    @property
    def held(self) -> tuple[tuple[str, int], ...]:
        """For the beacon: of every stream its sender and the number of its newest message here."""
        return tuple(sorted((sender, max(stream)) for (sender, _), stream in self._streams.items()))

    def reference(self, header: Header) -> KVCache | None:
        """What a message is coded against; None if it stands alone. Raises: WireError if it is not here."""
        if header.base < 0:
            return None
        stream = self._streams.get((header.sender, header.addressee), {})
        if header.base not in stream:
            raise WireError(f"coded against message {header.base} of {header.sender!r}, which is not here")
        return stream[header.base]

    def keep(self, header: Header, cache: KVCache) -> None:
        """A message that was decoded whole, as it was decoded."""
        # One more than the sender's: the newest may be decoded again, and must not have pushed out its own base.
        _remember(self._streams.setdefault((header.sender, header.addressee), {}), header.seq, cache, DEPTH + 1)


def _remember(stream: dict[int, KVCache], seq: int, cache: KVCache, most: int) -> None:
    """The newest `most` of a stream stay; what is older than all of them is not taken in."""
    stream[seq] = cache
    while len(stream) > most:
        del stream[min(stream)]
