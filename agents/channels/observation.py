"""`observation`: the sender's object list as it is; the receiver reads it as tokens in front of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from laco.agents.channels.base import Attended, Channel, decoded
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.tokens import matters
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk, decode_bytes, encode_bytes, read_struct
from laco.profiling.spans import span


class ObservationList(Channel):
    """Vehicles and lanes in sight, in MessagePack: those that matter to who is addressed."""

    name = "observation"
    open = True

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk]:
        with span("encode"):
            told = matters(Frame.of(to), view)
            # The route is in the beacon already. A simulator's ids mean nothing to a peer, and how many bytes they
            # take would depend on what the server did before.
            actors = tuple(msgspec.structs.replace(actor, id=n) for n, actor in enumerate(told.actors))
            said = msgspec.structs.replace(told, route=(), actors=actors)
            return encode_bytes(msgspec.msgpack.encode(said), kind=self.name, **{**meta, "fingerprint": ""})

    def attend(self, view: Observation, messages: Sequence[list[Chunk]]) -> Attended:
        views, refused = decoded(messages, self._decode)
        return self.read(view, list(views.values()), refused)

    def _decode(self, chunks: list[Chunk]) -> Observation:
        """The peer's view. Raises: WireError."""
        return read_struct(decode_bytes(chunks, kind=self.name), Observation, "an observation")
