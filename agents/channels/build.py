"""A vehicle's channel from its spec. A new one is a file of its own, a line here and in `CHANNEL_NAMES`."""

from laco.agents.adapters import Adapters
from laco.agents.channels.base import Channel
from laco.agents.channels.controls import Recorded, find
from laco.agents.channels.latent import Latent
from laco.agents.channels.observation import ObservationList
from laco.agents.channels.silent import Silent
from laco.agents.drivers.vector import VectorDriver
from laco.agents.messages import AgentSpec
from laco.errors import ConfigError


def build(spec: AgentSpec, driver: VectorDriver, banks: dict[str, Recorded]) -> Channel:
    """The channel `spec` asks for; `banks` holds the payloads of recorded runs. Raises: ConfigError."""
    if spec.channel == Silent.name:
        return Silent(driver, spec.caution)
    if spec.channel == ObservationList.name:
        return ObservationList(driver, spec.caution)
    if spec.channel == Latent.name:
        swap = find(spec.payload, spec.seed, banks, spec.record, spec.other)
        masked = spec.masked if spec.payload == "twin" else ()
        adapters = Adapters.read(spec.adapters, driver.backbone, driver.fingerprint)
        return Latent(driver, spec.caution, spec.laco, spec.codec, swap, masked, adapters)
    raise ConfigError(f"unknown channel {spec.channel!r}")
