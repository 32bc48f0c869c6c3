"""What the air is told and what it answers."""

from collections.abc import Mapping

import msgspec
import xxhash

Positions = Mapping[str, tuple[float, float]]  # x, y of each vehicle [m]

BEACON = "beacon"  # the kind of message that goes before all others
WINDOW = 0.1  # [s] a message deliverable this long after a decision still counts (TS 22.185's latency budget)
NEVER = float("inf")


class Manifest(msgspec.Struct, frozen=True):
    """One transmission, as its sender announces it.

    addressee: "" means all. seq: number of the message, unique per sender within a run.
    spoken_at: simulation time [s]. ready_at: the same plus the sender's compute [s]; equal when frozen.
    chunk_sizes: air bytes of each chunk [bytes].
    """

    sender: str
    addressee: str
    seq: int
    kind: str
    spoken_at: float
    ready_at: float
    chunk_sizes: tuple[int, ...]


class Fate(msgspec.Struct, frozen=True):
    """What became of one message at one listener.

    delivered: per chunk, in order. at: simulation time from which the message can be used: the end of its last
    fragment on the air [s], infinity if nothing of it arrives.
    final: False while some of it waits at its sender; another fate of it follows, and nothing is delivered yet.
    began: simulation time at which its first fragment went out [s], infinity if none did.
    fragments: that went out; lost: those of them that this listener did not get; unsent: those that a newer
    message replaced.
    """

    sender: str
    listener: str
    seq: int
    kind: str
    delivered: tuple[bool, ...]
    at: float
    final: bool = True
    began: float = NEVER
    fragments: int = 0
    lost: int = 0
    unsent: int = 0


def draw(seed: int, *what: object) -> float:
    """A number in [0, 1) that depends on the seed and on what it is for, and on nothing else."""
    return xxhash.xxh3_64_intdigest("/".join(map(str, (seed, *what))).encode()) / 2.0**64
