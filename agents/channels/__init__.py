"""The channels by name: a new one is a file of its own, listed here."""

from laco.agents.channels.base import Channel, Heard
from laco.agents.channels.latent import Latent
from laco.agents.channels.observation import ObservationList
from laco.agents.channels.silent import Silent

CHANNELS: tuple[type[Channel], ...] = (Silent, ObservationList, Latent)


def available() -> list[str]:
    """Names, in the order in which tables show them."""
    return [channel.name for channel in CHANNELS]


__all__ = ["CHANNELS", "Channel", "Heard", "Latent", "ObservationList", "Silent", "available"]
