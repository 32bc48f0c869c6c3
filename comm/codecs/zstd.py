"""`zstd`: float16, low and high bytes apart, through Zstandard (RFC 8878) at level 3."""

import numpy as np
import zstandard

from laco.comm.codecs.lossless import Lossless
from laco.comm.message import Buffer
from laco.errors import WireError

LEVEL = 3
WINDOW = 1 << 23  # [bytes] the most that a frame may make its reader keep


class Zstd(Lossless):
    """The frame tells its content's size; one that tells another than the header's is refused unread."""

    name = "zstd"

    def compress(self, data: memoryview) -> Buffer:
        planes = np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(-1, 2).T)
        return zstandard.ZstdCompressor(level=LEVEL).compress(planes.tobytes())

    def decompress(self, data: Buffer, size: int) -> Buffer:
        try:
            told = zstandard.get_frame_parameters(data)
            if told.content_size != size or told.window_size > max(WINDOW, size):
                raise WireError(f"wrong size: a frame of {told.content_size} bytes, {size} expected")
            planes = zstandard.ZstdDecompressor(max_window_size=max(WINDOW, size)).decompress(
                data, max_output_size=size, allow_extra_data=False
            )
        except zstandard.ZstdError as error:
            raise WireError(f"damaged: {error}") from error
        if len(planes) != size:
            raise WireError(f"wrong size: a frame of {len(planes)} bytes, {size} expected")
        return np.frombuffer(planes, np.uint8).reshape(2, -1).T.tobytes()
