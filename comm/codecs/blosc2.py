"""`blosc2`: float16, bit planes apart, through Blosc2 with Zstandard at level 5 ([codecs] extra)."""

from typing import Any

from laco.comm.codecs.lossless import Lossless
from laco.comm.message import Buffer
from laco.errors import ConfigError, WireError

LEVEL = 5
HEADER = 32  # [bytes]


class Blosc2(Lossless):
    """The chunk tells both its sizes; one that tells others than it must have is refused unread."""

    name = "blosc2"

    def compress(self, data: memoryview) -> Buffer:
        blosc2 = library()
        if not data.nbytes:  # it knows no empty chunk
            return b""
        how = {"codec": blosc2.Codec.ZSTD, "clevel": LEVEL, "filter": blosc2.Filter.BITSHUFFLE}
        packed: bytes = blosc2.compress(bytes(data), typesize=2, **how)
        return packed

    def decompress(self, data: Buffer, size: int) -> Buffer:
        blosc2 = library()
        packed = bytes(data)
        if not size and not packed:
            return b""
        if len(packed) < HEADER:
            raise WireError(f"truncated: {len(packed)} bytes are no Blosc2 chunk")
        try:
            told, length, _ = blosc2.get_cbuffer_sizes(packed)
            if (told, length) != (size, len(packed)):
                raise WireError(f"wrong size: a chunk of {told} bytes in {length}, {size} in {len(packed)} expected")
            found: bytes = blosc2.decompress(packed)
        except (RuntimeError, ValueError, TypeError) as error:
            raise WireError(f"damaged: {error}") from error
        return found


def library() -> Any:
    """`blosc2`. Raises: ConfigError naming the extra that brings it."""
    try:
        import blosc2
    except ImportError as error:
        raise ConfigError("this codec needs blosc2: pip install 'laco-driving[codecs]'") from error
    return blosc2
