"""A few bits a number, in groups that share a step: what `int4`, `int2` and `fast` have in common.

Keys are grouped along the tokens of a channel, values along the channels of a token (KIVI, arXiv 2402.02750): keys
have a few channels that are large in every token, values do not. A chunk on a lossy radio may hold one token: with
fewer than `few` tokens a key group costs more than it saves, and keys are grouped as values are. All of that follows
from the shape, so the sizes of the buffers do.

A group divides the span from its least number to its largest into 2**bits cells of one step; a code is a cell, and
stands for its middle. So no number is further than half a step from what it becomes, and 4 cells fit Gaussian numbers
better than 4 levels from end to end would (the outer levels of a Lloyd-Max quantiser lie well inside too).
"""

from collections.abc import Sequence
from math import ceil
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from laco.comm.codecs import sinks
from laco.comm.codecs.base import NOWHERE, Fixed, Origin, Part, Shape, finite
from laco.comm.message import Buffer
from laco.errors import WireError

TOKENS, CHANNELS = 2, 3  # axes of a cache [layers, kv_heads, tokens, head_dim]
FRACTION = 16  # a group's zero is a whole number of sixteenths of a step
FARTHEST = 1024  # steps from zero to a group's largest magnitude, at most: a zero fits 16 bits
SMALLEST = torch.finfo(torch.float32).tiny


