"""What the air is told and what it answers, and the interface of a preset."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

Positions = Mapping[str, tuple[float, float]]  # x, y of each vehicle [m]


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

    delivered: per chunk, in order. at: simulation time from which the message can be used [s], infinity if
    nothing of it arrives.
    """

    sender: str
    listener: str
    seq: int
    kind: str
    delivered: tuple[bool, ...]
    at: float


Offer = tuple[Manifest, str]  # a transmission and one vehicle in reach of which it might come


class Radio(ABC):
    """A model of the air. It may keep state (queues, bursts): `Air` makes a new one for each run."""

    name: ClassVar[str]

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @abstractmethod
    def carry(self, t: float, offers: Sequence[Offer], positions: Positions) -> list[Fate]:
        """One fate per offer; they come sorted by time and sender, those of one broadcast together."""
