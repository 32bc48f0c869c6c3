"""Which other models' caches a vehicle can read, and the agreement on it.

Listening side: `Adapters.read`, `offers` (they go into the beacon), `decoded`. Speaking side: `agreed`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from laco.agents import adapter_file
from laco.agents.observation import Beacon
from laco.comm import Chunk, Partial, WireError, decode_partial, parse
from laco.comm.handshake import Offer
from laco.comm.message import verify
from laco.errors import BackboneError, ConfigError, HandshakeError
from laco.method.adapter import CacheAdapter, Heads
from laco.method.backbone import Backbone
from laco.method.cache import KVCache


@dataclass(frozen=True)
class Adapters:
    """The adapters of one vehicle. fingerprint: of its own model. by_source: adapters by their source's."""

    fingerprint: str
    by_source: Mapping[str, CacheAdapter] = field(default_factory=dict)

    @classmethod
    def read(cls, paths: Sequence[str], backbone: Backbone, fingerprint: str) -> "Adapters":
        """Those in the files, and those in the folders that lead to this model.

        Raises: BackboneError for a file that cannot be used (in a folder: one that leads to this model), and
        ConfigError for a second adapter from the same model.
        """
        found: dict[str, CacheAdapter] = {}
        for path in _files(paths, fingerprint):
            card, adapter = adapter_file.load(path)
            _check(path, card, backbone, fingerprint)
            if card.source in found:
                raise ConfigError(f"{path} is a second adapter from the model {card.source}")
            found[card.source] = adapter
        return cls(fingerprint, found)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What the beacon tells peers of other models."""
        version = adapter_file.VERSION
        return tuple(Offer(source, version, a.source_layers) for source, a in sorted(self.by_source.items()))


def agreed(fingerprint: str, to: Beacon) -> tuple[int, ...] | None:
    """The layers that the sender of beacon `to` needs from a model with this fingerprint; None: any, it has the same.

    A beacon without a fingerprint is taken to be of the same model.
    Raises: HandshakeError, with the reason, if it could not read the message.
    """
    if to.fingerprint in ("", fingerprint):
        return None
    offers = [offer for offer in to.offers if offer.fingerprint == fingerprint]
    if not offers:
        raise HandshakeError(f"{to.name} has model {to.fingerprint}, and no adapter from {fingerprint}")
    if offers[0].version != adapter_file.VERSION:
        raise HandshakeError(f"{to.name} has an adapter of version {offers[0].version}, not {adapter_file.VERSION}")
    return offers[0].layers


def decoded(chunks: Sequence[Chunk], adapters: Adapters, reference: KVCache | None = None) -> Partial:
    """A peer's cache, or what came of it, as it was sent; `adapted` makes it the own model's.

    reference: what it is coded against, if it is.
    Raises: WireError for a message that cannot be used, or of a model that there is no adapter from.
    """
    theirs = parse(chunks[0].header).fingerprint if chunks else adapters.fingerprint
    if theirs != adapters.fingerprint:
        verify(chunks[0])  # rather damaged than from a model that does not exist
        _adapter(adapters, theirs)
    return decode_partial(chunks, fingerprint=theirs, reference=reference)


@torch.no_grad()
def adapted(cache: KVCache, adapters: Adapters, fingerprint: str) -> KVCache:
    """A cache of the model with this fingerprint as one of the own model.

    Raises: WireError without an adapter for it, or if the cache is not what the adapter reads.
    """
    if fingerprint == adapters.fingerprint:
        return cache
    adapter = _adapter(adapters, fingerprint)
    try:
        made: KVCache = adapter(cache)
    except ConfigError as error:
        raise WireError(f"wrong shape for the adapter from {fingerprint!r}: {error}") from error
    return made


def _adapter(adapters: Adapters, fingerprint: str) -> CacheAdapter:
    """The adapter from this model. Raises: WireError without one."""
    found = adapters.by_source.get(fingerprint)
    if found is None:
        own = adapters.fingerprint
        raise WireError(f"another model: its fingerprint is {fingerprint!r}, not {own!r}; no adapter between them")
    return found


def _files(paths: Sequence[str], fingerprint: str) -> list[Path]:
    """The files to load. Raises: BackboneError for a path that is not there or not readable."""
    files = []
    for path in map(Path, paths):
        inside = sorted(path.glob("adapter-*.safetensors")) if path.is_dir() else None
        files += [path] if inside is None else [p for p in inside if adapter_file.card_of(p).target == fingerprint]
    return files


def _check(path: Path, card: adapter_file.Card, backbone: Backbone, fingerprint: str) -> None:
    """Raises: BackboneError, saying why, for an adapter that does not lead to this model."""
    if card.target != fingerprint:
        raise BackboneError(f"{path} is an adapter to the model {card.target}, not to {fingerprint}")
    last = card.layers[-1][0]
    if Heads(*card.target_heads) != Heads.of(backbone) or last >= backbone.num_layers:
        raise BackboneError(f"{path} makes heads {card.target_heads} up to layer {last}: the model has others")
