"""A driver by its name: the one list of classes."""

import torch

from laco.agents.drivers import facts
from laco.agents.drivers.base import Driver
from laco.agents.drivers.weights_file import locate
from laco.errors import ConfigError


def load(name: str, weights: str = "", device: str = "cpu") -> Driver:
    """The driver `name` with `weights`: for `vector` a file, or the name of shipped ones; for the others a model's name
    or folder, for `llm` also with a LoRA file (`lora_file.joined`). device: torch's, of a language model; on a GPU it
    keeps the precision that it is stored in.

    "" means the shipped or default ones. Raises: ConfigError, BackboneError.
    """
    known = facts(name)
    if not known.hosted:
        raise ConfigError(f"the {name} driver is a set of rules: it needs no host")
    on = checked(device)
    if known.model is None:
        if on.type != "cpu":
            raise ConfigError(f"the {name} driver is quickest on the processor: --device is for language models")
        from laco.agents.drivers.vector import VectorDriver

        return VectorDriver.load(locate(weights) if weights else None)
    model = weights or known.model
    if not model:
        raise ConfigError(f"the {name} driver needs a model: name one, or give its folder")
    if known.camera is not None:
        from laco.agents.drivers.vlm import VLMDriver

        return VLMDriver.load(model, on)
    from laco.agents.drivers.llm import LLMDriver

    return LLMDriver.load(model, on)


def checked(device: str) -> torch.device:
    """The device of that name. Raises: ConfigError for one that is unknown, or not on this machine."""
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # a torch without CUDA asserts
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"no device {device!r} here: {reason}") from error
    return found
