"""`codec=auto`: the best way to send a message that keeps to a budget."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from laco.agents.channels.rate import Budget, Way, ladder
from laco.agents.channels.transfer import cost, pack, select
from laco.comm import Chunk, air_bytes
from laco.comm.codecs import available, find
from laco.config import LacoConfig
from laco.errors import BudgetError, ConfigError
from laco.method.backbone import Backbone
from laco.method.deliberation import Trace
from laco.method.sharing import band

EXACT = ("recompute", "recompute-replay")


class Offer(NamedTuple):
    """A message as it could be sent, and what the receiver computes for it [flop]."""

    way: Way
    chunks: list[Chunk]
    flops: float = 0.0

    @property
    def nbytes(self) -> int:
        """In the air, headers included."""
        return air_bytes(self.chunks).total

    def fits(self, budget: Budget) -> bool:
        return budget.fits(self.nbytes, self.flops)


def fit(
    backbone: Backbone,
    trace: Trace,
    config: LacoConfig,
    budget: Budget,
    meta: Mapping[str, Any],
    *,
    ways: Sequence[Way] = (),
    alike: bool = True,
) -> tuple[Way, list[Chunk]]:
    """The message, and how it is sent: exact where a recipe fits (the sooner heard), else the first rung that fits.

    ways: the ladder, the best first and each smaller than the one before; none means the documented order
        (`rate.ladder`). Rungs are encoded until the first that fits is known: log2 of their number and one.
    alike: whether the addressee has the same model: only then can it follow recipes, and do with other layers.
    Raises: BudgetError if not even the smallest fits.
    """
    layers = band(trace, config.depth, config.layers)

    def offer(way: Way) -> Offer:
        config_of = replace(config, keep=way.keep, layers=way.layers)
        kept = select(trace, config_of)
        chunks = pack(backbone, trace, kept, config_of, way.codec, meta)
        return Offer(way, chunks, cost(backbone, trace, kept, config_of, way.codec))

    exact = [offer(Way(name, config.keep, layers)) for name in EXACT if alike and (name == EXACT[0] or trace.steps)]
    if fitting := [one for one in exact if one.fits(budget)]:
        best = min(fitting, key=lambda one: budget.delay(one.nbytes, one.flops))
        return best.way, best.chunks
    rungs = ways if ways and alike else ladder(config.keep, layers, _usable(meta["fingerprint"]), banded=alike)
    tried: dict[int, Offer] = {}

    def fits(number: int) -> bool:
        tried[number] = offer(rungs[number])
        return tried[number].fits(budget)

    found = bisect_left(range(len(rungs)), True, key=fits)
    if found == len(rungs):
        smallest = min([*exact, *tried.values()], key=lambda one: one.nbytes)
        raise BudgetError(f"no way to send fits {budget}: the smallest is {smallest.way.codec}, {smallest.nbytes} B")
    return tried[found].way, tried[found].chunks


def _usable(fingerprint: str) -> list[str]:
    """KV codecs that can carry this model's caches here."""
    found = []
    for name in available():
        try:
            find(name).require(fingerprint)
        except ConfigError:  # it has no table for the model, or needs a library that is not there
            continue
        found.append(name)
    return found
