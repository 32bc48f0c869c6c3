"""`latent`: the part of the sender's KV cache that matters, heard in the layers it comes from.

The sender reads its own view *as the addressee would*: in that vehicle's frame, with that vehicle's speed and
route out of its beacon. Drivers that were never trained on foreign KV understand it only this way
(docs/results.md).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from laco.agents.channels.base import Channel, Heard, decoded
from laco.agents.drivers.base import Driver
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk, WireError, decode, encode
from laco.config import LacoConfig
from laco.method.cache import KVCache
from laco.method.context import Context
from laco.method.deliberation import deliberate
from laco.method.fusion import Inference, infer
from laco.method.saliency import attribute
from laco.method.sharing import share
from laco.profiling.spans import span
from laco.profiling.speaking import speaking

Swap = Callable[[KVCache, Mapping[str, Any]], KVCache]  # a control: another payload under the true header


class Latent(Channel):
    """LACO itself: deliberate, attribute, share; infer with what the peers shared.

    swap: replaces the payload of every message (for controls); None sends what was thought.
    masked: ids of actors left out of what is said, as if they were not there (the twin control).
    """

    name = "latent"

    def __init__(
        self,
        driver: Driver,
        caution: float,
        config: LacoConfig,
        codec: str = "int8",
        swap: Swap | None = None,
        masked: tuple[int, ...] = (),
    ) -> None:
        super().__init__(driver, caution)
        self.config, self.codec, self.swap, self.masked = config, codec, swap, masked

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk]:
        part = self.think(view, to)
        if self.swap is not None:
            part = self.swap(part, meta)
        with span("encode"):
            return encode(part, codec=self.codec, **meta)

    def think(self, view: Observation, to: Beacon) -> KVCache:
        """What leaves the vehicle, before it is encoded."""
        driver, config = self.driver, self.config
        if self.masked:
            seen = tuple(a for a in view.actors if a.id not in self.masked)
            view = msgspec.structs.replace(view, actors=seen)
        with span("deliberate"), speaking(driver.backbone.decoder):
            context = driver.context(Frame.of(to), [view], self.caution)
            realign = config.realign if driver.backbone.has_vocabulary else "identity"
            trace = deliberate(driver.backbone, context, config.steps, realign=realign)
        self.generated = trace.steps
        with span("share"):
            kept = attribute(trace, config.keep, horizon=config.horizon)
            return share(trace, kept, config.depth, config.layers)

    def hear(self, view: Observation, messages: Sequence[list[Chunk]]) -> Heard:
        peers, refused = decoded(messages, self._decode)
        frame = Frame.of(view)
        with span("infer"):
            context = self.driver.context(frame, [view], self.caution)
            out = self._infer(context, list(peers.values()))
            return Heard(self.driver.plan(frame, view.time, out), out.foreign_tokens, refused)

    def _decode(self, chunks: list[Chunk]) -> KVCache:
        """The peer's cache. Raises: WireError, also for a sound one that has not the backbone's shape."""
        backbone = self.driver.backbone
        cache = decode(chunks, fingerprint=self.driver.fingerprint)
        found = (cache.kv_heads, cache.head_dim, cache.positions.shape[0])
        if found != (backbone.kv_heads, backbone.head_dim, backbone.axes) or cache.layer_ids[-1] >= backbone.num_layers:
            shape = f"heads, width, axes {found}, layers {cache.layer_ids}"
            raise WireError(f"wrong shape for this model: {shape}")
        return cache.to(backbone.dtype)

    def _infer(self, context: Context, peers: list[KVCache]) -> Inference:
        place, rotary = self.config.place, self.config.rotary
        return infer(self.driver.backbone, context, peers, place=place, rotary=rotary)
