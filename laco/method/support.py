"""Which models the method understands, and the reason why it refuses the others."""

from typing import Any

from laco.errors import BackboneError
from laco.method.rotary import frequencies_of

_MROPE = ("qwen2_vl_text", "qwen2_5_vl_text")
"""Decoders with M-RoPE: every axis turns its own section of a head."""

FAMILIES = ("gemma3_text", "llama", "mistral", "phi3", "qwen2", "qwen3", *_MROPE)
"""transformers' types of decoder whose forward is known to be: decoder layers, final norm, plain output matrix."""

_QWEN_IMAGES = (
    "pixel_values", "image_grid_thw", "pixel_values_videos", "video_grid_thw", "second_per_grid_ts",
    "mm_token_type_ids",
)  # fmt: skip

IMAGE_INPUTS: dict[str, tuple[str, ...]] = {
    "gemma3": (),  # for the reason below
    "idefics3": ("pixel_values", "pixel_attention_mask"),
    "internvl": ("pixel_values",),
    "llava": ("pixel_values", "image_sizes"),
    "llava_next": ("pixel_values", "image_sizes"),
    "qwen2_5_vl": _QWEN_IMAGES,
    "qwen2_vl": _QWEN_IMAGES,
    "smolvlm": ("pixel_values", "pixel_attention_mask"),
}
"""transformers' types of vision-language model around a decoder, and what they read beside token ids."""

NO_IMAGES = {"gemma3": "the tokens of an image see each other in both directions, which is not supported"}
"""Why a vision-language model around a supported decoder is read without images."""

_FIXED_ROTARY = ("default", "linear", "llama3", "yarn", "proportional")
"""Rotary types whose frequencies do not depend on the length, so that keys can be turned on."""


def decoder_of(model: Any) -> Any:
    """The part of a model that maps tokens to last hidden states.

    Raises: BackboneError, naming the model and the reason, if the method does not support it.
    """
    decoder = model.get_decoder() if hasattr(model, "get_decoder") else model
    if not hasattr(decoder, "layers"):  # some classes do not know their own decoder
        decoder = getattr(model, "model", decoder)
    if reason := _why_not(model, decoder):
        raise BackboneError(f"{type(model).__name__} is not supported: {reason}")
    return decoder


def image_inputs_of(model: Any, decoder: Any) -> tuple[str, ...]:
    """Names of what a supported model reads beside token ids; none for a decoder without a vision part."""
    return () if model.config is decoder.config else IMAGE_INPUTS.get(model.config.model_type, ())


def head_dim_of(config: Any) -> int:
    """Width of one attention head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _why_not(model: Any, decoder: Any) -> str | None:
    """The reason to refuse a model, or None."""
    config = getattr(decoder, "config", None)
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        return "it is an encoder and a decoder; only decoders are read here"
    if config is None or not hasattr(decoder, "layers"):
        return "it is not a transformers decoder with a list of layers"
    return (
        _why_not_layers(decoder, config)
        or _why_not_attention(decoder, config)
        or _why_not_positions(decoder, config)
        or _why_not_family(model, config)
    )


def _why_not_layers(decoder: Any, config: Any) -> str | None:
    """What is wrong with its layers: each must keep keys and values of its own for every token."""
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds - {"full_attention", "sliding_attention"}:
        return f"it has layers of other kinds than full or sliding attention ({', '.join(sorted(kinds))})"
    if getattr(config, "cross_attention_layers", None):
        return "some of its layers attend to an image alone (cross-attention)"
    if any(not hasattr(layer, "self_attn") for layer in decoder.layers):
        return "some of its layers have no part named self_attn, so their keys and values are not known here"
    if getattr(config, "kv_lora_rank", None):
        return "it has multi-head latent attention (MLA), which keeps no keys per head"
    if getattr(config, "num_kv_shared_layers", 0):
        return "some of its layers share the keys and values of others"
    return None


def _why_not_attention(decoder: Any, config: Any) -> str | None:
    """What is wrong with its attention: it must be a plain causal softmax over the columns."""
    first = decoder.layers[0].self_attn
    if hasattr(first, "sinks"):
        return "it has attention sinks, which take a share of the softmax beside all columns"
    if getattr(config, "attn_logit_softcapping", None):
        return "it caps its attention logits (softcapping)"
    if not getattr(config, "is_causal", True) or getattr(config, "use_bidirectional_attention", False):
        return "it is not causal"
    if any(layer.self_attn.config is not config for layer in decoder.layers):
        return "its layers do not share the decoder's config"
    return None


def _why_not_positions(decoder: Any, config: Any) -> str | None:
    """What is wrong with its rotary positions: keys must be movable, the same way whatever the length."""
    if any(frequencies_of(decoder, number) is None for number in range(len(decoder.layers))):
        return "it has no rotary positions known here, so keys cannot be moved"
    for kind in _rotary_types(config):
        if kind not in _FIXED_ROTARY:
            return f"its rotary frequencies depend on the length (rope_type {kind!r})"
    if hasattr(decoder.rotary_emb, "mrope_section") and config.model_type not in _MROPE:
        return f"model type {config.model_type!r} lays out its M-RoPE sections in another way"
    return None


def _rotary_types(config: Any) -> set[str]:
    """The rotary types of a config, which may give one set of parameters per kind of layer."""
    rope = getattr(config, "rope_parameters", None) or {}
    nested = [entry for entry in rope.values() if isinstance(entry, dict)]
    return {entry.get("rope_type", "default") for entry in nested or [rope]}


def _why_not_family(model: Any, config: Any) -> str | None:
    """Whether its parts are of a type that has been tried, or None."""
    if config.model_type not in FAMILIES:
        return f"its model type {config.model_type!r} is not one of {', '.join(FAMILIES)}"
    if model.config is not config and model.config.model_type not in IMAGE_INPUTS:
        return f"its model type {model.config.model_type!r} is not one of {', '.join(IMAGE_INPUTS)}"
    return None
