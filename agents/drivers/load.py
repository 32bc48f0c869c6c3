"""A driver by its name: the one list of classes."""

from laco.agents.drivers import facts
from laco.agents.drivers.base import Driver
from laco.agents.drivers.weights_file import locate
from laco.errors import ConfigError


def load(name: str, weights: str = "") -> Driver:
    """The driver `name` with `weights`: for `vector` a file, or the name of shipped ones; for the others a model's name
    or folder, for `llm` also with a LoRA file (`lora_file.joined`).

    "" means the shipped or default ones. Raises: ConfigError, BackboneError.
    """
    known = facts(name)
    if not known.hosted:
        raise ConfigError(f"the {name} driver is a set of rules: it needs no host")
    if known.model is None:
        from laco.agents.drivers.vector import VectorDriver

        return VectorDriver.load(locate(weights) if weights else None)
    model = weights or known.model
    if not model:
        raise ConfigError(f"the {name} driver needs a model: name one, or give its folder")
    if known.camera is not None:
        from laco.agents.drivers.vlm import VLMDriver

        return VLMDriver.load(model)
    from laco.agents.drivers.llm import LLMDriver

    return LLMDriver.load(model)
