"""`fp8`: one byte a number (e4m3: 4 bits of exponent, 3 of mantissa), scaled per layer and head."""

import torch
from torch import Tensor

from laco.comm.codecs.base import Fixed, Part, Shape

E4M3 = torch.float8_e4m3fn
LARGEST = torch.finfo(E4M3).max  # 448
SMALLEST = torch.finfo(torch.float32).tiny


class Fp8(Fixed):
    """The error is at most 1/16 of each number, however small beside the others, down to 2**-15 of the largest.

    So channels of very different size need no scales of their own, and a chunk of one token costs as little as a
    long one: 2 bytes per layer and head, for keys and for values. Any float32 can be carried.
    """

    name = "fp8"

    def layout(self, shape: Shape) -> tuple[Part, ...]:
        scales = Part(torch.bfloat16, (*shape[:2], 1, 1))
        return scales, Part(torch.uint8, shape), scales, Part(torch.uint8, shape)

    def pack(self, keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        return *_scaled(keys), *_scaled(values)

    def unpack(self, parts: tuple[Tensor, ...], shape: Shape) -> tuple[Tensor, Tensor]:
        key_scale, keys, value_scale, values = parts
        return _restored(key_scale, keys), _restored(value_scale, values)


def _scaled(x: Tensor) -> tuple[Tensor, Tensor]:
    """Scales [layers, kv_heads, 1, 1] and the bytes of `x` in e4m3."""
    if not x.numel():
        return torch.full((*x.shape[:2], 1, 1), SMALLEST, dtype=torch.bfloat16), x.to(torch.uint8)
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    scale = (torch.maximum(high, -low) / LARGEST).clamp_(min=SMALLEST).to(torch.bfloat16)
    # Clamped: beyond the largest number e4m3 has only NaN.
    return scale, (x / scale.float()).clamp_(-LARGEST, LARGEST).to(E4M3).view(torch.uint8)


def _restored(scale: Tensor, codes: Tensor) -> Tensor:
    return codes.view(E4M3).float().mul_(scale.float())
