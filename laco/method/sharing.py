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
    band = tuple(range(part_of(depth, len(trace.cache.layers), "depth"))) if layers is None else tuple(layers)
    index = torch.as_tensor(kept, device=trace.cache.device).to(torch.int64)
    _check(index, trace.context_length)
    latent = torch.arange(trace.context_length, trace.cache.num_tokens, device=index.device)
    return trace.cache.cut(band).select(torch.cat((index, latent)))


def _check(kept: Tensor, length: int) -> None:
    """Raises: ConfigError unless kept is [n], ascending and within the context."""
    if kept.ndim != 1 or bool((kept[1:] <= kept[:-1]).any()):
        raise ConfigError(f"kept must be ascending context positions, each once, not {kept.tolist()}")
    if kept.numel() and not (int(kept[0]) >= 0 and int(kept[-1]) < length):
        raise ConfigError(f"kept must be in 0..{length - 1}, not {kept.tolist()}")
