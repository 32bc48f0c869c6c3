"""Where the chunks of a cache lie in layers x tokens, and the cache put together from those that are there."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from laco.comm.header import MAX_POSITION, MAX_TOKENS, Header, from_runs
from laco.comm.rectangle import block
from laco.errors import WireError
from laco.method.cache import KVCache, LayerKV

Ints = NDArray[np.int64]
Tensors = tuple[Tensor, Tensor]  # keys and values, [layers, kv_heads, tokens, head_dim]


class Grid(NamedTuple):
    """What a message carries in all: the numbers of its layers, and how many tokens."""

    layers: tuple[int, ...]
    tokens: int


def grid(headers: Sequence[Header]) -> Grid:
    """The whole of which these are chunks; all of 1.0 told nothing, so all of its chunks are needed to know."""
    first = headers[0]
    if told_whole(first):
        return Grid(from_runs(first.band) or first.layers, first.total or first.tokens)
    ends: dict[tuple[int, ...], int] = {}
    for header in headers:
        ends[header.layers] = ends.get(header.layers, 0) + header.tokens
    return Grid(tuple(sorted({n for layers in ends for n in layers})), max(ends.values()))


def told_whole(header: Header) -> bool:
    """Whether a chunk says where in its message it lies."""
    return header.count == 1 or header.total > 0


def placed(headers: Sequence[Header]) -> list[Header]:
    """All headers of one message with `start` filled in: before 1.1 it followed from the order of the chunks."""
    if told_whole(headers[0]):
        return list(headers)
    ends: dict[tuple[int, ...], int] = {}
    found = []
    for header in headers:
        start = ends.get(header.layers, 0)
        ends[header.layers] = start + header.tokens
        if ends[header.layers] > MAX_TOKENS:
            raise WireError(f"oversized: more than {MAX_TOKENS} tokens")
        found.append(msgspec.structs.replace(header, start=start))
    return found


def coverage(whole: Grid, headers: Iterable[Header]) -> list[int]:
    """The tokens that are there, as bits, of each layer of the whole. Raises WireError where chunks overlap."""
    rows = dict.fromkeys(whole.layers, 0)
    for header in headers:
        here = block(header.start, header.tokens)
        for number in header.layers:
            if number not in rows:
                raise WireError(f"wrong shape: layer {number} is none of its message")
            if rows[number] & here:
                raise WireError(f"wrong shape: two chunks carry the same tokens of layer {number}")
            rows[number] |= here
    return list(rows.values())


def check_whole(whole: Grid, headers: Iterable[Header]) -> None:
    """Raises WireError unless the chunks tile the whole."""
    full = block(0, whole.tokens)
    if any(row != full for row in coverage(whole, headers)):
        raise WireError("wrong shape: the layers carry different tokens")


def assemble(
    headers: Sequence[Header], decoded: Callable[[int, Tensor], Tensors], layers: Sequence[int], tokens: Sequence[int]
) -> KVCache:
    """The cache of these layers and tokens, all of which the chunks cover.

    decoded: keys and values of the i-th chunk, whose positions are given; asked for one after the other, not kept.
    Raises WireError where two layers tell of different tokens.
    """
    row, column = _inverse(layers), _inverse(tokens)
    positions = torch.zeros(len(headers[0].positions), len(tokens), dtype=torch.int64)
    known = torch.zeros(len(tokens), dtype=torch.bool)
    out: Tensors | None = None
    for i, header in enumerate(headers):
        here = positions_of(header)
        rows = _both(row, np.array(header.layers))
        columns = _both(column, np.arange(header.start, header.start + header.tokens))
        if rows is None or columns is None:
            continue
        _place_positions(positions, known, here, *columns)
        parts = decoded(i, here)
        out = out or _empty(parts, len(layers), len(tokens))
        for new, part in zip(out, parts, strict=True):
            _copy(part, new, rows, columns)
    if out is None:
        raise WireError("missing: nothing of the cache is there")
    return KVCache(tuple(map(LayerKV, out[0].unbind(), out[1].unbind())), tuple(layers), positions)


def steps(positions: Tensor) -> tuple[tuple[int, ...], ...]:
    """Positions [axes, tokens] as, per axis, the first and then differences."""
    rows: list[list[int]] = positions.tolist()
    return tuple(tuple(b - a for a, b in pairwise([0, *row])) for row in rows)


def positions_of(header: Header) -> Tensor:
    """Positions, int64 [axes, tokens]. Raises WireError for one out of range."""
    rows = np.array(header.positions, np.int64).cumsum(1)  # at most 2**15 steps of 2**31: no overflow
    if rows.size and np.abs(rows).max() > MAX_POSITION:
        raise WireError(f"damaged: a position beyond {MAX_POSITION}")
    return torch.from_numpy(rows)


Index = slice | list[int]


def _inverse(numbers: Sequence[int]) -> Ints:
    """Of each number up to the highest its index among `numbers`, -1 for none."""
    found = np.full(max(numbers, default=-1) + 1, -1)
    found[np.array(numbers, np.int64)] = np.arange(len(numbers))
    return found


def _both(index: Ints, numbers: Ints) -> tuple[Index, Index] | None:
    """Where to read and where to write those of `numbers` that have an index; slices where both are ranges."""
    if not len(index):
        return None
    source = np.flatnonzero((numbers < len(index)) & (index[np.minimum(numbers, len(index) - 1)] >= 0))
    if not len(source):
        return None
    target = index[numbers[source]]
    (a, c), (b, d) = (map(int, (x[0], x[-1])) for x in (source, target))
    if c - a == d - b == len(source) - 1:
        return slice(a, c + 1), slice(b, d + 1)
    return source.tolist(), target.tolist()


def _empty(parts: Tensors, layers: int, tokens: int) -> Tensors:
    """Room for so many layers and tokens of the same heads."""
    keys, values = (part.new_empty(layers, part.shape[1], tokens, part.shape[3]) for part in parts)
    return keys, values


def _copy(part: Tensor, new: Tensor, rows: tuple[Index, Index], columns: tuple[Index, Index]) -> None:
    """The rows and columns [layers, kv_heads, tokens, head_dim] of a part into those of the new one."""
    (here, there), (source, target) = rows, columns
    if isinstance(here, slice) or isinstance(there, slice):
        new[there][:, :, target] = part[here][:, :, source]
        return
    for at, row in zip(here, there, strict=True):
        new[row][:, target] = part[at][:, source]


def _place_positions(positions: Tensor, known: Tensor, found: Tensor, source: Index, target: Index) -> None:
    """Raises WireError where another chunk has told of other positions."""
    if found.shape[0] != positions.shape[0]:
        raise WireError("wrong shape: the chunks differ in their number of rotary axes")
    new, old = found[:, source], positions[:, target]
    if not torch.equal(torch.where(known[target], old, new), new):
        raise WireError("wrong shape: the layers carry different tokens")
    positions[:, target] = new
    known[target] = True
