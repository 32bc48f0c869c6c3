"""`blosc2`: float16 through C-Blosc2, bits of equal weight together (bitshuffle), then Zstandard."""

import struct

from laco.comm.codecs.extra import library
from laco.comm.codecs.lossless import Lossless
from laco.comm.message import Buffer
from laco.errors import WireError

LEVEL = 5
# A Blosc2 chunk's header: versions, flags, bytes per number; bytes of content, of a block, of the chunk; the filters
# (bitshuffle alone), the compressor and what these are told; what is special about the chunk.
HEADER = struct.Struct("<2sBBIII15sB")
PIPELINE = bytes((2, 0, 0, 0, 0, 0, 5)) + bytes(8)
FORMATS = (0, 4)  # of the three high bits of the flags: stored, Zstandard
SPECIAL = (0x00, 0x10)  # nothing; all zeros


class Blosc2(Lossless):
    """One Blosc2 chunk. Read only if it is of the kind that is written.

    Blosc2 itself reads far more: chunks whose blocks lie in files, chunks of memory as it is found, and filters and
    compressors out of plug-ins that it looks for by running programs. None of that may come over the air.
    """

    name = "blosc2"

    def compress(self, data: bytes) -> Buffer:
        blosc2 = library(self.name)
        made: bytes = blosc2.compress2(
            data, codec=blosc2.Codec.ZSTD, clevel=LEVEL, typesize=2, filters=[blosc2.Filter.BITSHUFFLE],
            filters_meta=[0], nthreads=1,
        )  # fmt: skip
        return made

    def expand(self, buffer: Buffer, size: int) -> Buffer:
        blosc2 = library(self.name)
        data = bytes(buffer)
        if len(data) < HEADER.size:
            raise WireError(f"truncated: {len(data)} bytes are no blosc2 chunk")
        _, flags, width, content, block, length, pipeline, special = HEADER.unpack_from(data)
        if content != size or length != len(data) or block > max(size, 1):
            raise WireError(f"wrong size: a blosc2 chunk of {length} bytes with {content} in it, not {size}")
        if width != 2 or flags >> 5 not in FORMATS or pipeline != PIPELINE or special not in SPECIAL:
            raise WireError("damaged: a blosc2 chunk of a kind that is not read")
        try:
            found: bytes = blosc2.decompress2(data, nthreads=1)
        except (RuntimeError, ValueError) as error:
            raise WireError(f"damaged: {error}") from error
        return found
