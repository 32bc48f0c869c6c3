"""Received caches that must not be heard: kept out, and counted; a peer that sends them again and again is muted.

Three checks: shape and finite numbers; norms against one's own cache (`Bounds`); mean norms against what the same
peer sent before (drift). They stop accidents and naive insiders: a cache made to mislead within all these bounds
passes (docs/security.md).
"""

import math
from collections import deque
from dataclasses import dataclass, field

import torch
from torch import Tensor

from laco.comm import WireError
from laco.errors import CacheError
from laco.method.backbone import Backbone
from laco.method.cache import KVCache
from laco.method.context import Context
from laco.method.fusion import infer
from laco.method.soundness import Bounds, check, scale

DRIFT = 2.0
"""By what factor a mean norm may leave the median of the peer's last ones: honest ones reach 1.29."""
SETTLED = 5  # messages until there is a history to drift from
HISTORY = 32  # messages in it
STRIKES = 3  # messages kept out after which a peer is heard no more


@dataclass
class _Record:
    """What is remembered of one peer."""

    strikes: int = 0
    scales: dict[tuple[int, ...], deque[Tensor]] = field(default_factory=dict)  # per layer band, of sound caches


class Quarantine:
    """Lets sound caches pass.

    unsound, drifted, muted: how many were kept out for their shape or norms, for their drift, and for their sender.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.unsound = self.drifted = self.muted = 0
        self._bounds: Bounds | None = None
        self._records: dict[str, _Record] = {}

    @property
    def count(self) -> int:
        """How many were kept out."""
        return self.unsound + self.drifted + self.muted

    def measure(self, context: Context) -> None:
        """Take the norms of one's own cache, heard by nobody, as the measure; only the first context counts."""
        if self._bounds is None:
            self._bounds = Bounds.of(infer(self.backbone, context, tail=True).cache)

    def listen(self, sender: str) -> None:
        """Raises: WireError for a peer that is muted: its message need not even be decoded."""
        if self._record(sender).strikes >= STRIKES:
            self.muted += 1
            raise WireError(f"muted: {STRIKES} messages of {sender} were quarantined")

    def admit(self, cache: KVCache, sender: str = "") -> KVCache:
        """The cache itself. Raises: WireError, saying what is wrong with it, for one that is kept out."""
        record = self._record(sender)
        try:
            check(cache, self.backbone, self._bounds)
        except CacheError as error:
            self.unsound += 1
            record.strikes += 1
            raise WireError(f"quarantined: {error}") from error
        if cache.num_tokens:
            self._compare(cache, record)
        return cache

    def _compare(self, cache: KVCache, record: _Record) -> None:
        """Notes the mean norms of a cache. Raises: WireError if they are far from those before."""
        found = scale(cache).log()
        before = record.scales.setdefault(cache.layer_ids, deque(maxlen=HISTORY))
        if len(before) >= SETTLED:
            factor = math.exp(float((found - torch.stack(tuple(before)).median(0).values).abs().max()))
            if not factor <= DRIFT:
                self.drifted += 1
                record.strikes += 1
                raise WireError(f"quarantined: norms {factor:.3g} times off what this peer sent before")
        before.append(found)

    def _record(self, sender: str) -> _Record:
        return self._records.setdefault(sender, _Record())
