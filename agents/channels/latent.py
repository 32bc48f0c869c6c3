"""`latent`: the part of the sender's KV cache that matters, heard in the layers it comes from.

The sender reads its own view *as the addressee would*: in that vehicle's frame, with that vehicle's speed and
route out of its beacon. Drivers that were never trained on foreign KV understand it only this way
(docs/results.md).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from torch import Tensor

from laco.agents.channels import TRANSFERS
from laco.agents.channels.base import Channel, Heard
from laco.agents.channels.quarantine import Quarantine
from laco.agents.channels.transfer import pack, unpack
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.vector import VectorDriver
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk, WireError, encode
from laco.config import LacoConfig
from laco.errors import ConfigError
from laco.method.cache import KVCache
from laco.method.context import Context
from laco.method.deliberation import Trace, deliberate
from laco.method.fusion import Inference, infer
from laco.method.saliency import attribute
from laco.method.sharing import share
from laco.profiling.spans import span

Swap = Callable[[KVCache, Mapping[str, Any]], KVCache]  # a control: another payload under the true header


class Latent(Channel):
    """LACO itself: deliberate, attribute, share; infer with what the peers shared.

    swap: replaces the payload of every message (for controls); None sends what was thought.
    masked: ids of actors left out of what is said, as if they were not there (the twin control).
    codec: a KV codec, or one of `TRANSFERS`.
    Raises: ConfigError for a swap without a cache to swap.
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
    ) -> None:
        super().__init__(driver, caution)
        self.config, self.codec, self.swap, self.masked = config, codec, swap, masked
        self.quarantine = Quarantine(driver.backbone)
        if swap is not None and codec in TRANSFERS:
            raise ConfigError(f"controls swap the cache that is sent: choose a KV codec, not {codec!r}")

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk]:
        trace, kept = self._thought(view, to)
        if self.swap is not None:
            part = self.swap(share(trace, kept, self.config.depth, self.config.layers), meta)
            with span("encode"):
                return encode(part, codec=self.codec, **meta)
        with span("encode"):
            return pack(self.driver.backbone, trace, kept, self.config, self.codec, meta)

    def think(self, view: Observation, to: Beacon) -> KVCache:
        """What leaves the vehicle, before it is encoded."""
        return share(*self._thought(view, to), self.config.depth, self.config.layers)

    def _thought(self, view: Observation, to: Beacon) -> tuple[Trace, Tensor]:
        """The deliberation over a view, as the addressee would see it, and the tokens of it that are sent."""
        driver, config = self.driver, self.config
        if self.masked:
            seen = tuple(a for a in view.actors if a.id not in self.masked)
            view = msgspec.structs.replace(view, actors=seen)
        with span("deliberate"):
            context = driver.context(Frame.of(to), [view], self.caution)
            realign = config.realign if driver.backbone.has_vocabulary else "identity"
            trace = deliberate(driver.backbone, context, config.steps, realign=realign)
        with span("share"):
            kept = attribute(
                trace, config.keep, horizon=config.horizon, latent=config.latent, selector=config.selector
            )
            return trace, kept

    def hear(self, view: Observation, messages: Sequence[list[Chunk]]) -> Heard:
        peers: dict[int, KVCache] = {}
        refused: dict[int, str] = {}
        frame = Frame.of(view)
        context = self.driver.context(frame, [view], self.caution)
        with span("decode"):
            if messages:
                self.quarantine.measure(context)
            for i, chunks in enumerate(messages):
                try:
                    peers[i] = self._decode(chunks)
                except WireError as error:
                    refused[i] = str(error)
        with span("infer"):
            out = self._infer(context, list(peers.values()))
            return Heard(self.driver.plan(frame, view.time, out.hidden), out.foreign_tokens, refused)

    def _decode(self, chunks: list[Chunk]) -> KVCache:
        """The peer's cache. Raises: WireError, also for one that would be heard with harm (quarantine)."""
        return self.quarantine.admit(unpack(chunks, self.driver.backbone, self.driver.fingerprint))

    def _infer(self, context: Context, peers: list[KVCache]) -> Inference:
        place, rotary, window = self.config.place, self.config.rotary, self.config.window
        return infer(self.driver.backbone, context, peers, place=place, rotary=rotary, window=window)
