"""How a cache becomes bytes: one codec per file, and the one list that names them."""

from laco.comm.codecs.base import Codec, Origin
from laco.comm.codecs.entropy import Entropy
from laco.comm.codecs.fast import Fast
from laco.comm.codecs.fp8 import Fp8
from laco.comm.codecs.fp16 import Fp16
from laco.comm.codecs.fp32 import Fp32
from laco.comm.codecs.int2 import Int2
from laco.comm.codecs.int4 import Int4
from laco.comm.codecs.int8 import Int8
from laco.comm.codecs.transform import Transform
from laco.comm.codecs.zstd import Zstd
from laco.errors import WireError

# Listing a codec here makes it usable and puts it into every test of the matrix.
LIST: tuple[Codec, ...] = (
    Fp32(),
    Fp16(),
    Fp8(),
    Int8(),
    Int4(),
    Int2(),
    Fast(),
    Entropy(),
    Transform("transform", -2),
    Transform("transform-coarse", 4),
    Zstd(),
)
CODECS: dict[str, Codec] = {codec.name: codec for codec in LIST}


def available() -> list[str]:
    """Names of the codecs, in the order of the list."""
    return list(CODECS)


def general() -> list[str]:
    """Names of those that carry any model's caches; the others need a table of the model."""
    return [name for name, codec in CODECS.items() if codec.general]


def find(name: str) -> Codec:
    """The codec called `name`. Raises WireError naming the known ones."""
    if name not in CODECS:
        raise WireError(f"unknown codec {name!r}; known are {', '.join(CODECS)}")
    return CODECS[name]


__all__ = ["Codec", "Origin", "available", "find", "general"]
