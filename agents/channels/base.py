"""What a channel is: how a view becomes a message for a peer, and how messages become a plan.

Speaking side: `say`. Listening side: `hear`. Both get the driver; neither knows sockets or the simulator.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from laco.agents.drivers.plan import Plan
from laco.agents.drivers.vector import VectorDriver
from laco.agents.observation import Beacon, Observation, Offer
from laco.comm import Chunk


@dataclass(frozen=True)
class Heard:
    """The plan, how many foreign tokens went into it, and why messages (by their index) were refused."""

    plan: Plan
    foreign_tokens: int = 0
    refused: Mapping[int, str] = field(default_factory=dict)


class Channel(ABC):
    """One way of sharing. `driver` decides; `caution` in [0, 1] is the driver's (see the expert)."""

    name: ClassVar[str]

    def __init__(self, driver: VectorDriver, caution: float) -> None:
        self.driver, self.caution = driver, caution

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Other models whose messages this channel can read: part of the beacon."""
        return ()

    @abstractmethod
    def say(self, view: Observation, to: Beacon, meta: Mapping[str, Any]) -> list[Chunk] | None:
        """The message about `view` for the sender of beacon `to`; None to stay silent.

        meta: sender, addressee, seq, sim_time, pose and fingerprint for the header.
        Raises: HandshakeError, with the reason, if that peer could not read it.
        """

    @abstractmethod
    def hear(self, view: Observation, messages: Sequence[list[Chunk]]) -> Heard:
        """The plan for `view` (beacons already in it) after hearing the messages, one per peer at most.

        A message that cannot be used is refused with its reason; the vehicle drives on without it.
        """
