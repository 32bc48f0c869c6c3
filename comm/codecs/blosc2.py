"""`blosc2`: float16, bit planes apart, through Blosc2 with Zstandard at level 5 ([codecs] extra). To measure only.

No message can carry it, and `available` does not list it: its reader (4.14) crashed within a few thousand mutated
chunks of right length and header, and a crash is no `WireError` (docs/codecs.md).
"""

from laco.comm.codecs.extra import library
from laco.comm.codecs.lossless import Lossless
from laco.comm.message import Buffer
from laco.errors import WireError

LEVEL = 5


class Blosc2(Lossless):
    """A baseline for `laco profile codecs`; decodes what it has encoded itself."""

    name = "blosc2"

    def compress(self, data: bytes) -> Buffer:
        blosc2 = library(self.name)
        if not data:  # it knows no empty chunk
            return b""
        how = {"codec": blosc2.Codec.ZSTD, "clevel": LEVEL, "filter": blosc2.Filter.BITSHUFFLE}
        packed: bytes = blosc2.compress(data, typesize=2, **how)
        return packed

    def expand(self, buffer: Buffer, size: int) -> Buffer:
        if not size:
            return b""
        try:
            found: bytes = library(self.name).decompress(bytes(buffer))
        except (RuntimeError, ValueError) as error:
            raise WireError(f"damaged: {error}") from error
        return found
