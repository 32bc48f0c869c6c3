"""What only some codecs need: libraries, which the extra `codecs` brings, and functions that are compiled once.

Without torch, for the command line.
"""

import os
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
COMPILED = ("int4", "fast")
OFF = "LACO_NO_NUMBA"


def present(codec: str) -> bool:
    """Whether the codec's library, if it needs one, is installed. Loads nothing."""
    return codec not in NEEDS or find_spec(NEEDS[codec]) is not None


def prepare(codec: str) -> None:
    """What must be there before a run. Raises: ConfigError if the codec's library is not installed.

    The first time ever on a machine compiled codecs take some seconds, which a message cannot wait.
    """
    if not present(codec):
        raise ConfigError(_missing(codec))
    if codec in COMPILED:
        kernels()


def kernels() -> ModuleType | None:
    """The module of compiled functions; None where numba cannot be used, or is not to be."""
    if os.environ.get(OFF):
        return None
    try:
        return None if import_module("numba").config.DISABLE_JIT else import_module("laco.comm.codecs.kernels")
    except (ImportError, RuntimeError):  # not installed; or no folder that numba could keep what it compiled in
        return None


def library(codec: str) -> ModuleType:
    """The codec's library. Raises: WireError if it is not installed: a message may ask for it, too."""
    try:
        return import_module(NEEDS[codec])
    except ImportError as error:
        raise WireError(_missing(codec)) from error


def _missing(codec: str) -> str:
    return f"the codec {codec!r} needs {NEEDS[codec]}: pip install 'laco-driving[codecs]'"
