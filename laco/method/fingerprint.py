"""Who may read whose cache: a digest of a model's architecture and weights."""

import json
from typing import Any

import torch
import xxhash
from torch import nn

_ESSENTIALS = (
    "model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "head_dim", "hidden_act", "rms_norm_eps", "rope_parameters", "vocab_size",
)  # fmt: skip
"""Config entries that change what a cache means; paths, versions and attention implementations do not."""

_PARTICULAR = ("layer_types", "sliding_window", "query_pre_attn_scalar", "final_logit_softcapping")
"""The same, of some families only: left out where there are none, so that other fingerprints do not depend on them."""


def fingerprint_of(model: nn.Module, config: Any) -> str:
    """XXH3-128 over the config's essentials and each parameter's name, dtype, shape, bytes: 32 hex digits."""
    digest = xxhash.xxh3_128()
    essentials = {name: getattr(config, name, None) for name in _ESSENTIALS}
    particular = {name: getattr(config, name, None) for name in _PARTICULAR}
    essentials |= {name: value for name, value in particular.items() if value is not None}
    digest.update(json.dumps(essentials, sort_keys=True, default=str).encode())
    for name, parameter in sorted(model.named_parameters()):
        digest.update(f"{name} {parameter.dtype} {tuple(parameter.shape)};".encode())
        flat = parameter.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()
