"""`CacheAdapter`: one model's keys and values as another model's, token by token.

Nothing in it depends on where a token stands: the sender's rotary phase is taken off the keys first, and the
receiver's is put on last. So an adapter trained on short texts works at any position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from laco.errors import ConfigError
from laco.method.backbone import Backbone
from laco.method.cache import KVCache, LayerKV
from laco.method.rotary import rotate

LIMIT = 8.0
"""[standard deviations] what an input may differ from the mean: attention sinks differ by hundreds."""

Layers = Mapping[int, tuple[int, ...]]
"""For each target layer, ascending, the source layers it is made of."""


@dataclass(frozen=True)
class Heads:
    """The shape of a model's keys: key/value heads, and the width of each."""

    kv_heads: int
    head_dim: int

    @property
    def width(self) -> int:
        """Numbers in the keys, and again in the values, of one token in one layer."""
        return self.kv_heads * self.head_dim

    @classmethod
    def of(cls, what: Backbone | KVCache) -> "Heads":
        """Those of a backbone or a cache."""
        return cls(what.kv_heads, what.head_dim)


class LayerMap(nn.Module):
    """Standardised input -> affine map, plus a narrow hidden layer -> the target's scale.

    inputs, outputs: widths. hidden: width of the hidden layer, which starts at zero effect.
    """

    centre: Tensor
    spread: Tensor
    target_centre: Tensor
    target_spread: Tensor

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.down = nn.Linear(inputs, hidden)
        self.up = nn.Linear(hidden, outputs, bias=False)
        nn.init.zeros_(self.up.weight)
        for name, width in (("", inputs), ("target_", outputs)):
            self.register_buffer(f"{name}centre", torch.zeros(width))
            self.register_buffer(f"{name}spread", torch.ones(width))

    def standard(self, features: Tensor) -> Tensor:
        """Features [tokens, inputs] in standard deviations from the mean, within the limit."""
        return ((features - self.centre) / self.spread).clamp(-LIMIT, LIMIT)

    def forward(self, features: Tensor) -> Tensor:
        """Features [tokens, inputs] -> [tokens, outputs]."""
        x = self.standard(features)
        made: Tensor = self.linear(x) + self.up(nn.functional.silu(self.down(x)))
        return made * self.target_spread + self.target_centre


