"""`observation`: the sender's object list as it is; the receiver reads it as tokens in front of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from laco.agents.channels.base import Channel, Heard
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk, WireError, decode_bytes, encode_bytes
from laco.method.fusion import infer
from laco.profiling.spans import span


class ObservationList(Channel):
    """Visible vehicles and seen lanes, in MessagePack."""

    name = "observation"

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk]:
        with span("encode"):
            said = msgspec.structs.replace(view, route=())  # the route is in the beacon already
            return encode_bytes(msgspec.msgpack.encode(said), kind=self.name, **{**meta, "fingerprint": ""})

    def hear(self, view: Observation, messages: Sequence[list[Chunk]]) -> Heard:
        views: list[Observation] = []
        refused: dict[int, str] = {}
        with span("decode"):
            for i, chunks in enumerate(messages):
                try:
                    payload = decode_bytes(chunks, kind=self.name)
                    views.append(msgspec.msgpack.decode(payload, type=Observation))
                except WireError as error:
                    refused[i] = str(error)
                except msgspec.MsgspecError as error:
                    refused[i] = f"not an observation: {error}"
        frame = Frame.of(view)
        with span("infer"):
            context = self.driver.context(frame, [*views, view], self.caution)
            own = self.driver.context(frame, [view], self.caution)
            plan = self.driver.plan(frame, view.time, infer(self.driver.backbone, context).hidden)
        return Heard(plan, len(context) - len(own), refused)
