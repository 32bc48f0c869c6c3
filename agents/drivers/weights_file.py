"""The weights file of the built-in driver: what it says about itself, checked without loading a model."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from safetensors import SafetensorError, safe_open

from laco.errors import BackboneError

FORMAT = "laco-vector-1"
SHIPPED = "vector.safetensors"


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of `VectorModel`, checked before anything of that size is made."""

    width: Annotated[int, Meta(ge=2, le=1024)] = 96
    layers: Annotated[int, Meta(ge=1, le=64)] = 6
    heads: Annotated[int, Meta(ge=1, le=64)] = 4
    kv_heads: Annotated[int, Meta(ge=1, le=64)] = 2

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads) or self.heads % self.kv_heads:
            raise ValueError(f"{self.heads} heads over {self.kv_heads} do not divide a width of {self.width}")


def shipped() -> Traversable:
    """The folder of the shipped weights, profile and model card."""
    return resources.files("laco.agents.drivers") / "weights"


def metadata(path: Path) -> tuple[dict[str, Any], float, int]:
    """Shape arguments of the model, its input norm, and the layout of the tokens that it was trained on.

    Raises: BackboneError for a file that is not ours.
    """
    try:
        with safe_open(str(path), framework="np") as file:
            found = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise BackboneError(f"{path} cannot be read as driver weights: {reason}") from error
    if found.get("format") != FORMAT:
        raise BackboneError(f"{path} is not a weights file of the vector driver")
    try:
        shape = msgspec.json.decode(found["shape"], type=Shape)
        return msgspec.structs.asdict(shape), float(found["input_norm"]), int(found.get("layout", "1"))
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise BackboneError(f"{path} does not say what it holds: {error}") from error
