"""Small whole numbers as bytes: one byte each, or two where one is large, and zstd's entropy coder behind."""

import numpy as np
import torch
import zstandard
from numpy.typing import NDArray
from torch import Tensor

from laco.comm.codecs.base import Shape
from laco.comm.message import Buffer
from laco.errors import WireError

NARROW, WIDEST = 127, 32000  # largest code in one byte, in two
BIAS = 128  # added, so that the high byte of a code that fits one byte is 0, whatever its sign
SMALL = 1 << 14  # [bytes] up to which a slow level of zstd costs a few milliseconds at most


def planes(codes: Tensor) -> tuple[int, bytes]:
    """Bytes per code, and the codes token after token, all low bytes before all high ones. Raises: WireError."""
    most = float(codes.abs().max()) if codes.numel() else 0.0
    if most > WIDEST:
        raise WireError("too far from its base to be told as a difference")
    width = 1 if most <= NARROW else 2
    whole = (codes.permute(2, 0, 1, 3).numpy() + BIAS).astype("<i2").reshape(-1)
    return width, whole.view(np.uint8).reshape(-1, 2).T[:width].tobytes()


def unplaned(data: Buffer, width: int, shape: Shape) -> Tensor:
    """The codes, float32 of `shape` [layers, kv_heads, tokens, head_dim]. Raises: WireError."""
    layers, heads, tokens, dim = shape
    raw = np.frombuffer(unsqueezed(data, layers * heads * tokens * dim * width), np.uint8).reshape(width, -1)
    whole: NDArray[np.float32] = raw[0].astype(np.float32) - BIAS
    if width == 2:
        whole += raw.view(np.int8)[1].astype(np.float32) * 256
    return torch.from_numpy(whole).reshape(tokens, layers, heads, dim).permute(1, 2, 0, 3)


def squeezed(data: bytes) -> bytes:
    """Nothing for nothing, else a zstd frame without a size."""
    if not data:
        return b""
    level = 12 if len(data) < SMALL else 1
    return zstandard.ZstdCompressor(level, write_content_size=False, write_checksum=False).compress(data)


def unsqueezed(data: Buffer, size: int) -> bytes:
    """Exactly `size` bytes: no more is allocated, whatever the frame claims. Raises: WireError."""
    view = memoryview(data)
    if not size or not view.nbytes:
        if size or view.nbytes:
            raise WireError(f"wrong size: {view.nbytes} bytes for {size} of delta codes")
        return b""
    try:
        if zstandard.frame_content_size(view) not in (-1, size):
            raise WireError("wrong size: a frame of delta codes tells of another length")
        out = zstandard.ZstdDecompressor().decompress(view, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise WireError(f"damaged: delta codes: {error}") from error
    if len(out) != size:
        raise WireError(f"wrong size: {len(out)} bytes of delta codes, {size} expected")
    return out
