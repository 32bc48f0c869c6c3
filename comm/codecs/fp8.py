"""`fp8`: one byte a number, e4m3 (arXiv 2209.05433), every head of a layer scaled to use all of it."""

import torch
from torch import Tensor

from laco.comm.codecs.base import Fixed, Part, Shape

SCALE = torch.bfloat16
LARGEST = 448.0  # of e4m3
SMALLEST = torch.finfo(torch.float32).tiny


class Fp8(Fixed):
    """Relative error at most 2**-4 down to 2**-15 of a head's largest magnitude, 2.6 % on Gaussian data."""

    name = "fp8"

    def layout(self, shape: Shape) -> tuple[Part, ...]:
        scales = Part(SCALE, (*shape[:2], 1, 1))
        return scales, Part(torch.uint8, shape), scales, Part(torch.uint8, shape)

    def pack(self, keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        return *_scaled(keys), *_scaled(values)

    def unpack(self, parts: tuple[Tensor, ...], shape: Shape) -> tuple[Tensor, Tensor]:
        scales = parts[0].float(), parts[2].float()
        keys, values = (part.view(torch.float8_e4m3fn).float() for part in (parts[1], parts[3]))
        return keys * scales[0], values * scales[1]


def _scaled(x: Tensor) -> tuple[Tensor, Tensor]:
    """Scales [layers, kv_heads, 1, 1], and codes of `x`'s shape."""
    largest = x.abs().amax((2, 3), keepdim=True) if x.numel() else x.new_zeros((*x.shape[:2], 1, 1))
    scale = (largest / LARGEST).clamp(min=SMALLEST).to(SCALE)
    codes = (x / scale.float()).clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn)
    return scale, codes.view(torch.uint8)
