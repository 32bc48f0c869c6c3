"""What links carry, and what standards ask of them: the lines that plots draw."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from laco.comm.radio import RadioSpec
from laco.errors import ConfigError

SIZE = 1398  # [bytes] of a fragment where a radio has no limit
BUDGET = 0.1  # [s] the latency that TS 22.185 allows, and the window in which a decision waits for messages

class Requirement(NamedTuple):
    """What a standard asks. latency: end to end [s]; reliability: share of messages, None where it names none."""

    name: str
    source: str
    latency: float
    reliability: float | None


REQUIREMENTS = (
    Requirement("safety messages", "TS 22.185", 0.100, None),
    Requirement("platooning, lowest", "TS 22.186 R.5.2-004", 0.025, 0.90),
    Requirement("platooning, high", "TS 22.186 R.5.2-005", 0.020, None),
    Requirement("platooning, highest", "TS 22.186 R.5.2-006", 0.010, 0.9999),
)


def ceiling(radio: RadioSpec) -> float | None:
    """Goodput of a radio on an idle channel, headers and access paid [bit/s]; None for one without a ceiling."""
    if radio.rate is None:
        return None
    size = radio.mtu or SIZE
    return 8 * size / radio.duration((size,))


def budget(radio: RadioSpec, seconds: float = BUDGET) -> float:
    """What one sender may put on a radio in that time [bytes]; infinite for one without a ceiling."""
    rate = ceiling(radio)
    return float("inf") if rate is None else rate * radio.duty * seconds / 8


def of_result(options: Mapping[str, Any]) -> RadioSpec:
    """The radio in the options of a `result.json`. Raises: ConfigError for what is none."""
    try:
        return msgspec.convert(options.get("radio", {}), RadioSpec)
    except msgspec.ValidationError as error:
        raise ConfigError(f"the radio of the run cannot be read: {error}") from error
