"""`transform`: decorrelate, quantise, entropy-code, with tables calibrated for the model (docs/codecs.md).

Keys are turned back to position 0 first, where they resemble each other. All heads of a layer are transformed
together, in coordinates in which an error of a given size does the same harm to what the model says next, whatever
its direction; there one step for all layers spends bits where they count. That every message uses the same tables
makes a chunk of one token as cheap per token as one of a thousand.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from laco.comm.codecs import ans, table
from laco.comm.codecs.base import NOWHERE, Codec, Origin, Shape, finite, shape_of
from laco.comm.codecs.sinks import sinks
from laco.comm.codecs.table import SIDES, Table
from laco.comm.message import Buffer
from laco.errors import ConfigError, WireError
from laco.method.rotary import rotate

BUFFERS = 4
# Levels by which the first token's step is finer. An error there does about 280 times the harm of the same error
# elsewhere (docs/codecs.md): 16 times finer. It costs little, since the first token is nearly the same in every text.
FINER = 16
LARGEST = 1e24  # beyond it numbers saturate: sums of their products must be float32 too


class Zone(NamedTuple):
    """How some tokens of a message are written: mean [layers, sides, n], classes of the rows
    int32 [layers * sides * n], step of the quantiser in the table's own unit."""

    mean: Tensor
    classes: ans.Ints
    step: float


class Transform(Codec):
    """Buffers: the coder's words and its escapes, and the same two of the sequence's first token."""

    name = "transform"
    general = False
    level = 0  # of the step: each one widens it by a quarter octave

    def require(self, fingerprint: str) -> None:
        table.find(fingerprint)

    def encode(self, keys: Tensor, values: Tensor, origin: Origin = NOWHERE) -> tuple[Buffer, ...]:
        """Raises: WireError if not finite, or no table fits."""
        finite(f"a cache that {self.name} cannot carry", keys, values)
        known, buffers = _table(origin, shape_of(keys)), list[Buffer]()
        for zone, tokens in self.zones(known, origin):
            rows = _symbols(keys[:, :, tokens], values[:, :, tokens], _only(origin, tokens), known, zone)
            buffers += ans.encode(rows, zone.classes, known.models)
        return tuple(buffers)

    def decode(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        """Raises: WireError for what is damaged, or where no table fits."""
        if len(buffers) != BUFFERS:
            raise WireError(f"wrong size: {self.name} has {BUFFERS} buffers, not {len(buffers)}")
        known, both = _table(origin, shape), torch.empty((SIDES, *shape))
        for number, (zone, tokens) in enumerate(self.zones(known, origin)):
            words, escapes = buffers[2 * number : 2 * number + 2]
            rows = ans.decode(words, escapes, zone.classes, int(tokens.sum()), known.models)
            both[:, :, :, tokens] = _restored(rows, shape, _only(origin, tokens), known, zone)
        finite(f"damaged: {self.name} cache", both)
        return both[0], both[1]

    def zones(self, known: Table, origin: Origin) -> tuple[tuple[Zone, Tensor], tuple[Zone, Tensor]]:
        """How most tokens are written, and how the first one is, each with the mask of its tokens."""
        assert origin.positions is not None  # _table has looked
        first = sinks(origin, origin.positions.shape[1])
        rest = self._zone(known.mean, known.classes, self.level, origin)
        # None of its rows may go unsaid: a message may also begin with what no table has seen.
        spread = known.first_classes.clamp(min=ans.LOWEST + self.level - FINER)
        return (rest, ~first), (self._zone(known.first_mean, spread, self.level - FINER, origin), first)

    @staticmethod
    def _zone(mean: Tensor, classes: Tensor, level: int, origin: Origin) -> Zone:
        own = classes[list(origin.layers)].reshape(-1).to(torch.int32).numpy() - level
        return Zone(mean[list(origin.layers)], np.minimum(own, ans.HIGHEST), float(2.0 ** (level / ans.PER_OCTAVE)))


class TransformCoarse(Transform):
    """Twice the step, for what has bytes to save and errors to spare."""

    name = "transform-coarse"
    level = 4


def _symbols(keys: Tensor, values: Tensor, origin: Origin, known: Table, zone: Zone) -> ans.Ints:
    """What the entropy coder gets: int32 [layers * sides * n, tokens]."""
    keys, values = (side.float().clamp(-LARGEST, LARGEST) for side in (keys, values))
    flat = torch.stack((_flat(_turned(keys, origin, known, -1)), _flat(values)), 1)  # [layers, sides, tokens, n]
    moved = flat - zone.mean[:, :, None]
    found = (moved @ known.analysis[list(origin.layers)].transpose(2, 3)) / zone.step
    limit = float(ans.MOST_ESCAPE // 2)
    rows = found.round().clamp(-limit, limit).to(torch.int32).transpose(2, 3).flatten(0, 2)
    rows[torch.from_numpy(zone.classes) < ans.LOWEST] = 0
    return rows.contiguous().numpy()


def _restored(rows: ans.Ints, shape: Shape, origin: Origin, known: Table, zone: Zone) -> Tensor:
    """Keys and values [sides, layers, kv_heads, tokens, head_dim] that the symbols stand for."""
    layers, heads, _, dim = shape
    tokens = rows.shape[1]
    coded = _centroids(rows, zone.classes, known).reshape(layers, SIDES, heads * dim, tokens)
    flat = (known.synthesis[list(origin.layers)] @ coded).transpose(2, 3) * zone.step + zone.mean[:, :, None]
    both = flat.reshape(layers, SIDES, tokens, heads, dim).permute(1, 0, 3, 2, 4)
    return torch.stack((_turned(both[0], origin, known, 1), both[1]))


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


def _only(origin: Origin, tokens: Tensor) -> Origin:
    assert origin.positions is not None  # _table has looked
    return origin._replace(positions=origin.positions[:, tokens])
