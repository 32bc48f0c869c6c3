"""A vehicle's channel from its spec. A new one is a file of its own, a line here and in `NEEDS`."""

from typing import TYPE_CHECKING, cast

from laco.agents.adapters import Adapters
from laco.agents.channels import require
from laco.agents.channels.base import Channel
from laco.agents.channels.conclusion import Conclusion
from laco.agents.channels.controls import Recorded, find
from laco.agents.channels.language import Language
from laco.agents.channels.latent import Latent
from laco.agents.channels.observation import ObservationList
from laco.agents.channels.observation_text import ObservationText
from laco.agents.channels.silent import Silent
from laco.agents.channels.texts import TextChannel
from laco.agents.channels.visual import Visual
from laco.agents.drivers import facts
from laco.agents.drivers.base import Driver
from laco.agents.messages import AgentSpec
from laco.errors import ConfigError

if TYPE_CHECKING:
    from laco.agents.drivers.base import TextDriver

TEXTS: dict[str, type[TextChannel]] = {cls.name: cls for cls in (ObservationText, Language, Conclusion)}
PLAIN: dict[str, type[Channel]] = {cls.name: cls for cls in (Silent, ObservationList, Visual)}


def build(spec: AgentSpec, driver: Driver, banks: dict[str, Recorded]) -> Channel:
    """The channel `spec` asks for; `banks` holds the payloads of recorded runs. Raises: ConfigError."""
    require(spec.channel, driver.name)
    if spec.channel == Latent.name:
        swap = find(spec.payload, spec.seed, banks, spec.record, spec.other)
        masked = spec.masked if spec.payload == "twin" else ()
        adapters = Adapters.read(spec.adapters, driver.backbone, driver.fingerprint)
        return Latent(
            driver, spec.caution, spec.laco, spec.codec, swap, masked, adapters, budget=spec.budget, ways=spec.ways
        )
    if spec.channel in TEXTS and "text" in facts(driver.name).carries:
        return TEXTS[spec.channel](cast("TextDriver", driver), spec.caution)
    return PLAIN[spec.channel](driver, spec.caution)


def check_calibrated(spec: AgentSpec, fingerprint: str) -> None:
    """Raises: ConfigError for settings that were measured for another model than the one with this fingerprint."""
    if spec.calibrated not in ("", fingerprint):
        raise ConfigError(
            f"the calibration was measured for model {spec.calibrated}, the {spec.driver} driver has {fingerprint}"
        )
