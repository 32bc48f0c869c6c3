"""`fast`: `int4` in groups of 64, 4.5 bits a number, by compiled loops on one core; with torch where numba is missing.

Both make the same bytes: the same float32 operations in the same order.
"""

import os
from types import ModuleType

import torch
from torch import Tensor

from laco.comm.codecs.base import Shape, shape_of
from laco.comm.codecs.grouped import CHANNELS, PARAMETER, Grouped, group_shape
from laco.errors import WireError

PLAIN = "LACO_NO_NUMBA"  # environment variable: do without the compiled loops


class Fast(Grouped):
    """3.56 times smaller than float16. Compiling takes some seconds, once per installation."""

    name = "fast"
    bits = 4
    size = 64

    def quantise(self, x: Tensor, axis: int) -> tuple[Tensor, Tensor, Tensor]:
        compiled = loops()
        if compiled is None or not x.numel() or x.shape[CHANNELS] % 2:
            return super().quantise(x, axis)
        lowest, step = (torch.empty(group_shape(shape_of(x), axis, self.size), dtype=torch.uint16) for _ in range(2))
        codes = torch.empty(x.numel() // 2, dtype=torch.uint8)
        write = compiled.write_tokens if axis == CHANNELS else compiled.write_channels
        rows = _rows(x.contiguous(), axis)
        parameters = (_rows(part, axis).numpy() for part in (lowest, step))
        if not write(rows.numpy(), rows.view(torch.uint32).numpy(), self.size, *parameters, codes.numpy()):
            raise WireError(f"a cache that {self.name} cannot carry: holds NaN or infinity")
        return lowest.view(PARAMETER), step.view(PARAMETER), codes

    def restore(self, parts: tuple[Tensor, ...], shape: Shape, axis: int) -> Tensor:
        compiled = loops()
        if compiled is None or 0 in shape or shape[CHANNELS] % 2:
            return super().restore(parts, shape, axis)
        lowest, step = (_rows(part.float(), axis).numpy() for part in parts[:2])
        found = torch.empty(shape)
        read = compiled.read_tokens if axis == CHANNELS else compiled.read_channels
        read(parts[2].numpy(), self.size, lowest, step, _rows(found, axis).numpy())
        return found


def loops() -> ModuleType | None:
    """The compiled loops; None where they are not wanted or cannot be had."""
    if os.environ.get(PLAIN):
        return None
    try:
        from laco.comm.codecs import fast_loops
    except ImportError:
        return None
    return fast_loops


def _rows(x: Tensor, axis: int) -> Tensor:
    """[layers, kv_heads, tokens, n] as [rows, n], or as [rows, tokens, n] where tokens are grouped; shares memory."""
    return x.reshape(-1, x.shape[3]) if axis == CHANNELS else x.reshape(-1, *x.shape[2:])
