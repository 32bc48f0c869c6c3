"""Lossless compression of float16 numbers, for comparison: a cache has little to give (docs/codecs.md)."""

from abc import abstractmethod
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from laco.comm.codecs.base import NOWHERE, Codec, Origin, Shape, finite
from laco.comm.message import Buffer
from laco.errors import WireError


class Lossless(Codec):
    """One buffer: float16 keys, then values, compressed together. A subclass gives the compressor."""

    @abstractmethod
    def compress(self, data: memoryview) -> Buffer:
        """`data`, smaller."""

    @abstractmethod
    def decompress(self, data: Buffer, size: int) -> Buffer:
        """`size` bytes again. Raises: WireError, before anything of another size is made."""

    def encode(self, keys: Tensor, values: Tensor, origin: Origin = NOWHERE) -> tuple[Buffer, ...]:
        finite(f"a cache that {self.name} cannot carry", keys, values)
        limit = torch.finfo(torch.float16).max
        both = torch.stack((keys, values)).clamp_(-limit, limit).to(torch.float16)
        return (self.compress(both.reshape(-1).view(torch.uint8).numpy().data),)

    def decode(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        if len(buffers) != 1:
            raise WireError(f"wrong size: {self.name} has one buffer, not {len(buffers)}")
        size = 2 * 2 * prod(shape)
        raw = bytearray(self.decompress(buffers[0], size))
        if len(raw) != size:
            raise WireError(f"wrong size: {len(raw)} bytes for a cache of {list(shape)}")
        both = torch.frombuffer(raw, dtype=torch.float16) if raw else torch.empty(0, dtype=torch.float16)
        both = both.reshape(2, *shape).float()
        finite(f"damaged: {self.name} cache", both)
        return both[0], both[1]
