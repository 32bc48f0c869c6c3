"""The lines of `messages.jsonl`: every transmission of a run, and what became of it at each listener."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from laco.errors import ConfigError

FILE = "messages.jsonl"
PENDING = "pending"  # on its way when the run ended


class Split(msgspec.Struct, frozen=True):
    """Bytes by purpose; total is their sum."""

    payload: int = 0
    metadata: int = 0
    framing: int = 0
    total: int = 0

    def __add__(self, other: "Split") -> "Split":
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return Split(*(a + b for a, b in pairs))


class Heard(msgspec.Struct, frozen=True):
    """One message at one listener: a *delivery*.

    status: used, refused, stale, air_lost, transport_lost, or pending. age_s: of the message at the decision that
    settled its status [s]. delivered_at_s: simulation time from which it could be used [s], None if nothing of it
    arrived. chunks: how many the air delivered. share: of the cache that could be used, below 1 of one used in part.
    Where the radio models fragments: began_at_s, when the first one went out [s], None if none did; fragments, how
    many did; fragments_lost, how many of those did not arrive.
    """

    listener: str
    status: str
    age_s: float = 0.0
    reason: str = ""
    delivered_at_s: float | None = None
    chunks: int = 0
    share: float = 1.0
    began_at_s: float | None = None
    fragments: int = 0
    fragments_lost: int = 0


class Line(msgspec.Struct, frozen=True):
    """One transmission.

    addressee: "" for all. spoken_at_s, ready_at_s: simulation time [s]. chunk_sizes: air bytes of each chunk [bytes].
    codec, keep, layers: how a cache was sent, the share of its tokens and its layers; empty for anything else.
    """

    channel: str
    kind: str
    sender: str
    addressee: str
    seq: int
    spoken_at_s: float
    ready_at_s: float
    chunk_sizes: tuple[int, ...]
    air_bytes: Split
    socket_bytes: Split
    heard: tuple[Heard, ...]
    codec: str = ""
    keep: float = 1.0
    layers: tuple[int, ...] = ()

    def whole(self, heard: Heard) -> bool:
        """Whether the air delivered all of it to a listener."""
        return heard.delivered_at_s is not None and heard.chunks == len(self.chunk_sizes)


Delivery = tuple[Line, Heard]


def deliveries(lines: Iterable[Line]) -> Iterator[Delivery]:
    """Every message at every listener that it was meant for."""
    return ((line, heard) for line in lines for heard in line.heard)


def total(splits: Iterable[Split]) -> Split:
    """Their sum."""
    return sum(splits, Split())


def read(folder: Path) -> list[Line]:
    """The transmissions of a run's folder. Raises: ConfigError where there are none that can be read."""
    path = folder / FILE
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"{folder} is no folder of a run: {FILE} cannot be read: {error.strerror}") from error
    decoder = msgspec.json.Decoder(Line)
    try:
        return [decoder.decode(line) for line in lines]
    except (msgspec.MsgspecError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def channels(lines: Sequence[Line]) -> list[str]:
    """The runs in a folder, in their order."""
    return list(dict.fromkeys(line.channel for line in lines))
