"""The libraries that only some codecs need: the extra `codecs` brings them."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from laco.errors import ConfigError, WireError

NEEDS = {  # codec and library
    "entropy": "constriction",
    "transform": "constriction",
    "transform-coarse": "constriction",
    "blosc2": "blosc2",
}


def present(codec: str) -> bool:
    """Whether the codec's library, if it needs one, is installed. Loads nothing."""
    return codec not in NEEDS or find_spec(NEEDS[codec]) is not None


def require(codec: str) -> None:
    """Raises: ConfigError if the codec's library is not installed. Loads nothing."""
    if not present(codec):
        raise ConfigError(_missing(codec))


def library(codec: str) -> ModuleType:
    """The codec's library. Raises: WireError if it is not installed: a message may ask for it, too."""
    try:
        return import_module(NEEDS[codec])
    except ImportError as error:
        raise WireError(_missing(codec)) from error


def _missing(codec: str) -> str:
    return f"the codec {codec!r} needs {NEEDS[codec]}: pip install 'laco-driving[codecs]'"
