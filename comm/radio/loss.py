"""Which fragments a listener misses. Every draw is a hash of the seed and of what it is for.

Bernoulli: each fragment alone. Gilbert-Elliott: in bursts, a state per link. Distance is a file of its own.
"""

from abc import ABC, abstractmethod
from typing import Annotated, NamedTuple

import msgspec

from laco.comm.radio.base import draw
from laco.errors import ConfigError

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Hop(NamedTuple):
    """A fragment on its way to one listener. distance [m]; size: with its headers [bytes]."""

    sender: str
    listener: str
    seq: int
    fragment: int
    size: int
    distance: float


class Link(ABC):
    """The losses of one run. A model with memory keeps it here; `Air` makes a new one for each run."""

    @abstractmethod
    def loses(self, hop: Hop) -> bool:
        """Whether the listener misses this fragment; called once for each, in the order of the air."""


class Bernoulli(msgspec.Struct, frozen=True, tag="bernoulli", tag_field="model", forbid_unknown_fields=True):
    """Each fragment is lost with probability `p`."""

    p: Share

    def start(self, seed: int, rate: float | None) -> Link:
        return _Bernoulli(self.p, seed)


class _Bernoulli(Link):
    def __init__(self, p: float, seed: int) -> None:
        self.p, self.seed = p, seed

    def loses(self, hop: Hop) -> bool:
        return draw(self.seed, "bernoulli", hop.sender, hop.listener, hop.seq, hop.fragment) < self.p


class Gilbert(msgspec.Struct, frozen=True, tag="gilbert", tag_field="model", forbid_unknown_fields=True):
    """Gilbert-Elliott, as netem's `gemodel p r 1-h 1-k`: a good and a bad state on each link.

    p: good to bad after a fragment. r: bad to good. bad ("1-h"): loss in the bad state; good ("1-k"): in the good one.
    A link begins in a state drawn from the long run, not in the good one as netem's does.
    """

    p: Share
    r: Share
    bad: Share = msgspec.field(default=1.0, name="1-h")
    good: Share = msgspec.field(default=0.0, name="1-k")

    def __post_init__(self) -> None:
        if self.p + self.r == 0.0:
            raise ValueError("p and r of gilbert cannot both be 0")

    @property
    def share_bad(self) -> float:
        """Share of fragments sent in the bad state."""
        return self.p / (self.p + self.r)

    @property
    def mean_loss(self) -> float:
        """Loss in the long run."""
        return self.share_bad * self.bad + (1.0 - self.share_bad) * self.good

    def start(self, seed: int, rate: float | None) -> Link:
        return _Gilbert(self, seed)


class _Gilbert(Link):
    def __init__(self, model: Gilbert, seed: int) -> None:
        self.model, self.seed = model, seed
        self._links: dict[tuple[str, str], tuple[int, bool]] = {}  # fragments so far, in the bad state

    def loses(self, hop: Hop) -> bool:
        model, link = self.model, (hop.sender, hop.listener)
        count, bad = self._links.get(link, (0, draw(self.seed, "gilbert start", *link) < model.share_bad))
        lost = draw(self.seed, "gilbert loss", *link, count) < (model.bad if bad else model.good)
        moves = draw(self.seed, "gilbert move", *link, count) < (model.r if bad else model.p)
        self._links[link] = (count + 1, bad != moves)
        return lost


def shares(text: str, most: int) -> list[float]:
    """Numbers between commas, as 0.1 or 10%. Raises: ConfigError."""
    parts = text.split(",")
    if len(parts) > most:
        raise ConfigError(f"{len(parts)} numbers, at most {most} are taken")
    try:
        return [float(p[:-1]) / 100 if p.endswith("%") else float(p) for p in map(str.strip, parts)]
    except ValueError as error:
        raise ConfigError(f"{text!r} is no list of numbers") from error
