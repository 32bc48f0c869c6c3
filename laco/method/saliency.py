"""CHSA, Cross-Horizon Saliency Attribution (sec. 4.3): which context tokens mattered to the deliberation."""

from typing import get_args

import torch
from torch import Tensor

from laco.config import Horizon
from laco.errors import ConfigError
from laco.method.counts import part_of
from laco.method.deliberation import Trace


def attribute(trace: Trace, keep: float = 0.30, *, horizon: Horizon = "max") -> Tensor:
    """The most attended context tokens: int64 [ceil(keep * T)], ascending indices into the context.

    Equal scores go to the earlier token, so the same trace always keeps the same tokens.

    keep: the fraction rho that is kept, in (0, 1].
    horizon: reduction over the latent steps, "max" or "mean" (the paper leaves it open).
    Raises: ConfigError for an option that cannot be used.
    """
    if horizon not in get_args(Horizon):
        raise ConfigError(f"horizon must be one of {', '.join(get_args(Horizon))}, not {horizon!r}")
    count = part_of(keep, trace.context_length, "keep")
    score = trace.saliency.amax(0) if horizon == "max" else trace.saliency.mean(0)
    order = torch.argsort(score, descending=True, stable=True)
    return order[:count].sort().values
