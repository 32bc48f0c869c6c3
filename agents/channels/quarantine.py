"""Received caches that must not be heard: kept out, and counted."""

from laco.comm import WireError
from laco.errors import CacheError
from laco.method.backbone import Backbone
from laco.method.cache import KVCache
from laco.method.context import Context
from laco.method.fusion import infer
from laco.method.soundness import Bounds, check


class Quarantine:
    """Lets sound caches pass. count: how many were kept out."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.count = 0
        self._bounds: Bounds | None = None

    def measure(self, context: Context) -> None:
        """Take the norms of one's own cache, heard by nobody, as the measure; only the first context counts."""
        if self._bounds is None:
            self._bounds = Bounds.of(infer(self.backbone, context).cache)

    def admit(self, cache: KVCache) -> KVCache:
        """The cache itself. Raises: WireError, saying what is wrong with it, for one that is kept out."""
        try:
            check(cache, self.backbone, self._bounds)
        except CacheError as error:
            self.count += 1
            raise WireError(f"quarantined: {error}") from error
        return cache
