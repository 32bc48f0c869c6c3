"""How a thought leaves the vehicle: by recipe, whole, as a difference, or as the budget has it."""

from collections.abc import Callable, Mapping
from typing import Any

from laco.agents.channels import DELTAS
from laco.agents.channels.control import fit
from laco.agents.channels.deltas import Deltas
from laco.agents.channels.rate import Budget, Way
from laco.agents.channels.transfer import KV, pack, select
from laco.comm import Chunk, encode, parse
from laco.config import LacoConfig
from laco.method.backbone import Backbone
from laco.method.cache import KVCache
from laco.method.deliberation import Trace
from laco.method.sharing import band, share
from laco.profiling.spans import span

Swap = Callable[[KVCache, Mapping[str, Any]], KVCache]  # a control: another payload under the true header


class Sending:
    """One vehicle's. fingerprint: of its model. swap: see `Latent`. budget, ways: see `fit`."""

    def __init__(
        self,
        backbone: Backbone,
        fingerprint: str,
        deltas: Deltas,
        swap: Swap | None,
        budget: Budget,
        ways: tuple[Way, ...],
    ) -> None:
        self.backbone, self.fingerprint, self.deltas = backbone, fingerprint, deltas
        self.swap, self.budget, self.ways = swap, budget, ways

    def packed(
        self, trace: Trace, config: LacoConfig, codec: str, theirs: str, meta: Mapping[str, Any]
    ) -> tuple[Way, list[Chunk]]:
        """How it is sent, and the message. theirs: the addressee's fingerprint, "" for one's own.

        Raises: BudgetError if no way to send it fits; WireError and ConfigError for what cannot be sent.
        """
        if codec == "auto":
            alike = theirs in ("", self.fingerprint)
            with span("encode"):
                return fit(self.backbone, trace, config, self.budget, meta, ways=self.ways, alike=alike)
        kept = select(trace, config)
        way = Way(codec, config.keep, band(trace, config.depth, config.layers))
        with span("encode"):
            if codec in DELTAS:
                chunks = self.deltas.encode(share(trace, kept, config.depth, config.layers), meta)
                keyframe = parse(chunks[0].header).base < 0
                return Way(KV if keyframe else codec, way.keep, way.layers), chunks
            if self.swap is not None:
                part = self.swap(share(trace, kept, config.depth, config.layers), meta)
                return way, encode(part, codec=codec, **meta)
            return way, pack(self.backbone, trace, kept, config, codec, meta)
