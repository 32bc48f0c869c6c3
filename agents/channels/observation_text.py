"""`observation` for drivers that read sentences: what the sender sees in words, sent as it is.

Nothing is generated: the plainest baseline with all of the information.
"""

from laco.agents.channels.texts import TextChannel
from laco.agents.drivers.frame import Frame
from laco.agents.observation import Observation


class ObservationText(TextChannel):
    """Crossing lanes and vehicles, a short line each."""

    name = "observation"

    def tell(self, view: Observation, frame: Frame) -> str:
        return self.speaker.describe(frame, view)
