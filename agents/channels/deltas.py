"""The codecs `DELTAS` in a channel: who may hear, what was said to them, and what was heard."""

from collections.abc import Mapping, Sequence
from typing import Any

from laco.agents.channels import DELTAS
from laco.agents.observation import Beacon
from laco.comm import Chunk, Header, Partial
from laco.comm.codecs.delta import COARSE, FINE
from laco.comm.delta import Kept, Said
from laco.errors import ConfigError
from laco.method.cache import KVCache

LEVELS = dict(zip(DELTAS, (FINE, COARSE), strict=True))


class Deltas:
    """Both sides of one vehicle. One that does not speak by a codec of DELTAS keeps nothing, and gets keyframes.

    fingerprint: of its own model: what is said to all is for those who have the same.
    """

    def __init__(self, fingerprint: str, codec: str) -> None:
        self.fingerprint = fingerprint
        self._said = Said(levels=LEVELS[codec]) if codec in DELTAS else None
        self._kept = Kept() if codec in DELTAS else None
        self._beacons: Sequence[Beacon] = ()

    @property
    def held(self) -> tuple[tuple[str, int], ...]:
        """For the beacon."""
        return () if self._kept is None else self._kept.held

    def meet(self, beacons: Sequence[Beacon]) -> None:
        """Take in the beacons of all who may hear what is said next."""
        self._beacons = beacons

    def encode(self, cache: KVCache, meta: Mapping[str, Any]) -> list[Chunk]:
        """The message against what its listeners have, or a keyframe. Raises: WireError for what cannot be sent."""
        if self._said is None:
            raise ConfigError("a vehicle that keeps nothing cannot speak of differences")
        for beacon in self._beacons:
            self._said.note(beacon.name, [seq for sender, seq in beacon.held if sender == meta["sender"]])
        alike = [beacon.name for beacon in self._beacons if beacon.fingerprint in ("", self.fingerprint)]
        return self._said.encode(cache, [meta["addressee"]] if meta["addressee"] else alike, **meta)

    def reference(self, header: Header) -> KVCache | None:
        """What a message is coded against. Raises: WireError if it is not here."""
        return None if self._kept is None else self._kept.reference(header)

    def keep(self, header: Header, part: Partial) -> None:
        """Keep a cache that was decoded, if it is whole."""
        if self._kept is not None and header.codec and not part.missing:
            self._kept.keep(header, part.cache)
