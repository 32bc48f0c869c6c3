"""LoRA files of the `llm` driver: what they are called and what they say of themselves, without loading a model."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta
from safetensors import SafetensorError, safe_open

from laco.agents.drivers.weights_file import shipped
from laco.errors import BackboneError, ConfigError

KEY = "laco_lora"
VERSION = 1
PLAIN = "none"
"""Instead of a file: the model as it is."""

SEPARATOR = "|"


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file says of itself.

    model: fingerprint of the model it changes. layers: those in which it has learnt to hear peers; () if it has not.
    recipe: how it was trained.
    """

    version: int
    model: Annotated[str, Meta(min_length=1, max_length=64)]
    layers: tuple[Annotated[int, Meta(ge=0, lt=512)], ...] = ()
    recipe: str = ""


def joined(model: str, lora: str) -> str:
    """A model's name and a LoRA file (or `PLAIN`, or "" for what ships) as the one text that names weights."""
    return f"{model}{SEPARATOR}{lora}" if lora else model


def parted(weights: str) -> tuple[str, str]:
    """A model's name and the LoRA in a text of `joined`."""
    model, _, lora = weights.partition(SEPARATOR)
    return model, lora


def file_of(model: str, lora: str) -> Path | None:
    """The LoRA to use with a model: the given file, what ships for it, or None."""
    if lora == PLAIN:
        return None
    if lora:
        return Path(lora)
    path = Path(str(shipped() / f"{model}-lora.safetensors")) if re.fullmatch(r"[\w.-]+", model) else None
    return path if path is not None and path.is_file() else None


def card_of(path: Path) -> Card:
    """The file's card. Raises: BackboneError for a file that is not ours, or of another version."""
    try:
        with safe_open(str(path), framework="np") as file:
            text = (file.metadata() or {}).get(KEY)
    except (OSError, SafetensorError) as error:
        raise BackboneError(f"{path} cannot be read as a LoRA: {' '.join(str(error).split())}") from error
    if text is None:
        raise BackboneError(f"{path} is not a LoRA file of the llm driver")
    try:
        card = msgspec.json.decode(text, type=Card)
    except msgspec.MsgspecError as error:
        raise BackboneError(f"{path} does not say what it holds: {error}") from error
    if card.version != VERSION:
        raise BackboneError(f"{path} has LoRA version {card.version}, this program takes {VERSION}")
    return card


def check(lora: str) -> None:
    """Raises: ConfigError or BackboneError for a LoRA file that is missing or is none, before anything is loaded."""
    if lora in ("", PLAIN):
        return
    if not Path(lora).is_file():
        raise ConfigError(f"no LoRA file {lora}")
    card_of(Path(lora))
