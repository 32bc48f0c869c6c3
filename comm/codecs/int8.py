"""`int8`: one byte a number, keys scaled per channel, values per token (as KIVI, arXiv 2402.02750, does).

Keys have a few channels that are large in every token; a scale per token would spend its range on those.
"""

import torch
from torch import Tensor

from laco.comm.codecs.base import Fixed, Part, Shape

LEVELS = 127
# bfloat16: float16 ends at 65504 and would clip or zero whole channels; float32 costs twice as much.
SCALE = torch.bfloat16
SMALLEST = torch.finfo(torch.float32).tiny


class Int8(Fixed):
    """Symmetric; the error is at most half a step, that is 0.4 % of the largest magnitude of the group.

    Gaussian data: 0.5 % relative error (16 tokens) to 0.9 % (thousands). Any float32 can be carried; a group
    whose largest magnitude is below 1.5e-36 loses precision, and below 6e-39 becomes zero.
    """

    name = "int8"

    def layout(self, shape: Shape) -> tuple[Part, ...]:
        layers, heads, tokens, dim = shape
        return (
            Part(SCALE, (layers, heads, 1, dim)),
            Part(torch.int8, shape),
            Part(SCALE, (layers, heads, tokens, 1)),
            Part(torch.int8, shape),
        )

    def pack(self, keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        return *_quantise(keys, dim=2), *_quantise(values, dim=3)

    def unpack(self, parts: tuple[Tensor, ...], shape: Shape) -> tuple[Tensor, Tensor]:
        key_scale, keys, value_scale, values = parts
        return keys * key_scale.float(), values * value_scale.float()


def _quantise(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Scales, `x`'s shape with 1 at `dim`, and codes of `x`'s shape."""
    if x.numel() == 0:  # there is no largest of nothing
        shape = list(x.shape)
        shape[dim] = 1
        return torch.full(shape, SMALLEST, dtype=SCALE), x.to(torch.int8)
    low, high = torch.aminmax(x, dim=dim, keepdim=True)
    largest = torch.maximum(high, -low)
    # Where bfloat16 rounds a scale down, the largest magnitude lands at most 127 * 2**-8 < 1/2 beyond the
    # last level: clamped, it still is within half a step.
    scale = (largest / LEVELS).clamp(min=SMALLEST).to(SCALE)
    codes = (x / scale.float()).round_().clamp_(-LEVELS, LEVELS).to(torch.int8)
    return scale, codes
