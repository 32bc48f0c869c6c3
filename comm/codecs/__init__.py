"""How a cache becomes bytes: one codec per file, and the one list that names them.

The names are there without torch, for the command line; a codec is loaded when it is first asked for.
"""

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

from laco.comm.codecs.extra import present
from laco.errors import WireError

if TYPE_CHECKING:
    from laco.comm.codecs.base import Codec as Codec
    from laco.comm.codecs.base import Origin as Origin

# Listing a codec here makes it usable and puts it into every test of the matrix: its name, its file and class.
HOMES = {
    "fp32": "fp32:Fp32",
    "fp16": "fp16:Fp16",
    "fp8": "fp8:Fp8",
    "int8": "int8:Int8",
    "int4": "int4:Int4",
    "int2": "int2:Int2",
    "fast": "fast:Fast",
    "entropy": "entropy:Entropy",
    "transform": "transform:Transform",
    "transform-coarse": "transform:TransformCoarse",
    "zstd": "zstd:Zstd",
}
# Only measured, never sent: see there.
BASELINES = {"blosc2": "blosc2:Blosc2"}
__all__ = ["Codec", "Origin", "available", "baselines", "find", "general", "usable"]


def available() -> list[str]:
    """Names of the codecs, in the order of the list."""
    return list(HOMES)


def general() -> list[str]:
    """Names of those that carry any model's caches; the others need a table of the model."""
    return [name for name in HOMES if find(name).general]


def usable(fingerprint: str) -> tuple[str, ...]:
    """Names of those that this installation has the libraries, and of this model the tables, for."""
    return tuple(name for name in HOMES if present(name) and find(name).fits(fingerprint))


def baselines() -> "list[Codec]":
    """Codecs to compare with, which no message can carry."""
    return [pkgutil.resolve_name(f"{__name__}.{home}")() for home in BASELINES.values()]


@cache
def find(name: str) -> "Codec":
    """The codec called `name`. Raises WireError naming the known ones."""
    if name not in HOMES:
        raise WireError(f"unknown codec {name!r}; known are {', '.join(HOMES)}")
    made: Codec = pkgutil.resolve_name(f"{__name__}.{HOMES[name]}")()
    return made


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("laco.comm.codecs.base"), name)
    raise AttributeError(f"module 'laco.comm.codecs' has no attribute {name!r}")
