"""`silent`: beacons only. What every other channel has to beat."""

from collections.abc import Mapping, Sequence
from typing import Any

from laco.agents.channels.base import Attended, Channel
from laco.agents.observation import Beacon, Observation
from laco.comm import Chunk


class Silent(Channel):
    """Says nothing, hears nothing."""

    name = "silent"

    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> None:
        return None

    def attend(self, view: Observation, messages: Sequence[list[Chunk]]) -> Attended:
        return self.read(view, [], {})
