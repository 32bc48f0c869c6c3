"""`KVCache`: per-layer keys and values with their positions, as they are kept, sent and heard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from laco.errors import ConfigError
from laco.method.rotary import rotate, rows

Frequencies = Tensor | Callable[[int], Tensor]
"""Rotary frequencies of all layers, or a function from a layer's number to its own."""


class LayerKV(NamedTuple):
    """One layer's keys (already rotated) and values, both [kv_heads, tokens, head_dim]."""

    keys: Tensor
    values: Tensor


def join(layers: Sequence[LayerKV]) -> LayerKV:
    """One layer's keys and values of several caches, token after token."""
    if len(layers) == 1:
        return layers[0]
    return LayerKV(
        torch.cat([layer.keys for layer in layers], 1), torch.cat([layer.values for layer in layers], 1)
    )


@dataclass(frozen=True, eq=False)
class KVCache:
    """Keys and values of some layers of a decoder. Methods return a new cache and share storage if they can.

    layers: of the i-th *carried* layer, keys and values [kv_heads, tokens, head_dim]; one shape and dtype.
    layer_ids: that layer's number in the decoder, ascending.
    positions: rotary position of every token, int64 [axes, tokens]; one axis, three for M-RoPE.
    """

    layers: tuple[LayerKV, ...]
    layer_ids: tuple[int, ...]
    positions: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(LayerKV(*layer) for layer in self.layers))
        object.__setattr__(self, "layer_ids", tuple(int(number) for number in self.layer_ids))
        _check_layer_ids(self)
        _check_shapes(self)

    @property
    def num_tokens(self) -> int:
        """Tokens per layer."""
        return self.positions.shape[-1]

    @property
    def kv_heads(self) -> int:
        """Key/value heads per layer."""
        return self.layers[0].keys.shape[0]

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.layers[0].keys.shape[2]

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of keys and values."""
        return self.layers[0].keys.dtype

    @property
    def device(self) -> torch.device:
        """Device of keys and values."""
        return self.layers[0].keys.device

    @cached_property
    def nbytes(self) -> int:
        """Bytes of all keys and values (not of the positions) [bytes]."""
        return sum(tensor.numel() * tensor.element_size() for layer in self.layers for tensor in layer)

    def select(self, token_indices: Tensor | Sequence[int]) -> "KVCache":
        """These tokens, by their index in this cache, in this order. Raises: ConfigError if out of range."""
        index = torch.as_tensor(token_indices, device=self.device)
        if index.ndim != 1 or (index.numel() and (index.is_floating_point() or index.dtype == torch.bool)):
            raise ConfigError("token indices must be a one-dimensional list of integers")
        index = index.long()
        if index.numel() and not (int(index.min()) >= 0 and int(index.max()) < self.num_tokens):
            raise ConfigError(f"token indices must be in 0..{self.num_tokens - 1}, not {index.tolist()}")
        layers = tuple(LayerKV(k.index_select(1, index), v.index_select(1, index)) for k, v in self.layers)
        return replace(self, layers=layers, positions=self.positions[:, index.to(self.positions.device)])

    def cut(self, layer_ids: Sequence[int]) -> "KVCache":
        """These layers only, by their number in the decoder. Raises: ConfigError for a layer not carried."""
        if missing := sorted(set(layer_ids) - set(self.layer_ids)):
            raise ConfigError(f"the cache carries layers {self.layer_ids}, not {tuple(missing)}")
        where = {number: i for i, number in enumerate(self.layer_ids)}
        layers = tuple(self.layers[where[number]] for number in layer_ids)
        return replace(self, layers=layers, layer_ids=tuple(layer_ids))

    @staticmethod
    def concatenate(caches: Sequence["KVCache"]) -> "KVCache":
        """One cache, token after token, of the same layers. Raises: ConfigError if they do not match."""
        if not caches:
            raise ConfigError("there is no cache to concatenate")
        first = caches[0]
        for other in caches[1:]:
            _check_alike(first, other)
        by_layer = zip(*(cache.layers for cache in caches), strict=True)
        layers = tuple(join(same) for same in by_layer)
        return replace(first, layers=layers, positions=torch.cat([c.positions for c in caches], 1))

    def rerotate(
        self, frequencies: Frequencies, *, positions: Tensor | None = None, shift: int | None = None
    ) -> "KVCache":
        """The same tokens at other rotary positions: k' = R(new - old) k.

        A factor that the model puts on cos and sin (YaRN's) is in the keys already and stays.

        frequencies: of all layers alike, [n] for one axis or [axes, n]; or a function that gives a layer's
            own, by its number in the decoder (`Backbone.frequencies`) [rad/position].
        positions: the new ones, int64 [axes, tokens], or [tokens] for one axis; or else
        shift: the number added to all of them, on all axes.
        Raises: ConfigError unless exactly one of the two is given, and for wrong shapes.
        """
        if (positions is None) == (shift is None):
            raise ConfigError("rerotate needs either positions or shift")
        if shift == 0:
            return self
        new = self.positions + (shift or 0) if positions is None else rows(positions)
        new = new.to(self.positions)
        if new.shape != self.positions.shape:
            wanted, found = list(self.positions.shape), list(new.shape)
            raise ConfigError(f"{self.num_tokens} tokens need as many positions, {wanted}, not {found}")
        moved = (new - self.positions).to(self.device)
        of = frequencies if callable(frequencies) else lambda number: frequencies
        layers = tuple(
            LayerKV(rotate(layer.keys, moved, of(number)), layer.values)
            for number, layer in zip(self.layer_ids, self.layers, strict=True)
        )
        return replace(self, layers=layers, positions=new)

    def to(self, target: torch.dtype | torch.device | str) -> "KVCache":
        """Keys and values in another dtype or on another device; on a device the positions go along."""
        layers = tuple(LayerKV(keys.to(target), values.to(target)) for keys, values in self.layers)
        positions = self.positions if isinstance(target, torch.dtype) else self.positions.to(target)
        return replace(self, layers=layers, positions=positions)

    def detach(self) -> "KVCache":
        """The same cache outside the autograd graph."""
        return replace(self, layers=tuple(LayerKV(k.detach(), v.detach()) for k, v in self.layers))


def _check_layer_ids(cache: KVCache) -> None:
    """Raises: ConfigError unless the layer numbers are ascending, non-negative and one per layer."""
    ids = cache.layer_ids
    if len(ids) != len(cache.layers) or not ids:
        raise ConfigError(f"a cache needs one number per layer, not {len(ids)} for {len(cache.layers)}")
    if ids[0] < 0 or any(low >= high for low, high in pairwise(ids)):
        raise ConfigError(f"layer_ids must be ascending layer numbers, each once, not {ids}")


def _check_shapes(cache: KVCache) -> None:
    """Raises: ConfigError unless keys, values and positions agree with each other in every layer."""
    positions = cache.positions
    if positions.ndim != 2 or positions.dtype != torch.int64:
        found = f"{positions.dtype} {list(positions.shape)}"
        raise ConfigError(f"positions must be int64 [axes, tokens], not {found}")
    first = cache.layers[0].keys
    if first.ndim != 3 or not first.is_floating_point() or first.shape[1] != positions.shape[1]:
        raise ConfigError(
            f"keys must be floating [kv_heads, {positions.shape[1]} tokens, head_dim], "
            f"not {first.dtype} {list(first.shape)}"
        )
    for number, layer in zip(cache.layer_ids, cache.layers, strict=True):
        for name, tensor in zip(("keys", "values"), layer, strict=True):
            if tensor.shape != first.shape or tensor.dtype != first.dtype or tensor.device != first.device:
                raise ConfigError(
                    f"layer {number}: {name} are {tensor.dtype} {list(tensor.shape)} on {tensor.device}, "
                    f"the first keys are {first.dtype} {list(first.shape)} on {first.device}"
                )


def _check_alike(first: KVCache, other: KVCache) -> None:
    """Raises: ConfigError unless the two can be concatenated."""
    for what in ("layer_ids", "kv_heads", "head_dim", "dtype", "device"):
        if getattr(first, what) != getattr(other, what):
            raise ConfigError(f"caches differ in {what}: {getattr(first, what)} and {getattr(other, what)}")
    if first.positions.shape[0] != other.positions.shape[0]:
        raise ConfigError("caches differ in their number of rotary axes")