class CacheAdapter(nn.Module):
    """A `LayerMap` per target layer, between two shapes of heads.

    layers: the source layers of each target layer.
    frequencies: rotary frequencies [layers, head_dim / 2] [rad/position] of the source layers (in the order of
        `source_layers`) and of the target layers.
    first: whether the sender's token at position 0 is carried over. A language model's first token is its
        attention sink: it says nothing, and the receiver has its own.
    seed: of the weights it has before training.
    Raises: ConfigError for layers out of order.
    """

    source_frequencies: Tensor
    target_frequencies: Tensor

    def __init__(
        self,
        source: Heads,
        target: Heads,
        layers: Layers,
        frequencies: tuple[Tensor, Tensor],
        *,
        hidden: int = 64,
        first: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for below, above in pairwise(layers):
            if below >= above:
                raise ConfigError(f"target layers must be ascending, each once, not {tuple(layers)}")
        self.source, self.target, self.first, self.hidden = source, target, first, hidden
        self.layers: dict[int, tuple[int, ...]] = dict(layers)
        self.register_buffer("source_frequencies", frequencies[0].detach().float().clone())
        self.register_buffer("target_frequencies", frequencies[1].detach().float().clone())
        widths = [2 * source.width * len(parts) for parts in layers.values()]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.maps = nn.ModuleList(LayerMap(inputs, 2 * target.width, hidden) for inputs in widths)

    @classmethod
    def between(
        cls, source: Backbone, target: Backbone, layers: Layers, *, hidden: int = 64, first: bool = False, seed: int = 0
    ) -> "CacheAdapter":
        """An untrained one from `source` to `target`. Raises: ConfigError for layers or axes it cannot take."""
        used = layers_of(layers)
        for backbone, ids in ((source, used), (target, tuple(layers))):
            if not ids or min(ids) < 0 or max(ids) >= backbone.num_layers:
                raise ConfigError(f"layers must be in 0..{backbone.num_layers - 1}, not {ids}")
            if backbone.axes != 1:
                raise ConfigError(f"an adapter needs one rotary axis, {backbone!r} has {backbone.axes}")
        rotary = (
            torch.stack([source.frequencies(layer).float().cpu() for layer in used]),
            torch.stack([target.frequencies(layer).float().cpu() for layer in layers]),
        )
        return cls(Heads.of(source), Heads.of(target), layers, rotary, hidden=hidden, first=first, seed=seed)

    @property
    def source_layers(self) -> tuple[int, ...]:
        """The layers that a message must carry, ascending."""
        return layers_of(self.layers)

    def features(self, cache: KVCache) -> dict[int, Tensor]:
        """Per target layer, what its map sees of each carried token: [tokens, inputs], float32.

        Raises: ConfigError, saying what differs, for a cache that is not of the source's shape.
        """
        flat = unrotated(self._fitting(cache), self.source_frequencies)
        return {layer: torch.cat([flat[part] for part in parts], 1) for layer, parts in self.layers.items()}

    def forward(self, cache: KVCache) -> KVCache:
        """The sender's cache as the receiver would have it: target layers, the same positions, float32.

        cache: at least the layers `source_layers`, keys rotated at `cache.positions`.
        Raises: ConfigError, saying what differs, for a cache that is not of the source's shape.
        """
        positions = cache.positions[:, self.carried(cache)]
        made = [
            self._layer(number, layer(features), positions[0])
            for number, (layer, features) in enumerate(zip(self.maps, self.features(cache).values(), strict=True))
        ]
        return KVCache(tuple(made), tuple(self.layers), positions)

    def carried(self, cache: KVCache) -> Tensor:
        """Indices int64 of the tokens that are carried over: all, or all but those at position 0."""
        kept = torch.ones_like(cache.positions[0], dtype=torch.bool) if self.first else cache.positions[0] != 0
        return kept.nonzero()[:, 0]

    def _layer(self, number: int, made: Tensor, positions: Tensor) -> LayerKV:
        """A map's output [tokens, 2 * width] as rotated keys and values of the target."""
        shape = (-1, self.target.kv_heads, self.target.head_dim)
        keys, values = (part.reshape(shape).transpose(0, 1) for part in made.chunk(2, dim=1))
        return LayerKV(rotate(keys, positions, self.target_frequencies[number]), values)

    def _fitting(self, cache: KVCache) -> KVCache:
        """The carried tokens of the source layers, in float32. Raises: ConfigError if it is of another shape."""
        if Heads.of(cache) != self.source or cache.positions.shape[0] != 1:
            found = (cache.kv_heads, cache.head_dim, cache.positions.shape[0])
            wanted = (self.source.kv_heads, self.source.head_dim, 1)
            raise ConfigError(f"the adapter reads heads, width, axes {wanted}, the cache has {found}")
        if missing := sorted(set(self.source_layers) - set(cache.layer_ids)):
            raise ConfigError(f"the adapter needs layers {self.source_layers}, the cache lacks {tuple(missing)}")
        return cache.cut(self.source_layers).select(self.carried(cache)).to(torch.float32)


def layers_of(layers: Layers) -> tuple[int, ...]:
    """All source layers of a mapping, ascending, each once."""
    return tuple(sorted({part for parts in layers.values() for part in parts}))


def unrotated(cache: KVCache, frequencies: Tensor) -> dict[int, Tensor]:
    """Per carried layer, keys without their rotary phase and then values of each token: [tokens, 2 * width].

    frequencies: [layers, head_dim / 2] [rad/position].
    """
    back = -cache.positions[0].to(cache.device)
    flat = {}
    for layer, (keys, values), rotary in zip(cache.layer_ids, cache.layers, frequencies, strict=True):
        both = torch.cat((rotate(keys, back, rotary), values), 0)
        flat[layer] = both.transpose(0, 1).reshape(cache.num_tokens, -1)
    return flat


def matched(source: int, target: int, layers: Sequence[int], width: int = 2) -> Layers:
    """For each target layer, the `width` source layers nearest to it in relative depth.

    source, target: numbers of layers of the two models. layers: the target layers wanted, ascending.
    """
    found = {}
    for layer in layers:
        depth = (layer + 0.5) / target * source - 0.5
        nearest = sorted(range(source), key=lambda other: (abs(other - depth), other))
        found[layer] = tuple(sorted(nearest[:width]))
    return found
