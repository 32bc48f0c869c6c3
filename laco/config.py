"""`LacoConfig`: the method's open choices, as one frozen value."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from laco.errors import ConfigError

Realign = Literal["ridge", "identity"]
Horizon = Literal["max", "mean"]
Place = Literal["prefix"]
Rotary = Literal["as_sent", "packed"]


@dataclass(frozen=True, kw_only=True)
class LacoConfig:
    """What is thought, kept, sent and heard. The defaults are the paper's recipe (arXiv 2605.22504, sec. 4).

    steps: latent deliberation steps m, sec. 4.2; 0 keeps the channel and sends context only.
    keep: fraction rho of the context tokens that is sent, sec. 4.3.
    depth: fraction of the layers, counted from the first, that is sent, sec. 4.4; unused if `layers` is set.
    layers: explicit layer band, ascending layer numbers; None means `depth` decides.
    realign: map from hidden state back to input space, "ridge" (W_a, sec. 4.2) or "identity" (rescale only).
    horizon: reduction of the saliency over the latent steps; the paper leaves it open.
    place: where foreign KV goes; "prefix" puts it in front of the receiver's own.
    rotary: "as_sent" keeps foreign positions (one peer); "packed" re-rotates several peers end to end.
    """

    steps: int = 10
    keep: float = 0.30
    depth: float = 0.10
    layers: tuple[int, ...] | None = None
    realign: Realign = "ridge"
    horizon: Horizon = "max"
    place: Place = "prefix"
    rotary: Rotary = "as_sent"

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
        options = {"realign": Realign, "horizon": Horizon, "place": Place, "rotary": Rotary}
        for name, choices in options.items():
            if getattr(self, name) not in get_args(choices):
                allowed = ", ".join(get_args(choices))
                raise ConfigError(f"{name} must be one of {allowed}, not {getattr(self, name)!r}")
