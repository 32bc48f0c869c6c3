"""`blosc2`: float16, bit planes apart, through Blosc2 with Zstandard at level 5 ([codecs] extra). To measure only.

No message can carry it, and `available` does not list it: its reader (4.14) crashed within a few thousand mutated
chunks of right length and header, and a crash is no `WireError` (docs/codecs.md).
"""

from typing import Any

from laco.comm.codecs.lossless import Lossless
from laco.comm.message import Buffer
from laco.errors import ConfigError, WireError

LEVEL = 5


class Blosc2(Lossless):
    """A baseline for `laco profile codecs`; decodes what it has encoded itself."""

    name = "blosc2"

    def require(self, fingerprint: str) -> None:
        library()

    def compress(self, data: memoryview) -> Buffer:
        blosc2 = library()
        if not data.nbytes:  # it knows no empty chunk
            return b""
        how = {"codec": blosc2.Codec.ZSTD, "clevel": LEVEL, "filter": blosc2.Filter.BITSHUFFLE}
        packed: bytes = blosc2.compress(bytes(data), typesize=2, **how)
        return packed

    def decompress(self, data: Buffer, size: int) -> Buffer:
        if not size:
            return b""
        try:
            found: bytes = library().decompress(bytes(data))
        except (RuntimeError, ValueError) as error:
            raise WireError(f"damaged: {error}") from error
        return found


def library() -> Any:
    """`blosc2`. Raises: ConfigError naming the extra that brings it."""
    try:
        import blosc2
    except ImportError as error:
        raise ConfigError("this codec needs blosc2: pip install 'laco-driving[codecs]'") from error
    return blosc2
