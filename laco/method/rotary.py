"""Rotary positions: a decoder's frequencies, and turning keys that are already rotated on to another position."""

from typing import Any

import torch
from torch import Tensor

from laco.errors import ConfigError

AXES = 3
"""Rotary axes of M-RoPE: time, height, width."""


def axes_of(decoder: Any) -> int:
    """Rotary axes of a decoder: 3 for M-RoPE, else 1."""
    return AXES if hasattr(decoder.rotary_emb, "mrope_section") else 1


def frequencies_of(decoder: Any, layer: int) -> Tensor | None:
    """Rotary frequencies of a layer [rad/position]: [n], or [axes, n] with M-RoPE; None where there are none.

    n: rotary pairs of a head, head_dim / 2 unless only a part of each head is rotary.
    """
    rotary = getattr(decoder, "rotary_emb", None)
    frequencies: Tensor | None = getattr(rotary, "inv_freq", None)
    kinds = getattr(decoder.config, "layer_types", None)
    if frequencies is None and kinds:  # Gemma 3: one set per kind of layer
        frequencies = getattr(rotary, f"{kinds[layer]}_inv_freq", None)
    sections = getattr(rotary, "mrope_section", None)
    return frequencies if frequencies is None or sections is None else by_axis(frequencies, sections)


def by_axis(frequencies: Tensor, sections: list[int]) -> Tensor:
    """Frequencies [n] as [axes, n]: each pair of a head turns with one axis and has 0 on the others.

    sections: how many pairs turn with one axis before the next has its turn; their sum is n.
    """
    turns = [number % AXES for number, size in enumerate(sections) for _ in range(size)]
    axis = torch.tensor(turns, device=frequencies.device)
    return frequencies * (axis == torch.arange(AXES, device=frequencies.device)[:, None])


def rows(tensor: Tensor) -> Tensor:
    """What is given for one axis, [n], as [1, n]; anything else as it is."""
    return tensor[None] if tensor.ndim == 1 else tensor


def rotate(keys: Tensor, distance: Tensor, frequencies: Tensor) -> Tensor:
    """R(distance) k for every token; the halves of a head's rotary part are paired as Llama pairs them.

    keys: [kv_heads, tokens, head_dim], any floating dtype.
    distance: [axes, tokens], or [tokens] for one axis: new minus old position.
    frequencies: [axes, n], or [n] for one axis [rad/position]; the first 2 n entries of a head are rotary.
    Returns: [kv_heads, tokens, head_dim] in the keys' dtype; computed in float32, the angles in float64.
    Raises: ConfigError if the frequencies do not fit the head or the distances.
    """
    per_axis, moved = rows(frequencies), rows(distance)
    pairs = per_axis.shape[1]
    if 2 * pairs > keys.shape[-1]:
        raise ConfigError(f"{pairs} rotary frequencies do not fit heads of width {keys.shape[-1]}")
    if per_axis.shape[0] != moved.shape[0]:
        raise ConfigError(f"frequencies of {per_axis.shape[0]} rotary axes do not fit positions of {moved.shape[0]}")
    # MPS has no float64; there float32 is what the model itself uses.
    wide = torch.float32 if keys.device.type == "mps" else torch.float64
    angle = moved.to(keys.device, wide).T @ per_axis.to(keys.device, wide)
    cos, sin = angle.cos().float(), angle.sin().float()
    low, high = keys[..., : 2 * pairs].float().chunk(2, dim=-1)
    turned = torch.cat((low * cos - high * sin, high * cos + low * sin), dim=-1).to(keys.dtype)
    return torch.cat((turned, keys[..., 2 * pairs :]), dim=-1) if 2 * pairs < keys.shape[-1] else turned
