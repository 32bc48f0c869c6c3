"""`latent`: the part of the sender's KV cache that matters, heard in the layers it comes from.

The sender reads its own view *as the addressee would*: in that vehicle's frame, with that vehicle's speed and
route out of its beacon. Drivers that were never trained on foreign KV understand it only this way
(docs/results.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from laco.agents.adapters import Adapters, agreed
from laco.agents.channels import RECIPES, TRANSFERS
from laco.agents.channels.base import INFER, Attended, Channel, decoded
from laco.agents.channels.deltas import Deltas
from laco.agents.channels.quarantine import Quarantine
from laco.agents.channels.rate import Budget, Way
from laco.agents.channels.sending import Sending, Swap
from laco.agents.channels.transfer import KV, readable, select, unpack, usable
from laco.agents.drivers.base import Driver
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk, Partial
from laco.comm.codecs import find as find_codec
from laco.comm.handshake import Offer
from laco.config import LacoConfig
from laco.errors import ConfigError
from laco.method.cache import KVCache
from laco.method.context import Context
from laco.method.deliberation import Trace, deliberate
from laco.method.fusion import Inference, infer
from laco.method.sharing import share
from laco.profiling.spans import span
from laco.profiling.speaking import speaking

DEFAULT = Budget()


class Latent(Channel):
    """LACO itself: deliberate, attribute, share; infer with what the peers shared.

    swap: replaces the payload of every message (for controls); None sends what was thought.
    masked: ids of actors left out of what is said, as if they were not there (the twin control).
    codec: a KV codec, or one of `TRANSFERS`; recipes only the same model can follow: others get `KV`.
    adapters: for caches of other models; None for none. budget, ways: for the codec "auto" (`fit`).
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
        *,
        budget: Budget = DEFAULT,
        ways: tuple[Way, ...] = (),
    ) -> None:
        super().__init__(driver, caution)
        self.config, self.codec, self.masked = config, codec, masked
        self.adapters = adapters or Adapters(driver.fingerprint)
        self.quarantine = Quarantine(driver.backbone)
        self.other_codec = 0
        if codec not in TRANSFERS:
            find_codec(codec).require(driver.fingerprint)
        self.deltas = Deltas(driver.fingerprint, codec)
        self.sending = Sending(driver.backbone, driver.fingerprint, self.deltas, swap, budget, ways)
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

    @property
    def held(self) -> tuple[tuple[str, int], ...]:
        return self.deltas.held

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk]:
        """Raises: HandshakeError if the addressee cannot read it, BudgetError if no way to send it fits."""
        config, wanted = self._terms(to)
        codec = readable(wanted, self.known, meta.get("addressee") or "all peers")
        self.other_codec += codec != wanted
        trace = self._thought(view, to)
        self.generated = trace.steps
        self.way, chunks = self.sending.packed(trace, config, codec, to.fingerprint, meta)
        return chunks

    def think(self, view: Observation, to: Beacon) -> KVCache:
        """What leaves the vehicle, before it is encoded. Raises: HandshakeError if the addressee cannot read it."""
        config, _ = self._terms(to)
        trace = self._thought(view, to)
        return share(trace, select(trace, config), config.depth, config.layers)

    def meet(self, beacons: Sequence[Beacon]) -> None:
        self.deltas.meet(beacons)

    def _terms(self, to: Beacon) -> tuple[LacoConfig, str]:
        """The method's options and the codec for an addressee."""
        layers = agreed(self.driver.fingerprint, to)
        if layers is None:
            return self.config, self.codec
        return replace(self.config, layers=layers), KV if self.codec in RECIPES else self.codec

    def _thought(self, view: Observation, to: Beacon) -> Trace:
        """The deliberation over a view, as the addressee would see it."""
        driver, config = self.driver, self.config
        if self.masked:
            seen = tuple(a for a in view.actors if a.id not in self.masked)
            view = msgspec.structs.replace(view, actors=seen)
        with span("deliberate"), speaking(driver.backbone.decoder):
            context = driver.context(Frame.of(to), [view], self.caution)
            realign = config.realign if driver.backbone.has_vocabulary else "identity"
            return deliberate(driver.backbone, context, config.steps, realign=realign)

    def attend(self, view: Observation, messages: Sequence[list[Chunk]]) -> Attended:
        frame = Frame.of(view)
        context = self.driver.context(frame, [view], self.caution)
        if messages:
            self.quarantine.measure(context)
        peers, refused = decoded(messages, self._decode)
        with span(INFER):
            out = self._infer(context, [part.cache for part in peers.values()])
        partial = {i: (part.share, part.missing) for i, part in peers.items() if part.missing}
        return Attended(frame, view.time, out, out.foreign_tokens, refused, partial)

    def _decode(self, chunks: list[Chunk]) -> Partial:
        """The peer's cache, adapted if it has another model, or the part of it that came.

        Raises: WireError, also for one that would be heard with harm (quarantine)."""
        header, backbone = chunks[0].info, self.driver.backbone
        self.quarantine.listen(header.sender)
        part = unpack(chunks, backbone, self.adapters, self.deltas.reference(header))
        cache = usable(part.cache, header.fingerprint, backbone, self.adapters)
        admitted = Partial(self.quarantine.admit(cache, header.sender), part.share, part.missing)
        self.deltas.keep(header, part)
        return admitted

    def _infer(self, context: Context, peers: list[KVCache]) -> Inference:
        place, rotary, window = self.config.place, self.config.rotary, self.config.window
        return infer(self.driver.backbone, context, peers, place=place, rotary=rotary, window=window, tail=True)
