"""`Lossless`: float16 through a general compressor; a subclass gives the compressor.

What these can save is bounded by the numbers' own entropy: of a cache's float16 the low byte looks random and the
high byte holds about 5.8 bits (docs/results.md), so 1.16 times smaller is the end of it. They are the baselines.
"""

from abc import abstractmethod
from collections.abc import Sequence
from math import prod

from torch import Tensor

from laco.comm.codecs.base import NOWHERE, Codec, Origin, Shape
from laco.comm.codecs.fp16 import Fp16
from laco.comm.message import Buffer
from laco.errors import WireError

HALF = Fp16()


class Lossless(Codec):
    """One buffer: keys, then values, as `fp16` has them, compressed together."""

    native = HALF.native

    @abstractmethod
    def compress(self, data: bytes) -> Buffer:
        """`data`, smaller."""

    @abstractmethod
    def expand(self, buffer: Buffer, size: int) -> Buffer:
        """What was compressed. Raises: WireError unless it is `size` bytes; that is seen before it is allocated."""

    def encode(self, keys: Tensor, values: Tensor, origin: Origin = NOWHERE) -> tuple[Buffer, ...]:
        return (self.compress(b"".join(HALF.encode(keys, values, origin))),)

    def decode(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        return HALF.decode(shape, self._halves(shape, buffers), origin)

    def decode_native(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        return HALF.decode_native(shape, self._halves(shape, buffers), origin)

    def _halves(self, shape: Shape, buffers: Sequence[Buffer]) -> tuple[memoryview, memoryview]:
        if len(buffers) != 1:
            raise WireError(f"wrong size: {self.name} has one buffer, not {len(buffers)}")
        half = HALF.native.itemsize * prod(shape)
        data = memoryview(self.expand(buffers[0], 2 * half))
        if data.nbytes != 2 * half:
            raise WireError(f"wrong size: {self.name} expands to {data.nbytes} bytes, not {2 * half}")
        return data[:half], data[half:]