class Groups(NamedTuple):
    """`many` groups of `length` along an axis of `size`; the last may be shorter."""

    size: int
    many: int
    length: int

    @classmethod
    def of(cls, size: int, least: int) -> "Groups":
        """Groups of nearly equal length, of `least` to twice as many where there are so many: no short tail."""
        length = ceil(size / max(1, size // least)) or 1
        return cls(size, ceil(size / length), length)

    def split(self, x: Tensor, axis: int) -> Tensor:
        """`x` with its axis as two, [many, length]; the last group is filled up with its last number."""
        if self.many * self.length != self.size:
            x = x.index_select(axis, torch.arange(self.many * self.length).clamp_(max=self.size - 1))
        return x.reshape(*x.shape[:axis], self.many, self.length, *x.shape[axis + 1 :])

    def spread(self, x: Tensor, axis: int) -> Tensor:
        """One number per group as one per number."""
        return x if self.many == 1 else x.repeat_interleave(self.length, axis).narrow(axis, 0, self.size)


class Grouped(Fixed):
    """A subclass gives its bits, the length of its groups, and whether the sequence's first token stays float16.

    Buffers: key groups, key codes, value groups, value codes; and the first token where it is kept apart. Any float32
    can be carried (but for the first token, which saturates at 65504); the error is at most half a step and a bit, that
    is 1/2**(bits + 1) of the group's span, or 0.05 % of its largest magnitude where that is more.
    """

    bits: ClassVar[int]
    group: ClassVar[int]
    few: ClassVar[int] = 16  # below this many tokens a group of them costs over 2 bits a number, more than it is worth
    keeps_first: ClassVar[bool] = True

    def groups(self, shape: Shape) -> tuple[tuple[int, Groups], tuple[int, Groups]]:
        """Axis and groups of keys, and of values."""
        axis = CHANNELS if shape[TOKENS] < self.few else TOKENS
        return (axis, Groups.of(shape[axis], self.group)), (CHANNELS, Groups.of(shape[CHANNELS], self.group))

    def layout(self, shape: Shape) -> tuple[Part, ...]:
        width = ceil(shape[CHANNELS] / (8 // self.bits))
        parts = []
        for axis, groups in self.groups(shape):
            counts = (*shape[:axis], groups.many, *shape[axis + 1 :])
            parts += [Part(torch.int16, (2, *counts)), Part(torch.uint8, (*shape[:CHANNELS], width))]
        return tuple(parts)

    def pack(self, keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        pairs = zip((keys, values), self.groups(shape_of(keys)), strict=True)
        return tuple(part for x, (axis, groups) in pairs for part in self._quantise(x, axis, groups))

    def unpack(self, parts: tuple[Tensor, ...], shape: Shape) -> tuple[Tensor, Tensor]:
        (key_axis, key_groups), (value_axis, value_groups) = self.groups(shape)
        keys = self._restore(parts[0], parts[1], key_axis, key_groups, shape)
        return keys, self._restore(parts[2], parts[3], value_axis, value_groups, shape)

    def encode(self, keys: Tensor, values: Tensor, origin: Origin = NOWHERE) -> tuple[Buffer, ...]:
        first = self._first(origin, keys.shape[TOKENS])
        if first is None:
            return self.coded(keys, values)
        finite(f"a cache that {self.name} cannot carry", keys[:, :, first], values[:, :, first])
        return *self.coded(keys[:, :, ~first], values[:, :, ~first]), sinks.pack(keys, values, first)

    def decode(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        first = self._first(origin, shape[TOKENS])
        if first is None:
            return self.decoded(shape, buffers)
        if len(buffers) != 5:
            raise WireError(f"wrong size: {len(buffers)} buffers of {self.name}, with a first token there are 5")
        apart = sinks.unpack(buffers[4], shape, first)
        layers, heads, tokens, dim = shape
        rest = self.decoded((layers, heads, tokens - apart.shape[3], dim), buffers[:4])
        both = torch.empty(2, *shape)
        both[:, :, :, first], both[0][:, :, ~first], both[1][:, :, ~first] = apart, *rest
        return both[0], both[1]

    def coded(self, keys: Tensor, values: Tensor) -> tuple[Buffer, ...]:
        """The four buffers. Raises: WireError for NaN and infinity."""
        return super().encode(keys, values)

    def decoded(self, shape: Shape, buffers: Sequence[Buffer]) -> tuple[Tensor, Tensor]:
        """Keys and values out of them. Raises: WireError where sizes or numbers cannot be."""
        return self.unpack(self._parts(shape, buffers), shape)

    def _first(self, origin: Origin, tokens: int) -> Tensor | None:
        """Which tokens stay float16, bool [tokens]; None for none."""
        found = sinks.sinks(origin, tokens) if self.keeps_first else None
        return found if found is not None and found.any() else None

    def _quantise(self, x: Tensor, axis: int, groups: Groups) -> tuple[Tensor, Tensor]:
        """Groups int16 [2 (bits of the bfloat16 step, zero), ...] and packed codes."""
        if not x.numel():
            counts = (*x.shape[:axis], groups.many, *x.shape[axis + 1 :])
            return torch.zeros(2, *counts, dtype=torch.int16), self._packed(x.to(torch.uint8))
        low, high = torch.aminmax(groups.split(x, axis), dim=axis + 1)
        step, zero = steps(low, high, 1 << self.bits)
        inverse, offset = 1.0 / step, 0.5 - zero
        scaled = x * groups.spread(inverse, axis) + groups.spread(offset, axis)
        codes = scaled.clamp_(0, (1 << self.bits) - 1).to(torch.uint8)
        halves = step.to(torch.bfloat16).view(torch.int16)
        return torch.stack((halves, (zero * FRACTION).to(torch.int16))), self._packed(codes)

    def _restore(self, stored: Tensor, packed: Tensor, axis: int, groups: Groups, shape: Shape) -> Tensor:
        step, zero = self.read(stored)
        codes = self._unpacked(packed, shape[CHANNELS]).float()
        return codes.add_(groups.spread(zero, axis)).mul_(groups.spread(step, axis))

    def read(self, stored: Tensor) -> tuple[Tensor, Tensor]:
        """Steps and zeros of stored groups. Raises: WireError where a code would not be a number."""
        step = stored[0].view(torch.bfloat16).float()
        zero = stored[1].float() / FRACTION
        # The outermost codes bound all others, so this is as good as a look at every number.
        finite(f"damaged: {self.name} groups", step * zero, step * (zero + (1 << self.bits) - 1))
        return step, zero

    def _packed(self, codes: Tensor) -> Tensor:
        """Codes [..., head_dim] as bytes [..., width], in order, the first in the lowest bits."""
        per = 8 // self.bits
        width = ceil(codes.shape[-1] / per)
        padded = torch.nn.functional.pad(codes, (0, per * width - codes.shape[-1]))
        return (padded.reshape(*codes.shape[:-1], width, per) << self._places()).sum(-1, dtype=torch.uint8)

    def _unpacked(self, packed: Tensor, dim: int) -> Tensor:
        """The codes again, uint8 [..., head_dim]."""
        codes = (packed[..., None] >> self._places()) & (1 << self.bits) - 1
        return codes.flatten(-2)[..., :dim]

    def _places(self) -> Tensor:
        """Where the codes of a byte begin [bits]."""
        return torch.arange(0, 8, self.bits, dtype=torch.uint8)


def steps(low: Tensor, high: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Step, rounded to bfloat16, and zero, rounded to 1/FRACTION, of groups from `low` to `high`; all float32.

    A code c stands for (c + zero) * step. A group of one number alone needs no cell: there zero stands for it.
    """
    # float16 would end at 65504, and clip or zero whole groups. Divided first: the span of float32 is no float32.
    span = high / cells - low / cells
    far = torch.maximum(high, -low) / FARTHEST
    step = torch.maximum(span, far).clamp_(min=SMALLEST).to(torch.bfloat16).float()
    middle = torch.where(high > low, 0.5, 0.0)
    zero = ((low / step + middle) * FRACTION).round_() / FRACTION
    return step, zero


def shape_of(x: Tensor) -> Shape:
    """[layers, kv_heads, tokens, head_dim]."""
    layers, heads, tokens, dim = x.shape
    return layers, heads, tokens, dim
