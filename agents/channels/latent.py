"""`latent`: the part of the sender's KV cache that matters, heard in the layers it comes from.

The sender reads its own view *as the addressee would*: in that vehicle's frame, with that vehicle's speed and
route out of its beacon. Drivers that were never trained on foreign KV understand it only this way
(docs/results.md).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from laco.agents.adapters import Adapters, agreed, decoded
from laco.agents.channels.base import Channel, Heard
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.vector import VectorDriver
from laco.agents.observation import Beacon, Observation, Offer
from laco.comm import Chunk, WireError, encode
from laco.config import LacoConfig
from laco.method.cache import KVCache
from laco.method.context import Context
from laco.method.deliberation import deliberate
from laco.method.fusion import Inference, infer
from laco.method.saliency import attribute
from laco.method.sharing import share
from laco.profiling.spans import span

Swap = Callable[[KVCache, Mapping[str, Any]], KVCache]  # a control: another payload under the true header


class Latent(Channel):
    """LACO itself: deliberate, attribute, share; infer with what the peers shared.

    swap: replaces the payload of every message (for controls); None sends what was thought.
    masked: ids of actors left out of what is said, as if they were not there (the twin control).
    adapters: for caches of other models; None for none.
    """

    name = "latent"

    def __init__(
        self,
        driver: VectorDriver,
        caution: float,
        config: LacoConfig,
        codec: str = "int8",
        swap: Swap | None = None,
        masked: tuple[int, ...] = (),
        adapters: Adapters | None = None,
    ) -> None:
        super().__init__(driver, caution)
        self.config, self.codec, self.swap, self.masked = config, codec, swap, masked
        self.adapters = adapters or Adapters(driver.fingerprint)

    @property
    def offers(self) -> tuple[Offer, ...]:
        return self.adapters.offers

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk]:
        part = self.think(view, to)
        if self.swap is not None:
            part = self.swap(part, meta)
        with span("encode"):
            return encode(part, codec=self.codec, **meta)

    def think(self, view: Observation, to: Beacon) -> KVCache:
        """What leaves the vehicle, before it is encoded. Raises: HandshakeError if the addressee cannot read it."""
        driver, config = self.driver, self.config
        layers = agreed(driver.fingerprint, to) or config.layers
        if self.masked:
            seen = tuple(a for a in view.actors if a.id not in self.masked)
            view = msgspec.structs.replace(view, actors=seen)
        with span("deliberate"):
            context = driver.context(Frame.of(to), [view], self.caution)
            realign = config.realign if driver.backbone.has_vocabulary else "identity"
            trace = deliberate(driver.backbone, context, config.steps, realign=realign)
        with span("share"):
            kept = attribute(trace, config.keep, horizon=config.horizon)
            return share(trace, kept, config.depth, layers)

    def hear(self, view: Observation, messages: Sequence[list[Chunk]]) -> Heard:
        peers: dict[int, KVCache] = {}
        refused: dict[int, str] = {}
        with span("decode"):
            for i, chunks in enumerate(messages):
                try:
                    peers[i] = self._decode(chunks)
                except WireError as error:
                    refused[i] = str(error)
        frame = Frame.of(view)
        with span("infer"):
            context = self.driver.context(frame, [view], self.caution)
            out = self._infer(context, list(peers.values()))
            return Heard(self.driver.plan(frame, view.time, out.hidden), out.foreign_tokens, refused)

    def _decode(self, chunks: list[Chunk]) -> KVCache:
        """The peer's cache, adapted if it has another model. Raises: WireError, also for one of a wrong shape."""
        backbone = self.driver.backbone
        cache = decoded(chunks, self.adapters)
        found = (cache.kv_heads, cache.head_dim, cache.positions.shape[0])
        if found != (backbone.kv_heads, backbone.head_dim, 1) or cache.layer_ids[-1] >= backbone.num_layers:
            shape = f"heads, width, axes {found}, layers {cache.layer_ids}"
            raise WireError(f"wrong shape for this model: {shape}")
        return cache.to(backbone.dtype)

    def _infer(self, context: Context, peers: list[KVCache]) -> Inference:
        place, rotary = self.config.place, self.config.rotary
        return infer(self.driver.backbone, context, peers, place=place, rotary=rotary)
