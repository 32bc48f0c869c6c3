"""`latent`: the part of the sender's KV cache that matters, heard in the layers it comes from.

The sender reads its own view *as the addressee would*: in that vehicle's frame, with that vehicle's speed and
route out of its beacon. Drivers that were never trained on foreign KV understand it only this way
(docs/results.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from torch import Tensor

from laco.agents.adapters import Adapters, agreed
from laco.agents.channels import TRANSFERS
from laco.agents.channels.base import Channel, Heard, decoded
from laco.agents.channels.quarantine import Quarantine
from laco.agents.channels.transfer import KV, pack, readable, unpack
from laco.agents.drivers.base import Driver
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk, Partial, encode, parse
from laco.comm.codecs import find as find_codec
from laco.comm.handshake import Offer
from laco.config import LacoConfig
from laco.errors import ConfigError
from laco.method.cache import KVCache
from laco.method.context import Context
from laco.method.deliberation import Trace, deliberate
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
    codec: a KV codec, or one of `TRANSFERS`, whose recipes only the same model can follow: others get `KV`.
    adapters: for caches of other models; None for none.
    other_codec: messages sent in another codec than this, because who hears them does not know it.
    Raises: ConfigError for a swap without a cache to swap, or a codec that lacks the model's table.
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
        adapters: Adapters | None = None,
    ) -> None:
        super().__init__(driver, caution)
        self.config, self.codec, self.swap, self.masked = config, codec, swap, masked
        self.adapters = adapters or Adapters(driver.fingerprint)
        self.quarantine = Quarantine(driver.backbone)
        self.other_codec = 0
        if codec not in TRANSFERS:
            find_codec(codec).require(driver.fingerprint)
        if swap is not None and codec in TRANSFERS:
            raise ConfigError(f"controls swap the cache that is sent: choose a KV codec, not {codec!r}")

    @property
    def offers(self) -> tuple[Offer, ...]:
        return self.adapters.offers

    @property
    def counters(self) -> dict[str, int]:
        kept = self.quarantine
        out = {"unsound": kept.unsound, "drifted": kept.drifted, "muted": kept.muted}
        return {**out, "other_codec": self.other_codec}

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk]:
        """Raises: HandshakeError if the addressee cannot read it."""
        config, wanted = self._terms(to)
        codec = readable(wanted, self.known, meta.get("addressee") or "all peers")
        self.other_codec += codec != wanted
        trace, kept = self._thought(view, to)
        self.generated = trace.steps
        if self.swap is not None:
            part = self.swap(share(trace, kept, config.depth, config.layers), meta)
            with span("encode"):
                return encode(part, codec=codec, **meta)
        with span("encode"):
            return pack(self.driver.backbone, trace, kept, config, codec, meta)

    def think(self, view: Observation, to: Beacon) -> KVCache:
        """What leaves the vehicle, before it is encoded. Raises: HandshakeError if the addressee cannot read it."""
        config, _ = self._terms(to)
        return share(*self._thought(view, to), config.depth, config.layers)

    def _terms(self, to: Beacon) -> tuple[LacoConfig, str]:
        """The method's options and the codec for an addressee."""
        layers = agreed(self.driver.fingerprint, to)
        if layers is None:
            return self.config, self.codec
        return replace(self.config, layers=layers), KV if self.codec in TRANSFERS else self.codec

    def _thought(self, view: Observation, to: Beacon) -> tuple[Trace, Tensor]:
        """The deliberation over a view, as the addressee would see it, and the tokens of it that are sent."""
        driver, config = self.driver, self.config
        if self.masked:
            seen = tuple(a for a in view.actors if a.id not in self.masked)
            view = msgspec.structs.replace(view, actors=seen)
        with span("deliberate"), speaking(driver.backbone.decoder):
            context = driver.context(Frame.of(to), [view], self.caution)
            realign = config.realign if driver.backbone.has_vocabulary else "identity"
            trace = deliberate(driver.backbone, context, config.steps, realign=realign)
        with span("share"):
            kept = attribute(trace, config.keep, horizon=config.horizon, latent=config.latent, selector=config.selector)
            return trace, kept

    def hear(self, view: Observation, messages: Sequence[list[Chunk]]) -> Heard:
        frame = Frame.of(view)
        context = self.driver.context(frame, [view], self.caution)
        if messages:
            self.quarantine.measure(context)
        peers, refused = decoded(messages, self._decode)
        with span("infer"):
            out = self._infer(context, [part.cache for part in peers.values()])
            partial = {i: (part.share, part.missing) for i, part in peers.items() if part.missing}
            return Heard(self.driver.plan(frame, view.time, out), out.foreign_tokens, refused, partial)

    def _decode(self, chunks: list[Chunk]) -> Partial:
        """The peer's cache, adapted if it has another model, or the part of it that came.

        Raises: WireError, also for one that would be heard with harm (quarantine)."""
        sender = parse(chunks[0].header).sender if chunks else ""
        self.quarantine.listen(sender)
        part = unpack(chunks, self.driver.backbone, self.adapters)
        return Partial(self.quarantine.admit(part.cache, sender), part.share, part.missing)

    def _infer(self, context: Context, peers: list[KVCache]) -> Inference:
        place, rotary, window = self.config.place, self.config.rotary, self.config.window
        return infer(self.driver.backbone, context, peers, place=place, rotary=rotary, window=window)
