"""`laco.yaml`: the calibrated settings that ship with a driver."""

import re
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from laco.agents.channels.rate import Way
from laco.agents.drivers import facts, lora_file
from laco.agents.drivers.weights_file import shipped
from laco.config import LacoConfig
from laco.errors import ConfigError


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a profile came about (docs/calibration.md says what the figures mean).

    model: as it was loaded. fingerprint: of that model; another model's caches are other caches. how: the
    command. pairs: scene pairs, or driving seeds. content, drift, bytes: of the picked settings.
    text_content, text_drift: of the same message as text, or read as tokens. controls: content of payloads
    that are not what was said.
    """

    model: str
    fingerprint: str
    how: str
    pairs: int
    content: float
    drift: float
    bytes: float
    text_content: float
    text_drift: float
    controls: dict[str, float] = {}


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings measured to suit a driver: its caution in [0, 1], the codec, and the method's options.

    ways: for the codec "auto", ways to send a message as their content was measured, the best first, each smaller than
        the one before; () leaves it to the documented order (`rate.ladder`).
    """

    caution: float
    codec: str
    laco: LacoConfig
    measured: Measured | None = None
    ways: tuple[Way, ...] = ()


def dump(profile: Profile) -> bytes:
    """The profile as the text of a file that `load` reads; the method's options that are not the paper's only."""
    plain = msgspec.to_builtins(profile)
    paper = msgspec.to_builtins(LacoConfig())
    plain["laco"] = {name: value for name, value in plain["laco"].items() if value != paper[name]}
    for name in ("measured", "ways"):
        if not plain[name]:
            del plain[name]
    return msgspec.yaml.encode(plain)


def of(driver: str, model: str, path: Path | None = None) -> Profile:
    """The profile in a file, or what ships for a driver and its model, or its weights.

    model: also with a LoRA (`lora_file.joined`): the one that ships has a profile of its own, and another one is heard
    in the layers that it was trained to be heard in. A model nobody has calibrated gets the paper's recipe, weights
    those of the driver. Raises: ConfigError for a file that is none.
    """
    if path is not None:
        return load(path)
    if facts(driver).model is None:
        return _shipped_for(Path(model).stem) or load()
    name, lora = lora_file.parted(model)
    tuned = lora_file.file_of(name, lora)
    if tuned is not None and lora:
        return _trained(tuned)
    known = _shipped_for(name if tuned is None else f"{name}-lora")
    return known or Profile(caution=0.25, codec="int8", laco=LacoConfig())


def _shipped_for(name: str) -> Profile | None:
    """The profile that ships for a model, or for weights, of this name."""
    file = shipped() / f"{name}.yaml"
    return _read(file) if re.fullmatch(r"[\w.-]+", name) and file.is_file() else None


def _trained(tuned: Path) -> Profile:
    """What a LoRA file was trained with."""
    layers = lora_file.card_of(tuned).layers if tuned.is_file() else ()  # else on another machine
    laco = LacoConfig(steps=0, keep=1.0, layers=layers, place="after_sink") if layers else LacoConfig()
    return Profile(caution=0.25, codec="int8", laco=laco)


def load(path: Path | None = None) -> Profile:
    """The shipped profile, or one from a file. Raises: ConfigError for a file that is none."""
    return _read(shipped() / "laco.yaml" if path is None else path)


def _read(source: Traversable) -> Profile:
    try:
        return msgspec.yaml.decode(source.read_bytes(), type=Profile)
    except OSError as error:
        raise ConfigError(f"cannot read {source}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        reason = " ".join(str(error).split())  # YAML's own take several lines
        raise ConfigError(f"{source} is not a driver profile: {reason}") from error
