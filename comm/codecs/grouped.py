"""A few bits a number, in groups that share a lowest value and a step (KIVI, arXiv 2402.02750).

Keys have channels that are large in every token, so they are grouped along the tokens of one channel; values along
the channels of one token. A chunk of few tokens cannot afford a group per channel: below `FEW` tokens keys are
grouped as values are. Whatever a group's length, its numbers follow from the shape.
"""

import torch
from torch import Tensor

from laco.comm.codecs.base import Fixed, Part, Shape

# bfloat16: float16 ends at 65504; float32 costs twice as much.
PARAMETER = torch.bfloat16
FEW = 16
SMALLEST = torch.finfo(torch.float32).tiny
LARGEST = 2.0**126  # beyond it numbers saturate: a group's range must be a float32 too
TOKENS, CHANNELS = 2, 3  # dimensions


class Grouped(Fixed):
    """bits: 2 or 4 per number; size: numbers in a group, fewer at the end of a row.

    Buffers for keys, then for values: lowest values and steps, bfloat16, the shape with the grouped dimension
    replaced by its number of groups; then codes in the order of the numbers, the first in the lowest bits.
    The error is at most half a step, that is 1 / (2 * (2**bits - 1)) of a group's range, and what bfloat16 rounds.
    """

    bits: int
    size: int

    def layout(self, shape: Shape) -> tuple[Part, ...]:
        return *self._side(shape, key_axis(shape)), *self._side(shape, CHANNELS)

    def pack(self, keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        return *self.quantise(keys, key_axis(tuple(keys.shape))), *self.quantise(values, CHANNELS)

    def unpack(self, parts: tuple[Tensor, ...], shape: Shape) -> tuple[Tensor, Tensor]:
        return self.restore(parts[:3], shape, key_axis(shape)), self.restore(parts[3:], shape, CHANNELS)

    def restore(self, parts: tuple[Tensor, ...], shape: Shape, axis: int) -> Tensor:
        """What `quantise` made, as float32 numbers of `shape`."""
        lowest, step, codes = parts
        spread = [_spread(part.float(), axis, self.size, shape[axis]) for part in (step, lowest)]
        return unpacked(codes, self.bits, shape) * spread[0] + spread[1]

    def quantise(self, x: Tensor, axis: int) -> tuple[Tensor, Tensor, Tensor]:
        """Lowest values, steps and packed codes of `x`, grouped along `axis`."""
        x = x.clamp(-LARGEST, LARGEST)
        low, high = _extremes(x, axis, self.size)
        lowest = low.to(PARAMETER)
        step = ((high - lowest.float()) / (2**self.bits - 1)).clamp(min=SMALLEST).to(PARAMETER)
        spread = [_spread(part.float(), axis, self.size, x.shape[axis]) for part in (lowest, step)]
        codes = ((x - spread[0]) / spread[1]).round_().clamp_(0, 2**self.bits - 1).to(torch.uint8)
        return lowest, step, packed(codes, self.bits)

    def _side(self, shape: Shape, axis: int) -> tuple[Part, ...]:
        count = torch.Size(shape).numel()
        parameter = Part(PARAMETER, group_shape(shape, axis, self.size))
        return parameter, parameter, Part(torch.uint8, (-(-count * self.bits // 8),))


def key_axis(shape: Shape) -> int:
    """Along which dimension keys are grouped."""
    return CHANNELS if shape[TOKENS] < FEW else TOKENS


def group_shape(shape: Shape, axis: int, size: int) -> Shape:
    """Of a parameter: the number of groups in place of the grouped dimension."""
    layers, heads, tokens, dim = (-(-n // size) if i == axis else n for i, n in enumerate(shape))
    return layers, heads, tokens, dim


def packed(codes: Tensor, bits: int) -> Tensor:
    """Codes 0..2**bits - 1 of any shape as bytes, the first in the lowest bits."""
    each = 8 // bits
    flat = codes.reshape(-1)
    padded = torch.nn.functional.pad(flat, (0, -len(flat) % each)).reshape(-1, each)
    whole = padded[:, 0].clone()
    for place in range(1, each):
        whole |= padded[:, place] << (bits * place)
    return whole


def unpacked(whole: Tensor, bits: int, shape: Shape) -> Tensor:
    """The codes again, float32 of `shape`."""
    places = torch.arange(0, 8, bits, dtype=torch.uint8)
    codes = (whole[:, None] >> places) & (2**bits - 1)
    return codes.reshape(-1)[: torch.Size(shape).numel()].reshape(shape).float()


def _extremes(x: Tensor, axis: int, size: int) -> tuple[Tensor, Tensor]:
    """Lowest and highest number of every group along `axis`."""
    if not x.numel():
        shape = group_shape(tuple(x.shape), axis, size)
        return x.new_zeros(shape), x.new_zeros(shape)
    parts = x.split(size, axis)
    low, high = zip(*(torch.aminmax(part, dim=axis, keepdim=True) for part in parts), strict=True)
    return torch.cat(low, axis), torch.cat(high, axis)


def _spread(parameter: Tensor, axis: int, size: int, length: int) -> Tensor:
    """A group's parameter at each of its numbers."""
    return parameter.repeat_interleave(size, axis).narrow(axis, 0, length)
