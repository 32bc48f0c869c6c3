"""The compiled loops of `fast`. Each visits memory once, a group at a time, its numbers still in the cache.

Numbers are float32, parameters the upper halves of float32 (bfloat16, rounded to even) as uint16. A loop that meets
NaN or infinity says so by what it returns.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Halves = NDArray[np.uint16]
Bytes = NDArray[np.uint8]

SMALLEST = np.float32(np.finfo(np.float32).tiny)
EXPONENT = np.uint32(0x7F800000)
LARGEST = np.float32(2.0**126)
LEVELS = np.float32(15)
# Extremes are the same in any order; nothing else here may be reordered, or torch would make other bytes.
ORDER = {"nnan", "nsz"}


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def _half(x: np.float32, scratch: Floats, bits: NDArray[np.uint32]) -> np.uint16:
    """The nearest bfloat16. scratch and bits: one number, the same memory."""
    scratch[0] = x
    raw = bits[0]
    return np.uint16((raw + np.uint32(0x7FFF) + ((raw >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def _single(x: np.uint16, scratch: Floats, bits: NDArray[np.uint32]) -> np.float32:
    bits[0] = np.uint32(x) << np.uint32(16)
    return scratch[0]


@njit(cache=True, fastmath=ORDER, nogil=True)  # type: ignore[untyped-decorator]
def write_tokens(x: Floats, raw: NDArray[np.uint32], size: int, lowest: Halves, step: Halves, codes: Bytes) -> bool:
    """Groups along a row. x, raw: [rows, dim], the same memory, dim even; lowest, step: [rows, groups]."""
    rows, dim = x.shape
    scratch = np.empty(1, np.float32)
    bits = scratch.view(np.uint32)
    worst = np.uint32(0)
    for row in range(rows):
        for group in range(lowest.shape[1]):
            start = group * size
            end = min(start + size, dim)
            low = high = min(max(x[row, start], -LARGEST), LARGEST)
            for i in range(start, end):
                value = min(max(x[row, i], -LARGEST), LARGEST)
                low = min(low, value)
                high = max(high, value)
                worst = max(worst, raw[row, i] & EXPONENT)
            lowest[row, group] = _half(low, scratch, bits)
            base = _single(lowest[row, group], scratch, bits)
            step[row, group] = _half(max((high - base) / LEVELS, SMALLEST), scratch, bits)
            width = _single(step[row, group], scratch, bits)
            at = (row * dim + start) // 2
            for i in range((end - start) // 2):
                first = np.rint((x[row, start + 2 * i] - base) / width)
                second = np.rint((x[row, start + 2 * i + 1] - base) / width)
                first = min(max(first, np.float32(0)), LEVELS)
                second = min(max(second, np.float32(0)), LEVELS)
                codes[at + i] = np.uint8(np.int32(first) | (np.int32(second) << 4))
    return worst < EXPONENT


@njit(cache=True, fastmath=ORDER, nogil=True)  # type: ignore[untyped-decorator]
def write_channels(x: Floats, raw: NDArray[np.uint32], size: int, lowest: Halves, step: Halves, codes: Bytes) -> bool:
    """Groups along the tokens of a channel. x, raw: [rows, tokens, dim], dim even; parameters: [rows, groups, dim]."""
    rows, tokens, dim = x.shape
    low, high = np.empty(dim, np.float32), np.empty(dim, np.float32)
    base, width = np.empty(dim, np.float32), np.empty(dim, np.float32)
    worst = np.zeros(dim, np.uint32)
    scratch = np.empty(1, np.float32)
    bits = scratch.view(np.uint32)
    for row in range(rows):
        for group in range(lowest.shape[1]):
            start = group * size
            end = min(start + size, tokens)
            for c in range(dim):
                low[c] = high[c] = min(max(x[row, start, c], -LARGEST), LARGEST)
            for t in range(start, end):
                for c in range(dim):
                    value = min(max(x[row, t, c], -LARGEST), LARGEST)
                    low[c] = min(low[c], value)
                    high[c] = max(high[c], value)
                    worst[c] = max(worst[c], raw[row, t, c] & EXPONENT)
            for c in range(dim):
                lowest[row, group, c] = _half(low[c], scratch, bits)
                base[c] = _single(lowest[row, group, c], scratch, bits)
                step[row, group, c] = _half(max((high[c] - base[c]) / LEVELS, SMALLEST), scratch, bits)
                width[c] = _single(step[row, group, c], scratch, bits)
            for t in range(start, end):
                at = (row * tokens + t) * dim // 2
                for i in range(dim // 2):
                    first = np.rint((x[row, t, 2 * i] - base[2 * i]) / width[2 * i])
                    second = np.rint((x[row, t, 2 * i + 1] - base[2 * i + 1]) / width[2 * i + 1])
                    first = min(max(first, np.float32(0)), LEVELS)
                    second = min(max(second, np.float32(0)), LEVELS)
                    codes[at + i] = np.uint8(np.int32(first) | (np.int32(second) << 4))
    return bool((worst < EXPONENT).all())


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def read_tokens(codes: Bytes, size: int, lowest: Floats, step: Floats, x: Floats) -> None:
    """What `write_tokens` wrote, into x [rows, dim]; lowest, step: float32 [rows, groups]."""
    rows, dim = x.shape
    for row in range(rows):
        for group in range(lowest.shape[1]):
            start = group * size
            end = min(start + size, dim)
            base, width = lowest[row, group], step[row, group]
            at = (row * dim + start) // 2
            for i in range((end - start) // 2):
                code = np.int32(codes[at + i])
                x[row, start + 2 * i] = np.float32(code & 15) * width + base
                x[row, start + 2 * i + 1] = np.float32(code >> 4) * width + base


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def read_channels(codes: Bytes, size: int, lowest: Floats, step: Floats, x: Floats) -> None:
    """What `write_channels` wrote, into x [rows, tokens, dim]; lowest, step: float32 [rows, groups, dim]."""
    rows, tokens, dim = x.shape
    for row in range(rows):
        for t in range(tokens):
            group = t // size
            at = (row * tokens + t) * dim // 2
            for i in range(dim // 2):
                code = np.int32(codes[at + i])
                x[row, t, 2 * i] = np.float32(code & 15) * step[row, group, 2 * i] + lowest[row, group, 2 * i]
                x[row, t, 2 * i + 1] = (
                    np.float32(code >> 4) * step[row, group, 2 * i + 1] + lowest[row, group, 2 * i + 1]
                )
