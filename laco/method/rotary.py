"""Rotary positions: turning keys that are already rotated on to another position."""

import torch
from torch import Tensor

from laco.errors import ConfigError


def rotate(keys: Tensor, distance: Tensor, inv_freq: Tensor) -> Tensor:
    """R(distance) k for every token; the halves of a head are paired as Llama pairs them.

    keys: [kv_heads, tokens, head_dim], any floating dtype. distance: [tokens], new minus old position.
    inv_freq: [head_dim / 2] [rad/position].
    Returns: [kv_heads, tokens, head_dim] in the keys' dtype; computed in float32, the angles in float64.
    Raises: ConfigError if the frequencies do not fit the head.
    """
    if 2 * inv_freq.numel() != keys.shape[-1]:
        raise ConfigError(f"{inv_freq.numel()} rotary frequencies do not fit heads of width {keys.shape[-1]}")
    # MPS has no float64; there float32 is what the model itself uses.
    wide = torch.float32 if keys.device.type == "mps" else torch.float64
    angle = distance.to(keys.device, wide)[:, None] * inv_freq.to(keys.device, wide)[None, :]
    cos, sin = angle.cos().float(), angle.sin().float()
    low, high = keys.float().chunk(2, dim=-1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), dim=-1).to(keys.dtype)
