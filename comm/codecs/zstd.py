"""`zstd`: float16 through Zstandard (RFC 8878), low bytes first and then high bytes, which compress better apart."""

from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from laco.comm.codecs.lossless import Lossless
from laco.comm.message import Buffer
from laco.errors import WireError

LEVEL = 1  # the low bytes are noise and the high ones need entropy coding only: higher levels gain under 1 %
SMALLEST_WINDOW = 1 << 10  # [bytes] the format's own


class Zstd(Lossless):
    """One Zstandard frame that tells its content's size; no dictionary, no checksum (the chunk has one)."""

    name = "zstd"

    def compress(self, data: bytes) -> Buffer:
        planes = np.frombuffer(data, np.uint8).reshape(-1, 2).T
        return zstandard.ZstdCompressor(level=LEVEL, write_checksum=False).compress(planes.tobytes())

    def expand(self, buffer: Buffer, size: int) -> Buffer:
        data = bytes(buffer)
        try:
            told = zstandard.get_frame_parameters(data)
            if told.content_size != size or told.window_size > max(size, SMALLEST_WINDOW):
                raise WireError(f"wrong size: a zstd frame of {told.content_size} bytes, not {size}")
            found = zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise WireError(f"damaged: {error}") from error
        if len(found) != size:
            raise WireError(f"wrong size: a zstd frame of {len(found)} bytes, not {size}")
        planes: NDArray[Any] = np.frombuffer(found, np.uint8).reshape(2, -1)
        return np.ascontiguousarray(planes.T).reshape(-1).data
