"""`silent`: beacons only. What every other channel has to beat."""

from collections.abc import Mapping, Sequence
from typing import Any

from laco.agents.channels.base import Channel, Heard
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk
from laco.method.fusion import infer
from laco.profiling.spans import span


class Silent(Channel):
    """Says nothing, hears nothing."""

    name = "silent"

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> None:
        return None

    def hear(self, view: Observation, messages: Sequence[list[Chunk]]) -> Heard:
        frame = Frame.of(view)
        with span("infer"):
            out = infer(self.driver.backbone, self.driver.context(frame, [view], self.caution))
            return Heard(self.driver.plan(frame, view.time, out.hidden))
