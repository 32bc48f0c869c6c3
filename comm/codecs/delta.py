"""`delta`: what has changed since an earlier message of the same sender, which both sides hold as it was decoded.

Codes are multiples of steps that both sides take from the reference, so no scale travels and the error is that of
the steps, however long the chain: what is coded is the difference to what the receiver really has. Tokens are matched
by their rotary positions. One whose codes would all be zero costs a bit; one without a match, or unlike it, is coded
by itself. Codes are small where little has changed, and zstd's entropy coder makes few bytes of those (`planes`).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from laco.comm.codecs.base import NOWHERE, Codec, Origin, Shape, finite
from laco.comm.codecs.planes import planes, squeezed, unplaned
from laco.comm.message import Buffer
from laco.comm.packing import Mask, Reader, mask
from laco.errors import WireError
from laco.method.cache import KVCache

FINE = 127  # steps from 0 to the largest number of a group: the error of int8
COARSE = 7  # that of int4
DEADZONE = 0.6  # [steps] smaller differences are none; else what was rounded once would be sent for ever
FLOOR = 1 / 64  # of the largest number of a head: smaller channels and tokens get no finer steps
SMALLEST = torch.finfo(torch.float32).tiny


class Steps(NamedTuple):
    """Quantiser steps: of keys per channel [layers, kv_heads, 1, head_dim], of values per token [..., tokens, 1]."""

    keys: Tensor
    values: Tensor


class Delta(Codec):
    """Buffers: which tokens are coded and how, then the codes of keys and of values.

    reference: the earlier message, float32 on the CPU, as its receiver decoded it.
    levels: steps from 0 to the largest number of a group, 1..127; a reader takes the writer's.
    """

    name = "delta"

    def __init__(self, reference: KVCache, levels: int = FINE) -> None:
        self.reference, self.levels = reference, levels
        rows = reference.positions.T.tolist()
        self._columns = {tuple(row): i for i, row in reversed(list(enumerate(rows)))}
        self._rows = {number: i for i, number in enumerate(reference.layer_ids)}

    def encode(self, keys: Tensor, values: Tensor, origin: Origin = NOWHERE) -> tuple[Buffer, ...]:
        """Raises: WireError if not finite, or unlike the reference in shape or by far in size."""
        finite(f"a cache that {self.name} cannot carry", keys, values)
        layers, heads, tokens, dim = keys.shape
        column = self._column(origin, (layers, heads, tokens, dim))
        steps = self._steps(origin, column, self.levels)
        both, known = (keys.float(), values.float()), self._known(origin, column)
        apart = [_codes(x, step) for x, step in zip(both, steps, strict=True)]
        since = [_codes(x - base, step) for x, base, step in zip(both, known, steps, strict=True)]
        matched = column >= 0
        follows = matched & (_cost(since) <= _cost(apart))
        codes = [torch.where(follows[:, None], b, a) for a, b in zip(apart, since, strict=True)]
        coded = ~follows | torch.stack([q.ne(0).any((0, 1, 3)) if q.numel() else ~matched for q in codes]).any(0)
        coded_planes = [planes(q[:, :, coded]) for q in codes]
        head = bytes((self.levels, *(width for width, _ in coded_planes)))
        masks = mask(coded.numpy()) + mask(follows[coded].numpy())
        return head + masks, *(squeezed(data) for _, data in coded_planes)

    def decode(self, shape: Shape, buffers: Sequence[Buffer], origin: Origin = NOWHERE) -> tuple[Tensor, Tensor]:
        """Raises: WireError for what is damaged, or does not fit the reference."""
        if len(buffers) != 3:
            raise WireError(f"wrong size: {self.name} has 3 buffers, not {len(buffers)}")
        column = self._column(origin, shape)
        reader = Reader(buffers[0])
        levels, *widths = (reader.byte(what, top + 1) for what, top in (("levels", 127), ("width", 2), ("width", 2)))
        coded, follows = _masks(reader, column.numpy() >= 0)
        if not levels or not all(widths):
            raise WireError(f"damaged: {self.name} codes of {widths} bytes, {levels} levels")
        steps, known = self._steps(origin, column, levels), self._known(origin, column)
        own = torch.from_numpy(follows)[:, None]
        found = []
        for base, step, width, data in zip(known, steps, widths, buffers[1:], strict=True):
            codes = torch.zeros(shape)
            codes[:, :, coded] = unplaned(data, width, (shape[0], shape[1], int(coded.sum()), shape[3]))
            found.append(torch.where(own, base, torch.zeros(())) + codes * step)
        finite(f"damaged: {self.name} cache", *found)
        return found[0], found[1]

    def coarseness(self, cache: KVCache) -> float:
        """How much larger the reference's steps are than a cache's own, as root mean squares: 1 is alike.

        Raises: WireError where the two do not fit.
        """
        origin = Origin("", cache.layer_ids, cache.positions)
        column = self._column(origin, (len(cache.layers), cache.kv_heads, cache.num_tokens, cache.head_dim))
        theirs = self._steps(origin, column, self.levels)
        ours = Delta(cache.to("cpu").to(torch.float32))._steps(origin, torch.arange(cache.num_tokens), self.levels)
        return max(float((a.square().mean() / b.square().mean()).sqrt()) for a, b in zip(theirs, ours, strict=True))

    @cached_property
    def _stacked(self) -> tuple[Tensor, Tensor]:
        """All of the reference, [layers, kv_heads, tokens, head_dim]."""
        keys, values = (torch.stack([layer[i] for layer in self.reference.layers]) for i in (0, 1))
        return keys, values

    @cached_property
    def _largest(self) -> Steps:
        """Largest numbers of all of the reference, in the groups of the steps."""
        keys, values = (_largest(x, dim) for x, dim in zip(self._stacked, (2, 3), strict=True))
        return Steps(keys, values)

    def _column(self, origin: Origin, shape: Shape) -> Tensor:
        """Of each token the one of the reference at its position, -1 for none. Raises: WireError for another shape."""
        ours, positions = self.reference, origin.positions
        if positions is None or (shape[1], shape[3], positions.shape[0]) != (
            ours.kv_heads, ours.head_dim, ours.positions.shape[0],
        ) or not ours.nbytes:  # fmt: skip
            raise WireError(f"wrong shape: {self.name} of {list(shape)} does not fit its base")
        if missing := set(origin.layers) - self._rows.keys():
            raise WireError(f"wrong shape: {self.name} of layer {min(missing)}, which its base has not")
        return torch.tensor([self._columns.get(tuple(row), -1) for row in positions.T.tolist()], dtype=torch.int64)

    def _steps(self, origin: Origin, column: Tensor, levels: int) -> Steps:
        """Those of the reference, for these layers and tokens; a token without a match gets the mean."""
        rows = [self._rows[number] for number in origin.layers]
        keys, values = (x[rows] for x in self._largest)
        taken = torch.where((column >= 0)[:, None], values[:, :, column.clamp(min=0)], values.mean(2, keepdim=True))
        return Steps(keys / levels, taken / levels)

    def _known(self, origin: Origin, column: Tensor) -> tuple[Tensor, Tensor]:
        """What the reference has of these layers and tokens; anything where it has none."""
        rows = [self._rows[number] for number in origin.layers]
        keys, values = (x[rows][:, :, column.clamp(min=0)] for x in self._stacked)
        return keys, values


def _largest(x: Tensor, dim: int) -> Tensor:
    """Largest magnitudes along `dim`, none smaller than FLOOR of the largest of their layer and head."""
    found = x.abs().amax(dim, keepdim=True)
    return found.maximum(found.amax((2, 3), keepdim=True) * FLOOR).clamp(min=SMALLEST)


def _codes(x: Tensor, steps: Tensor) -> Tensor:
    """Whole numbers of steps, 0 within the dead zone; float32."""
    q = x / steps
    return torch.where(q.abs() < DEADZONE, torch.zeros(()), q.round())


def _cost(codes: Sequence[Tensor]) -> Tensor:
    """About how many bits each token takes, [tokens]."""
    return torch.stack([(1 + 2 * q.abs()).log2().sum((0, 1, 3)) for q in codes]).sum(0)


def _masks(reader: Reader, matched: Mask) -> tuple[Mask, Mask]:
    """Which tokens have codes, and which follow the reference. Raises: WireError."""
    coded = reader.mask(len(matched))
    follows = ~coded
    follows[coded] = reader.mask(int(coded.sum()))
    reader.end()
    if (follows & ~matched).any():
        raise WireError("damaged: a token follows one that its base has not")
    return coded, follows
