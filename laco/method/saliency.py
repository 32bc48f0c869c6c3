"""Which context tokens are sent: CHSA (sec. 4.3) by default, or another selector."""

from typing import get_args

from torch import Tensor

from laco.config import Horizon, Latent, check_choice
from laco.method.counts import part_of
from laco.method.deliberation import Trace
from laco.method.selectors import Selector, find


def attribute(
    trace: Trace,
    keep: float = 0.30,
    *,
    horizon: Horizon = "max",
    latent: Latent = "extra",
    selector: str | Selector = "chsa",
) -> Tensor:
    """The context tokens worth sending: int64 [ceil(keep * T)], ascending indices into the context.

    Equal scores go to the earlier token, so the same trace always keeps the same tokens.

    keep: the fraction rho that is kept, in (0, 1].
    horizon: reduction over the latent steps, "max" or "mean" (the paper leaves it open).
    latent: "extra" sends the m latent positions on top of these; "counted" takes them off first, so that both
        together are ceil(keep * T): where m alone is more, no context token is left, and all m are sent.
    selector: one of `laco.method.selectors.available()`, or a `Selector`; "chsa" is the paper's.
    Raises: ConfigError for an option that cannot be used.
    """
    check_choice("horizon", horizon, get_args(Horizon))
    check_choice("latent", latent, get_args(Latent))
    chosen = find(selector) if isinstance(selector, str) else selector
    count = part_of(keep, trace.context_length, "keep")
    if latent == "counted":
        count = max(0, count - trace.steps)
    return chosen.select(trace, count, horizon=horizon)
