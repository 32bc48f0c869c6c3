"""The weights file of the built-in driver: what it says about itself, checked without loading a model."""

import json
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from laco.errors import BackboneError

FORMAT = "laco-vector-1"
SHIPPED = "vector.safetensors"


def shipped() -> Traversable:
    """The folder of the shipped weights, profile and model card."""
    return resources.files("laco.agents.drivers") / "weights"


def metadata(path: Path) -> tuple[dict[str, Any], float]:
    """Shape arguments of the model and its input norm. Raises: BackboneError for a file that is not ours."""
    try:
        with safe_open(str(path), framework="np") as file:
            found = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise BackboneError(f"{path} cannot be read as driver weights: {reason}") from error
    if found.get("format") != FORMAT:
        raise BackboneError(f"{path} is not a weights file of the vector driver")
    try:
        return dict(json.loads(found["shape"])), float(found["input_norm"])
    except (KeyError, TypeError, ValueError) as error:
        raise BackboneError(f"{path} does not say what it holds: {error}") from error
