"""Models and tokenizers from a folder or the hub."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText, AutoTokenizer

from laco.errors import BackboneError


def load_model(where: str, *, dtype: torch.dtype | None, device: torch.device) -> tuple[Any, Any]:
    """The model, in evaluation mode, and its tokenizer (None if there is none).

    where: a folder written by `save_pretrained`, or a hub id.
    Raises: BackboneError if the model cannot be loaded.
    """
    if dtype is None and device.type == "cpu":
        dtype = torch.float32
    try:
        kind = _auto_class(AutoConfig.from_pretrained(where))
        model = kind.from_pretrained(where, dtype="auto" if dtype is None else dtype)
    except (OSError, ValueError, KeyError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BackboneError(f"the model {where!r} cannot be loaded: {first_line}") from error
    return model.to(device).eval(), _tokenizer(where)


def _auto_class(config: Any) -> Any:
    """The class that loads a model with its output matrix, if it was stored with one."""
    names = getattr(config, "architectures", None) or []
    if any(name.endswith("ForCausalLM") for name in names):
        return AutoModelForCausalLM
    if any(name.endswith("ForConditionalGeneration") for name in names):
        return AutoModelForImageTextToText
    return AutoModel


def _tokenizer(where: str) -> Any:
    """The tokenizer stored with a model, or None: a driver that reads embeddings has none."""
    folder = Path(where)
    names = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model")
    if folder.is_dir() and not any((folder / name).exists() for name in names):
        return None
    try:
        return AutoTokenizer.from_pretrained(where)
    except (OSError, ValueError, KeyError) as error:
        if folder.is_dir():
            raise BackboneError(f"the tokenizer in {where!r} cannot be loaded: {error}") from error
        return None
