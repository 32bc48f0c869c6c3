"""`Grouped`'s arithmetic for four bits, compiled: one pass over memory, vectorised, and the very same bytes.

Bound by memory. A block of numbers is read twice, the second time out of the cache: once for the least and the
largest of each group, once for the codes. Least and largest are found among whole numbers that are ordered as the
float32 of the same bits are: such minima compile to vector instructions without permission to reorder floating-point
arithmetic, and NaN and infinity lie beyond all numbers, so the extremes show them. Every step is one rounding of
float32, as in `grouped`; no fast mathematics, no fused multiply-add.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Shorts = NDArray[np.int16]
Pairs = NDArray[np.uint16]
Bytes = NDArray[np.uint8]
Number = Any  # a scalar of the type that the signature says

CELLS = np.float32(16)
FARTHEST = np.float32(1024)
FRACTION = np.float32(16)
TOP = np.float32(15)
SMALLEST = np.float32(np.finfo(np.float32).tiny)
HALF, ONE, NOUGHT = np.float32(0.5), np.float32(1), np.float32(0)
MAGNITUDE, LEAST = np.int32(0x7FFFFFFF), np.int32(-0x80000000)
TILE = 64  # rows whose groups are settled together; with 64 channels they fill half of a level-1 cache
INFINITY = np.int32(0x7F800000)  # as float32's bits: this and above are no numbers

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(signature: str) -> Callable[[Function], Function]:
    """Compile a function for these types at once, and keep the result on disk for the next start.

    Divisions do not look for zero, a branch that would keep them from being vectorised: no step is zero.
    """
    return cast("Callable[[Function], Function]", njit(signature, cache=True, error_model="numpy"))


@compiled("int32(int32)")
def ordered(bits: Number) -> Number:
    """Whole numbers in the order of the float32 of these bits; twice gives the bits again."""
    return bits ^ ((bits >> np.int32(31)) & MAGNITUDE)


@compiled("UniTuple(int32, 2)(int32[::1])")
def extremes(bits: Ints) -> tuple[Number, Number]:
    """Least and largest, as `ordered` has them."""
    least, most = np.int32(MAGNITUDE), np.int32(LEAST)
    for d in range(len(bits)):
        o = ordered(bits[d])
        least, most = min(least, o), max(most, o)
    return least, most


@compiled("boolean(int32[::1], int32[::1], float32[::1], float32[::1], int16[::1], int16[::1], int64)")
def settle(low: Ints, high: Ints, inverse: Floats, offset: Floats, step: Shorts, zero: Shorts, groups: int) -> bool:
    """`grouped.steps`, from least and largest as `ordered` has them.

    Fills in 1 / step and 0.5 - zero, and step and zero as they travel. False if NaN or infinity is among them.
    """
    least, most = np.int32(MAGNITUDE), np.int32(LEAST)
    for g in range(groups):
        least, most = min(least, low[g]), max(most, high[g])
        low[g], high[g] = ordered(low[g]), ordered(high[g])
    lows, highs, bits = low.view(np.float32), high.view(np.float32), inverse.view(np.int32)
    for g in range(groups):
        span = highs[g] / CELLS - lows[g] / CELLS
        far = max(highs[g], -lows[g]) / FARTHEST
        inverse[g] = max(max(span, far), SMALLEST)
    for g in range(groups):  # to bfloat16, half to even
        up = bits[g] + np.int32(0x7FFF) + ((bits[g] >> np.int32(16)) & np.int32(1))
        step[g] = np.int16(up >> np.int32(16))
        bits[g] = up & np.int32(-65536)
    for g in range(groups):
        middle = HALF if highs[g] > lows[g] else NOUGHT
        rounded = np.rint((lows[g] / inverse[g] + middle) * FRACTION)
        zero[g] = np.int16(np.int32(rounded))
        offset[g] = HALF - rounded / FRACTION
        inverse[g] = ONE / inverse[g]
    return bool(least > ~INFINITY and most < INFINITY)


@compiled("float32(float32, float32, float32)")
def cell(x: Number, inverse: Number, offset: Number) -> Number:
    """The code of a number, before its fraction is cut off."""
    return min(max(x * inverse + offset, NOUGHT), TOP)


@compiled("void(uint16[::1], uint8[::1])")
def join(codes: Pairs, packed: Bytes) -> None:
    """Two codes a byte, the first in the low bits. As 16 bits a pair compiles to plain vector instructions."""
    for j in range(len(packed)):
        packed[j] = np.uint8(codes[j] | (codes[j] >> np.uint16(4)))


@compiled("void(uint8[::1], uint16[::1])")
def part(packed: Bytes, codes: Pairs) -> None:
    """The codes again."""
    for j in range(len(packed)):
        pair = np.uint16(packed[j])
        codes[j] = (pair | (pair << np.uint16(4))) & np.uint16(0x0F0F)


@compiled("boolean(float32[:, :, ::1], int64, int16[:, :, :, ::1], uint8[:, :, ::1])")
def encode_channels(x: Floats, length: int, stored: Shorts, packed: Bytes) -> bool:
    """x [rows, tokens, dim] in groups of `length` tokens of a channel. False if NaN or infinity is among them."""
    rows, tokens, dim = x.shape
    width = packed.shape[2]
    bits = x.view(np.int32)
    low, high = np.empty(dim, np.int32), np.empty(dim, np.int32)
    inverse, offset = np.empty(dim, np.float32), np.empty(dim, np.float32)
    codes = np.zeros((length, 2 * width), np.uint8)
    pairs = codes.reshape(-1).view(np.uint16)
    for r in range(rows):
        flat = packed[r].reshape(-1)
        for g in range(stored.shape[2]):
            start, end = g * length, min((g + 1) * length, tokens)
            for d in range(dim):
                low[d], high[d] = MAGNITUDE, LEAST
            for t in range(start, end):
                for d in range(dim):
                    o = ordered(bits[r, t, d])
                    low[d], high[d] = min(low[d], o), max(high[d], o)
            if not settle(low, high, inverse, offset, stored[0, r, g], stored[1, r, g], dim):
                return False
            for t in range(start, end):
                for d in range(dim):
                    codes[t - start, d] = np.uint8(np.int32(cell(x[r, t, d], inverse[d], offset[d])))
            join(pairs, flat[start * width : end * width])
    return True


@compiled("boolean(float32[:, ::1], int64, int16[:, :, ::1], uint8[:, ::1])")
def encode_rows(x: Floats, length: int, stored: Shorts, packed: Bytes) -> bool:
    """x [rows, dim] in groups of `length` channels of a row. False if NaN or infinity is among them."""
    rows, width, count = x.shape[0], packed.shape[1], stored.shape[2]
    bits, flat = x.view(np.int32), packed.reshape(-1)
    steps, zeros = stored[0].reshape(-1), stored[1].reshape(-1)
    low, high = np.empty(TILE * count, np.int32), np.empty(TILE * count, np.int32)
    inverse, offset = np.empty(TILE * count, np.float32), np.empty(TILE * count, np.float32)
    codes = np.zeros((TILE, 2 * width), np.uint8)
    pairs = codes.reshape(-1).view(np.uint16)
    for first in range(0, rows, TILE):
        last = min(first + TILE, rows)
        for r in range(first, last):
            for g in range(count):
                at = (r - first) * count + g
                low[at], high[at] = extremes(bits[r, g * length : (g + 1) * length])
        here = slice(first * count, last * count)
        if not settle(low, high, inverse, offset, steps[here], zeros[here], (last - first) * count):
            return False
        for r in range(first, last):
            for g in range(count):
                at, own = (r - first) * count + g, codes[r - first, g * length : (g + 1) * length]
                scale, shift, numbers = inverse[at], offset[at], x[r, g * length : (g + 1) * length]
                for d in range(len(numbers)):
                    own[d] = np.uint8(np.int32(cell(numbers[d], scale, shift)))
        join(pairs, flat[first * width : last * width])
    return True


@compiled("void(int16[:, :, :, ::1], uint8[:, :, ::1], int64, float32[:, :, ::1])")
def decode_channels(stored: Shorts, packed: Bytes, length: int, x: Floats) -> None:
    """The inverse of `encode_channels`."""
    rows, tokens, dim = x.shape
    width = packed.shape[2]
    step, zero = np.empty(dim, np.float32), np.empty(dim, np.float32)
    bits = step.view(np.int32)
    codes = np.empty((length, 2 * width), np.uint8)
    pairs = codes.reshape(-1).view(np.uint16)
    for r in range(rows):
        flat = packed[r].reshape(-1)
        for g in range(stored.shape[2]):
            start, end = g * length, min((g + 1) * length, tokens)
            part(flat[start * width : end * width], pairs)
            for d in range(dim):
                bits[d] = np.int32(stored[0, r, g, d]) << np.int32(16)
                zero[d] = np.float32(stored[1, r, g, d]) / FRACTION
            for t in range(start, end):
                for d in range(dim):
                    x[r, t, d] = (np.float32(codes[t - start, d]) + zero[d]) * step[d]


@compiled("void(int16[:, :, ::1], uint8[:, ::1], int64, float32[:, ::1])")
def decode_rows(stored: Shorts, packed: Bytes, length: int, x: Floats) -> None:
    """The inverse of `encode_rows`."""
    rows, width = x.shape[0], packed.shape[1]
    flat = packed.reshape(-1)
    step = np.empty(1, np.float32)
    bits = step.view(np.int32)
    codes = np.empty((TILE, 2 * width), np.uint8)
    pairs = codes.reshape(-1).view(np.uint16)
    for first in range(0, rows, TILE):
        last = min(first + TILE, rows)
        part(flat[first * width : last * width], pairs)
        for r in range(first, last):
            for g in range(stored.shape[2]):
                bits[0] = np.int32(stored[0, r, g]) << np.int32(16)
                zero, scale = np.float32(stored[1, r, g]) / FRACTION, step[0]
                own = codes[r - first, g * length : (g + 1) * length]
                numbers = x[r, g * length : (g + 1) * length]
                for d in range(len(numbers)):
                    numbers[d] = (np.float32(own[d]) + zero) * scale
