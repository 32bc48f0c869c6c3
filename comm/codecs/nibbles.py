"""Four bits a number, compiled (numba): what `int4` and `fast` have in common.

Without numba, or with LACO_NO_NUMBA set, torch makes and reads the same bytes, several times slower.
"""

from collections.abc import Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from laco.comm.codecs.base import Shape, from_parts
from laco.comm.codecs.extra import kernels
from laco.comm.codecs.grouped import CHANNELS, Grouped, shape_of
from laco.comm.message import Buffer
from laco.errors import WireError


class Nibbles(Grouped):
    """`Grouped` with four bits, its arithmetic in `kernels`."""

    bits = 4

    @cached_property
    def kernels(self) -> Any:
        """The module of compiled functions, or None."""
        return kernels()

    def coded(self, keys: Tensor, values: Tensor) -> tuple[Buffer, ...]:
        if self.kernels is None or not keys.numel():
            return super().coded(keys, values)
        shape = shape_of(keys)
        parts = tuple(torch.empty(part.shape, dtype=part.dtype) for part in self.layout(shape))
        sides = zip((keys, values), self.groups(shape), (parts[:2], parts[2:]), strict=True)
        for x, (axis, groups), (stored, packed) in sides:
            whole, *arrays = _arrays(x.detach().contiguous(), stored, packed, axis)
            kernel = self.kernels.encode_rows if axis == CHANNELS else self.kernels.encode_channels
            if not kernel(whole, groups.length, *arrays):
                raise WireError(f"a cache that {self.name} cannot carry: holds NaN or infinity")
        return from_parts(parts)

    def decoded(self, shape: Shape, buffers: Sequence[Buffer]) -> tuple[Tensor, Tensor]:
        if self.kernels is None or not prod(shape):
            return super().decoded(shape, buffers)
        parts = self._parts(shape, buffers, own=False)
        # numpy asks for huge pages, and one block is reused where two would go back to the system each time: fetching
        # fresh memory page by page takes longer than all of the rest.
        both = torch.from_numpy(np.empty((2, *shape), np.float32))
        for x, (axis, groups), (stored, packed) in zip(both, self.groups(shape), (parts[:2], parts[2:]), strict=True):
            self.read(stored)  # refuses what is no number
            whole, *arrays = _arrays(x, stored, packed, axis)
            kernel = self.kernels.decode_rows if axis == CHANNELS else self.kernels.decode_channels
            kernel(*arrays, groups.length, whole)
        return both[0], both[1]


def _arrays(x: Tensor, stored: Tensor, packed: Tensor, axis: int) -> tuple[NDArray[Any], ...]:
    """A cache, its groups and its codes as arrays in the kernels' shapes: rows are all axes before the grouped one."""
    return x.flatten(0, axis - 1).numpy(), stored.flatten(1, axis).numpy(), packed.flatten(0, axis - 1).numpy()
