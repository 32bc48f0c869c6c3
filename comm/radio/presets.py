"""The one list of radios: a new preset, with its loss and contention, is a file of its own, listed here."""

from difflib import get_close_matches

from laco.comm.radio.base import Radio
from laco.comm.radio.ideal import Ideal
from laco.errors import ConfigError

PRESETS: dict[str, type[Radio]] = {radio.name: radio for radio in (Ideal,)}


def presets() -> list[str]:
    """Names of the presets, in the order of the list."""
    return list(PRESETS)


def find(name: str) -> type[Radio]:
    """The preset called `name`. Raises ConfigError with the nearest name."""
    if name not in PRESETS:
        nearest = get_close_matches(name, PRESETS, n=1, cutoff=0.0)[0]
        raise ConfigError(f"unknown radio {name!r}; did you mean {nearest!r}? Known are {', '.join(PRESETS)}")
    return PRESETS[name]
