"""`entropy`: quantise evenly, entropy-code; no table of the model is needed (in the manner of CacheGen, 2310.07240).

The step is a share of a layer's root mean square, so that layers of any size fare alike. Where a chunk has enough
tokens to pay for it, every channel tells its own mean, in steps, and the class of its spread; else a whole layer's
keys (values) share one class.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from torch import Tensor

from laco.comm.codecs import ans
from laco.comm.codecs.base import NOWHERE, Codec, Origin, Shape, finite
from laco.comm.codecs.sinks import pack, sinks, unpack
from laco.comm.message import Buffer
from laco.errors import WireError

STEP = 0.25  # of the quantiser, in root mean squares of a layer's keys (values)
ENOUGH = 32  # tokens from which on a channel tells its own mean and class
SIDES = 2  # keys, values
TABLE = "generic.safetensors"
LARGEST = 2.0**126  # beyond it numbers saturate
SMALLEST = np.float32(np.finfo(np.float32).tiny)


class Entropy(Codec):
    """Buffers: steps (float32), classes (int8) and means (int16) of rows, words, escapes, the first token (float16).

    Rows are the channels of layers x (keys, values) x kv_heads x head_dim.
    """

    name = "entropy"

    def require(self, fingerprint: str) -> None:
        ans.library()

    def encode(self, keys: Tensor, values: Tensor, origin: Origin = NOWHERE) -> tuple[Buffer, ...]:
        finite(f"a cache that {self.name} cannot carry", keys, values)
        chosen = sinks(origin, keys.shape[2])
        steps, means, rows = quantised(keys[:, :, ~chosen], values[:, :, ~chosen])
        classes = _classes(rows, len(steps))
        coded = ans.encode(rows, _per_row(classes, len(rows)), models())
        parts = (steps.astype("<f4"), classes.astype("<i1"), means.astype("<i2"))
        return *(part.view(np.uint8).data for part in parts), *coded, pack(keys, values, chosen)

    def decode(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        chosen = sinks(origin, shape[2])
        length = shape[2] - int(chosen.sum())
        steps, classes, means = self._told(shape, length, buffers)
        apart = unpack(buffers[5], shape, chosen)
        rows = ans.decode(buffers[3], buffers[4], _per_row(classes, len(means)), length, models()).astype(np.float32)
        rows += means[:, None]
        rows = rows.reshape(len(steps), -1) * steps[:, None]
        layers, heads, _, dim = shape
        rest = torch.from_numpy(rows.reshape(layers, SIDES, heads, dim, length)).permute(1, 0, 2, 4, 3)
        both = torch.empty((SIDES, *shape))
        both[:, :, :, chosen], both[:, :, :, ~chosen] = apart, rest
        finite(f"damaged: {self.name} cache", both)
        return both[0], both[1]

    def _told(self, shape: Shape, length: int, buffers: Sequence[Buffer]) -> tuple[ans.Floats, ans.Ints, ans.Ints]:
        """Steps [layers * sides], classes, one per row or per step, and means [rows]. Raises: WireError."""
        layers, heads, _, dim = shape
        groups, rows = layers * SIDES, layers * SIDES * heads * dim
        each = rows if length >= ENOUGH else groups
        wanted = (4 * groups, each, 2 * (rows if length >= ENOUGH else 0))
        sizes = tuple(memoryview(b).nbytes for b in buffers)
        if len(buffers) != 6 or sizes[:3] != wanted:
            raise WireError(f"wrong size: {self.name} buffers of {sizes} bytes for a cache of {list(shape)}")
        steps = np.frombuffer(buffers[0], "<f4").astype(np.float32)
        classes = np.frombuffer(buffers[1], "<i1").astype(np.int32)
        means = np.frombuffer(buffers[2], "<i2").astype(np.int32) if wanted[2] else np.zeros(rows, np.int32)
        if not np.isfinite(steps).all() or (classes > ans.HIGHEST).any():
            raise WireError(f"damaged: steps or classes of {self.name} that cannot be")
        return steps, classes, means


def quantised(keys: Tensor, values: Tensor) -> tuple[ans.Floats, ans.Ints, ans.Ints]:
    """Steps [layers * sides], means [rows] or none, and whole numbers less the means, int32 [rows, tokens]."""
    layers, heads, tokens, dim = keys.shape
    both = torch.stack((keys, values), 1).clamp(-LARGEST, LARGEST).transpose(3, 4).reshape(layers * SIDES, heads * dim, tokens)
    if not both.numel():
        rows = np.zeros((layers * SIDES * heads * dim, tokens), np.int32)
        return np.full(layers * SIDES, SMALLEST), np.zeros(len(rows) if tokens >= ENOUGH else 0, np.int32), rows
    # In two steps: the square of a large number need not be one.
    largest = both.abs().amax((1, 2), keepdim=True).clamp(min=float(SMALLEST))
    step = (STEP * largest * (both / largest).pow(2).mean((1, 2), keepdim=True).sqrt()).clamp(min=float(SMALLEST))
    rows = (both / step).round().clamp(-(2.0**30), 2.0**30).to(torch.int32).reshape(-1, tokens).numpy()
    steps = step.reshape(-1).numpy()
    if tokens < ENOUGH:
        return steps, np.zeros(0, np.int32), rows
    means = np.rint(rows.mean(1, dtype=np.float64)).clip(-(2**15), 2**15 - 1).astype(np.int32)
    return steps, means, rows - means[:, None]


def _classes(rows: ans.Ints, groups: int) -> ans.Ints:
    """The class of each row, or of each group of rows where a row is too short; never one without a model."""
    grouped = rows if rows.shape[1] >= ENOUGH else rows.reshape(groups, -1)
    if not grouped.size:
        return np.full(len(grouped), ans.LOWEST, np.int32)
    deviation = np.sqrt(np.square(grouped.astype(np.float64)).mean(1))
    return np.maximum(ans.class_of(deviation), ans.LOWEST)


def _per_row(classes: ans.Ints, rows: int) -> ans.Ints:
    """One class per row; what a decoder reads may be below LOWEST, and then stands for rows of zeros."""
    return np.repeat(classes, rows // len(classes)) if len(classes) else classes


@cache
def models() -> ans.Models:
    """The shipped models, of rounded normal variables (`laco.distill.codec_table.generic`)."""
    path = Path(str(files("laco.comm.codecs"))) / "tables" / TABLE
    found: NDArray[np.int32] = load_file(path)["frequencies"]
    return ans.Models(np.ascontiguousarray(found))
