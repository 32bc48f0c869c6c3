"""GGUF to safetensors, once: reading a GGUF file takes a minute, reading safetensors a fraction of a second."""

import contextlib
import importlib.util
import io
from pathlib import Path

from laco.errors import BackboneError


def require() -> None:
    """Raises: BackboneError, naming the extra, where the library that reads GGUF is not installed."""
    for package in ("gguf", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise BackboneError(f"reading these weights needs the `{package}` package: pip install 'laco-driving[llm]'")


def convert(source: Path, target: Path) -> None:
    """Write a GGUF file's model (float32 safetensors) and tokenizer, chat template included, into a folder.

    Raises: BackboneError if transformers cannot read the file.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # bars of its own, which no switch of transformers stops
            model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
            # The weights are plain from here on: nothing may remember that they were quantised.
            model.hf_quantizer = None
            if hasattr(model.config, "quantization_config"):
                del model.config.quantization_config
            model.save_pretrained(target)
            AutoTokenizer.from_pretrained(**where).save_pretrained(target)
    except (ValueError, KeyError, NotImplementedError) as error:
        reason = " ".join(str(error).split())
        raise BackboneError(f"transformers cannot read {source.name}: {reason}") from error
