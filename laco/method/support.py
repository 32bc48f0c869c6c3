"""Which decoders the method understands, and the reason why it refuses the others."""

from typing import Any

from laco.errors import BackboneError

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")
"""transformers' model types whose forward is known to be: decoder layers, final norm, plain output matrix."""

_FIXED_ROTARY = ("default", "linear", "llama3", "yarn", "proportional")
"""Rotary types whose frequencies do not depend on the length, so that keys can be turned on."""


def decoder_of(model: Any) -> Any:
    """The part of a model that maps tokens to last hidden states.

    Raises: BackboneError, naming the model and the reason, if the method does not support it.
    """
    decoder = model.model if hasattr(getattr(model, "model", None), "layers") else model
    if reason := _why_not(decoder):
        raise BackboneError(f"{type(model).__name__} is not supported: {reason}")
    return decoder


def _why_not(decoder: Any) -> str | None:
    """The reason to refuse a decoder, or None."""
    config = getattr(decoder, "config", None)
    if config is None or not hasattr(decoder, "layers"):
        return "it is not a transformers decoder with a list of layers"
    return _why_not_positions(decoder, config) or _why_not_attention(decoder, config)


def _why_not_positions(decoder: Any, config: Any) -> str | None:
    """What is wrong with its rotary positions, or None."""
    inv_freq = getattr(getattr(decoder, "rotary_emb", None), "inv_freq", None)
    if inv_freq is None:
        return "it has no rotary positions of one kind for all layers, so keys cannot be moved"
    rope = getattr(config, "rope_parameters", None) or {}
    if "mrope_section" in rope:
        return "it has M-RoPE (three rotary axes)"
    kind = rope.get("rope_type", "default")
    if kind not in _FIXED_ROTARY:
        return f"its rotary frequencies depend on the length (rope_type {kind!r})"
    if 2 * inv_freq.numel() != _head_dim(config):
        return "only a part of each head is rotary"
    return None


def _why_not_attention(decoder: Any, config: Any) -> str | None:
    """What is wrong with its attention or its family, or None."""
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"}:
        return f"it has layers of other kinds than full attention ({', '.join(sorted(kinds))})"
    if getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True):
        return "it has sliding-window attention"
    if not getattr(config, "is_causal", True):
        return "it is not causal"
    if config.model_type not in FAMILIES:
        return f"its model type {config.model_type!r} is not one of {', '.join(FAMILIES)}"
    if any(layer.self_attn.config is not config for layer in decoder.layers):
        return "its layers do not share the decoder's config"
    return None


def _head_dim(config: Any) -> int:
    """Width of one attention head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
