"""Whether a received cache can be trusted with one's attention: shape, finite numbers, norms as one's own.

A rescaled or optimised cache takes the receiver over without any visible sign ("When Latent Agents Lie", arXiv
2606.28958). Norm bounds stop accidents and crude senders, not careful ones: who may speak is the transport's to
check. Keys' norms do not change with their rotary position, so bounds hold for every placement.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from laco.errors import CacheError, ConfigError
from laco.method.backbone import Backbone
from laco.method.cache import KVCache

SLACK = 3.0
"""How many times the own largest norm is still sound: contexts of one model differ by 1.3 (SmolLM2)."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """The largest sound Euclidean norm of a key and of a value of one head, per decoder layer, float32 [L]."""

    keys: Tensor
    values: Tensor

    @classmethod
    def of(cls, own: KVCache, slack: float = SLACK) -> "Bounds":
        """Bounds from a cache of one's own, of all layers, that no peer had a part in.

        Raises: ConfigError for a slack below 1, or a cache without tokens.
        """
        if not slack >= 1.0 or own.num_tokens == 0:
            raise ConfigError(f"bounds need a slack of 1 or more and tokens, not {slack} and {own.num_tokens}")
        keys, values = norms(own)
        return cls(keys * slack, values * slack)


def norms(cache: KVCache) -> tuple[Tensor, Tensor]:
    """The largest norm of a key and of a value, per carried layer: float32 [layers] each; NaN stays NaN."""

    def largest(which: int) -> Tensor:
        return torch.stack([torch.linalg.vector_norm(layer[which].float(), dim=-1).amax() for layer in cache.layers])

    return largest(0), largest(1)


def scale(cache: KVCache) -> Tensor:
    """The mean norm of a key and of a value over heads and tokens, per carried layer: float32 [2, layers]."""
    means = [[torch.linalg.vector_norm(layer[i].float(), dim=-1).mean() for layer in cache.layers] for i in (0, 1)]
    return torch.tensor(means).clamp_min(torch.finfo(torch.float32).tiny)


def check(cache: KVCache, backbone: Backbone, bounds: Bounds | None = None) -> None:
    """Raises: CacheError, saying what is wrong, for a cache that the backbone must not attend to.

    bounds: of the same backbone; None checks shapes and finite numbers only.
    """
    _check_shape(cache, backbone)
    if cache.num_tokens == 0:
        return
    limits = (None, None) if bounds is None else (bounds.keys, bounds.values)
    for name, norm, limit in zip(("keys", "values"), norms(cache), limits, strict=True):
        for number, value in zip(cache.layer_ids, norm.tolist(), strict=True):
            if not math.isfinite(value):
                raise CacheError(f"layer {number}: {name} hold NaN, infinity or numbers too large")
            if limit is not None and value > float(limit[number]):
                sound = f"{float(limit[number]):.3g}"
                raise CacheError(f"layer {number}: {name} have norms up to {value:.3g}, sound are {sound}")


def _check_shape(cache: KVCache, backbone: Backbone) -> None:
    """Raises: CacheError unless heads, widths, axes and layers are the backbone's."""
    axes = backbone.axes
    found = (cache.kv_heads, cache.head_dim, cache.positions.shape[0])
    if found != (backbone.kv_heads, backbone.head_dim, axes) or cache.layer_ids[-1] >= backbone.num_layers:
        shape = f"heads, width, axes {found}, layers {cache.layer_ids}"
        raise CacheError(f"wrong shape for this model: {shape}")
