"""SSKD (sec. 4.4): only the first layers of what was kept leave the vehicle."""

from collections.abc import Sequence

import torch
from torch import Tensor

from laco.errors import ConfigError
from laco.method.cache import KVCache
from laco.method.counts import part_of
from laco.method.deliberation import Trace


def share(
    trace: Trace, kept: Tensor | Sequence[int], depth: float = 0.10, layers: Sequence[int] | None = None
) -> KVCache:
    """The payload P (eq. 5): kept context tokens, then all latent ones, at some layers. Positions are kept.

    kept: ascending indices into the context, as `attribute` gives them; may be empty.
    depth: fraction of the layers, counted from the first, in (0, 1]: ceil(depth * L) of them.
    layers: explicit ascending layer numbers, instead of depth.
    Raises: ConfigError for indices or layers that the trace does not have, and for a depth out of range.
    """
    index = kept_index(trace, kept)
    latent = torch.arange(trace.context_length, trace.cache.num_tokens, device=index.device)
    return trace.cache.cut(band(trace, depth, layers)).select(torch.cat((index, latent)))


def band(trace: Trace, depth: float, layers: Sequence[int] | None) -> tuple[int, ...]:
    """The layers that are shared, by number. Raises: ConfigError for a depth out of range."""
    return tuple(range(part_of(depth, len(trace.cache.layers), "depth"))) if layers is None else tuple(layers)


def kept_index(trace: Trace, kept: Tensor | Sequence[int]) -> Tensor:
    """The kept context tokens, int64 [n]. Raises: ConfigError unless ascending and within the context."""
    index = torch.as_tensor(kept, device=trace.cache.device).to(torch.int64)
    length = trace.context_length
    if index.ndim != 1 or bool((index[1:] <= index[:-1]).any()):
        raise ConfigError(f"kept must be ascending context positions, each once, not {index.tolist()}")
    if index.numel() and not (int(index[0]) >= 0 and int(index[-1]) < length):
        raise ConfigError(f"kept must be in 0..{length - 1}, not {index.tolist()}")
    return index
