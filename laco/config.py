"""`LacoConfig`: the method's open choices, as one frozen value."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from laco.errors import ConfigError

Realign = Literal["ridge", "identity"]
Horizon = Literal["max", "mean"]
Place = Literal["prefix", "after_sink", "before_last"]
Rotary = Literal["as_sent", "packed", "shifted"]
Latent = Literal["extra", "counted"]
Window = Literal["visible", "strict"]

SELECTORS = ("chsa", "content", "recent", "random")
"""Names of the selectors; `laco.method.selectors` holds them."""


@dataclass(frozen=True, kw_only=True)
class LacoConfig:
    """What is thought, kept, sent and heard. The defaults are the paper's recipe (arXiv 2605.22504, sec. 4).

    steps: latent deliberation steps m, sec. 4.2; 0 keeps the channel and sends context only.
    keep: fraction rho of the context tokens that is sent, sec. 4.3.
    depth: fraction of the layers, counted from the first, that is sent, sec. 4.4; unused if `layers` is set.
    layers: explicit layer band, ascending layer numbers; None means `depth` decides.
    realign: map from hidden state back to input space, "ridge" (W_a, sec. 4.2) or "identity" (rescale only).
    horizon: reduction of the saliency over the latent steps; the paper leaves it open.
    selector: what scores the context tokens: "chsa" (sec. 4.3), "content" (the same without template tokens),
        "recent" or "random".
    latent: "extra" sends the latent positions on top of rho, "counted" counts them against it; left open.
    place: which own tokens see foreign KV: "prefix" all (sec. 4.5), "after_sink" all but the first,
        "before_last" only the last and what is decoded after it; left open.
    rotary: "as_sent" keeps foreign positions (one peer); "packed" re-rotates several peers end to end;
        "shifted" re-rotates them to end right before the receiver's own positions; left open.
    window: in sliding-window layers, "visible" shows foreign columns always, "strict" within the window only.
    """

    steps: int = 10
    keep: float = 0.30
    depth: float = 0.10
    layers: tuple[int, ...] | None = None
    realign: Realign = "ridge"
    horizon: Horizon = "max"
    selector: str = "chsa"
    latent: Latent = "extra"
    place: Place = "prefix"
    rotary: Rotary = "as_sent"
    window: Window = "visible"

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ConfigError(f"steps must be 0 or more, not {self.steps}")
        for name in ("keep", "depth"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 < value <= 1.0):
                raise ConfigError(f"{name} must be in (0, 1], not {value}")
        if self.layers is not None and (
            not self.layers or list(self.layers) != sorted(set(self.layers)) or self.layers[0] < 0
        ):
            raise ConfigError(f"layers must be ascending layer numbers, each once, not {self.layers}")
        check_choice("selector", self.selector, SELECTORS)
        for name, choices in _CHOICES.items():
            check_choice(name, getattr(self, name), get_args(choices))


_CHOICES = {
    "realign": Realign, "horizon": Horizon, "latent": Latent,
    "place": Place, "rotary": Rotary, "window": Window,
}  # fmt: skip


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raises: ConfigError, naming the option and what it may be, unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ConfigError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
