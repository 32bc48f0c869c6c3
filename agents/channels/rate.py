"""`codec=auto`: a budget, and the ways to send a message from the best to the smallest.

Only plain values: whoever reads options loads no model. `control` chooses by them.
"""

import math
from collections.abc import Collection, Sequence

import msgspec

from laco.errors import ConfigError

DEADLINE = 0.1  # [s] TS 22.185's latency budget: what comes later misses its decision
RATE = 6e6  # [bit/s] the common ITS-G5 rate, where the radio has none
FLOPS = 5e10  # [1/s] two busy CPU cores
PRECISIONS = ("fp16", "int8", "int4", "transform")
"""KV codecs in the order of what they cost in quality. Beyond the last a token less costs less than a bit less:
on SmolLM2 int2's KL is 0.27, that of half of the tokens 0.10 (docs/results.md)."""
KEEPS = (0.7, 0.5, 0.35, 0.25)  # of the tokens that the method would keep
BANDS = (0.67, 0.5, 0.34)  # of the layers it would share


class Way(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to send what was thought: a codec, or recipe; the share of the context's tokens; the layers."""

    codec: str
    keep: float
    layers: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0.0 < self.keep <= 1.0:
            raise ConfigError(f"keep must be in (0, 1], not {self.keep}")
        if not self.layers or list(self.layers) != sorted(set(self.layers)) or self.layers[0] < 0:
            raise ConfigError(f"layers must be ascending layer numbers, each once, not {self.layers}")


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a message may cost, and what link and receiver can do.

    bytes: most air bytes, headers included; None for any number. deadline: from speaking to the receiver's having the
    cache [s], on an idle link; None for none. rate: of the link [bit/s]. flops: of the receiver [1/s], for recipes.
    Raises: ConfigError for what is no budget.
    """

    bytes: int | None = None
    deadline: float | None = DEADLINE
    rate: float = RATE
    flops: float = FLOPS

    def __post_init__(self) -> None:
        for name, unit in (("bytes", "B"), ("deadline", "s"), ("rate", "bit/s"), ("flops", "1/s")):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"a budget's {name} must be more than 0 {unit}, not {value}")

    def delay(self, nbytes: int, flops: float = 0.0) -> float:
        """Time on the air and in the receiver [s]."""
        return 8 * nbytes / self.rate + flops / self.flops

    def fits(self, nbytes: int, flops: float = 0.0) -> bool:
        """Whether a message of so many bytes, for which the receiver computes so much, keeps to it."""
        small = self.bytes is None or nbytes <= self.bytes
        return small and (self.deadline is None or self.delay(nbytes, flops) <= self.deadline)

    def __str__(self) -> str:
        limits = [] if self.bytes is None else [f"{self.bytes} B"]
        if self.deadline is not None:
            limits.append(f"{1e3 * self.deadline:g} ms at {self.rate / 1e6:.3g} Mb/s")
        return " and ".join(limits) or "any number of bytes"


def budget_of(codec: str, nbytes: int | None, deadline: float | None, rate: float | None) -> Budget:
    """The budget of a run. nbytes: most air bytes. deadline: [ms]. rate: of the radio [bit/s], None if unlimited.

    Where neither is given, the deadline is DEADLINE. Raises: ConfigError for limits that the codec does not heed.
    """
    if codec != "auto" and (nbytes is not None or deadline is not None):
        raise ConfigError(f"a budget or deadline needs --codec auto, not {codec}")
    limit = DEADLINE if nbytes is None else None
    return Budget(bytes=nbytes, deadline=limit if deadline is None else deadline / 1e3, rate=rate or RATE)


def ladder(keep: float, layers: Sequence[int], codecs: Collection[str], *, banded: bool = True) -> tuple[Way, ...]:
    """The documented order, where nothing was measured: fewer bits, then fewer tokens, then fewer layers.

    Pruning costs far more than quantising (docs/results.md), so it comes last. Of a band that begins with the first
    layer the deepest go first, as in the paper; of any other the outer ones: its middle says most.

    keep, layers: what the method would send. codecs: those that can be used. banded: whether layers may be left out.
    """
    whole = tuple(layers)
    precisions = [name for name in PRECISIONS if name in codecs]
    fewer = [max(1, math.ceil(share * len(whole))) for share in BANDS] if banded else []
    counts = sorted({count for count in fewer if count < len(whole)}, reverse=True)
    ways = [Way(codec, keep, whole) for codec in precisions]
    ways += [Way(precisions[-1], keep * share, whole) for share in KEEPS]
    ways += [Way(precisions[-1], keep * KEEPS[-1], _part(whole, count)) for count in counts]
    return tuple(ways)


def _part(layers: tuple[int, ...], count: int) -> tuple[int, ...]:
    """So many of the layers: the first, or the middle of a band that begins deeper."""
    start = 0 if layers[0] == 0 else (len(layers) - count) // 2
    return layers[start : start + count]
