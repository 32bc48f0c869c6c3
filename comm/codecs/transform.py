"""`transform`: decorrelate, quantise, entropy-code, with tables calibrated for the model (docs/codecs.md).

Keys are turned back to position 0 first, where they resemble each other. All heads of a layer are transformed
together, in coordinates in which an error of a given size does the same harm to what the model says next, whatever
its direction; there one step for all layers spends bits where they count. That every message uses the same tables
makes a chunk of one token as cheap per token as one of a thousand.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from laco.comm.codecs import ans, table
from laco.comm.codecs.base import NOWHERE, Codec, Origin, Shape, finite
from laco.comm.codecs.sinks import pack, sinks, unpack
from laco.comm.codecs.table import SIDES, Table
from laco.comm.message import Buffer
from laco.errors import ConfigError, WireError
from laco.method.rotary import rotate


LARGEST = 1e24  # beyond it numbers saturate: sums of their products must be float32 too


class Transform(Codec):
    """Buffers: the coder's words, its escapes, and the sequence's first token in float16."""

    general = False

    def __init__(self, name: str, level: int) -> None:
        """level: of quality; each step of one widens the quantiser's step by a quarter octave."""
        self.name = name
        self.level = level

    def require(self, fingerprint: str) -> None:
        ans.library()
        table.find(fingerprint)

    @property
    def step(self) -> float:
        """Of the quantiser, in the table's own unit."""
        return float(2.0 ** (self.level / ans.PER_OCTAVE))

    def encode(self, keys: Tensor, values: Tensor, origin: Origin = NOWHERE) -> tuple[Buffer, ...]:
        """Raises: WireError if not finite, or no table fits."""
        finite(f"a cache that {self.name} cannot carry", keys, values)
        known, chosen = _table(origin, tuple(keys.shape)), sinks(origin, keys.shape[2])
        rows = self.symbols(keys[:, :, ~chosen], values[:, :, ~chosen], _without(origin, chosen))
        return *ans.encode(rows, self._classes(known, origin), known.models), pack(keys, values, chosen)

    def symbols(self, keys: Tensor, values: Tensor, origin: Origin) -> ans.Ints:
        """What the entropy coder gets: int32 [layers * sides * n, tokens]."""
        known, layers = _table(origin, tuple(keys.shape)), list(origin.layers)
        keys, values = (side.float().clamp(-LARGEST, LARGEST) for side in (keys, values))
        flat = torch.stack((_flat(_turned(keys, origin, known, -1)), _flat(values)), 1)  # [layers, sides, tokens, n]
        moved = flat - known.mean[layers][:, :, None]
        found = (moved @ known.analysis[layers].transpose(2, 3)) / self.step
        limit = float(ans.MOST_ESCAPE // 2)
        rows = found.round().clamp(-limit, limit).to(torch.int32).transpose(2, 3).reshape(-1, keys.shape[2])
        rows[torch.from_numpy(self._classes(known, origin)) < ans.LOWEST] = 0
        return rows.contiguous().numpy()

    def decode(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        """Raises: WireError for what is damaged, or where no table fits."""
        if len(buffers) != 3:
            raise WireError(f"wrong size: {self.name} has 3 buffers, not {len(buffers)}")
        known, chosen = _table(origin, shape), sinks(origin, shape[2])
        apart, rest = unpack(buffers[2], shape, chosen), _without(origin, chosen)
        length = shape[2] - int(chosen.sum())
        rows = ans.decode(buffers[0], buffers[1], self._classes(known, origin), length, known.models)
        keys, values = self._restored(rows, shape, rest, known)
        both = torch.empty((SIDES, *shape))
        both[:, :, :, chosen], both[0][:, :, ~chosen], both[1][:, :, ~chosen] = apart, keys, values
        finite(f"damaged: {self.name} cache", both)
        return both[0], both[1]

    def _restored(self, rows: ans.Ints, shape: Shape, origin: Origin, known: Table) -> tuple[Tensor, Tensor]:
        """Keys and values [layers, kv_heads, tokens, head_dim] that the symbols stand for."""
        layers, heads, _, dim = shape
        ids, tokens = list(origin.layers), rows.shape[1]
        coded = _centroids(rows, self._classes(known, origin), known).reshape(layers, SIDES, heads * dim, tokens)
        flat = (known.synthesis[ids] @ coded).transpose(2, 3) * self.step + known.mean[ids][:, :, None]
        both = flat.reshape(layers, SIDES, tokens, heads, dim).permute(1, 0, 3, 2, 4)
        return _turned(both[0], origin, known, 1), both[1]

    def _classes(self, known: Table, origin: Origin) -> ans.Ints:
        """The class of every row at this step, int32 [layers * sides * n]."""
        own = known.classes[list(origin.layers)].reshape(-1).to(torch.int32) - self.level
        return np.minimum(own.numpy(), ans.HIGHEST)


def _table(origin: Origin, shape: Shape) -> Table:
    """The table for a cache. Raises: WireError where there is none that fits."""
    try:
        known = table.find(origin.fingerprint)
    except ConfigError as error:
        raise WireError(str(error)) from error
    layers, _, n, _ = known.basis.shape
    positions = origin.positions
    if shape[1] * shape[3] != n or positions is None or positions.shape[0] != 1 or len(origin.layers) != shape[0]:
        raise WireError(f"wrong shape: a cache of {list(shape)} does not fit the model's codec table")
    if origin.layers and origin.layers[-1] >= layers:
        raise WireError(f"wrong shape: the model's codec table has {layers} layers, not {origin.layers[-1] + 1}")
    return known


def _centroids(rows: ans.Ints, classes: ans.Ints, known: Table) -> Tensor:
    """What symbols stand for, in steps: the mean of what was rounded to them, or themselves where none was."""
    numbers = torch.from_numpy(rows)
    held = numbers.abs().clamp(max=ans.REACH).long()
    kind = (torch.from_numpy(classes) - ans.LOWEST).clamp(min=0).long()
    known_ones = known.centroids[kind].gather(1, held) * numbers.sign()
    return torch.where(numbers.abs() > ans.REACH, numbers.float(), known_ones)


def _turned(keys: Tensor, origin: Origin, known: Table, way: int) -> Tensor:
    """Keys turned from position 0 to their own (way 1), or back (-1)."""
    assert origin.positions is not None  # _table has looked
    distance = way * origin.positions
    pairs = zip(keys, origin.layers, strict=True)
    return torch.stack([rotate(layer, distance, known.rotary[number]) for layer, number in pairs])


def _flat(x: Tensor) -> Tensor:
    """[layers, kv_heads, tokens, head_dim] as [layers, tokens, n]."""
    return x.transpose(1, 2).flatten(2)


def _without(origin: Origin, chosen: Tensor) -> Origin:
    positions = None if origin.positions is None else origin.positions[:, ~chosen]
    return origin._replace(positions=positions)
