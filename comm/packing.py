"""Small integers and masks in few bytes: what a recipe is made of. Writers append, a `Reader` checks every length.

varint: seven bits a byte, lowest first; the high bit says that more follow. Signed ones are zigzag (0, -1, 1, -2).
"""

import zlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laco.comm.message import Buffer
from laco.errors import WireError

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LONGEST = 5  # [bytes] of a varint: 35 bits hold ids and zigzag positions
PACKED, DEFLATED = 0, 1
NONE, ALL, BITMAP, RUNS = 0, 1, 2, 3


def varint(value: int) -> bytes:
    """A number of 0 or more."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def varints(values: Iterable[int]) -> bytes:
    """Numbers of 0 or more, one after the other."""
    return b"".join(map(varint, values))


def zigzag(value: int) -> int:
    """A signed number as one of 0 or more."""
    return value * 2 if value >= 0 else -value * 2 - 1


def unzigzag(value: int) -> int:
    """The signed number again."""
    return value // 2 if value % 2 == 0 else -(value + 1) // 2


def ints(values: Ints) -> bytes:
    """Numbers in 0..2**32-1, their count known to the reader: bit-packed, or deflated where that is shorter.

    Ids of prose are nearly incompressible and take width bits each; lists of numbers repeat few tokens.
    """
    width = int(values.max(initial=0)).bit_length()
    bits = (values[:, None] >> np.arange(width)) & 1
    packed = np.packbits(bits.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
    deflated = zlib.compress(varints(values.tolist()), 9, -15)
    if len(deflated) + len(varint(len(deflated))) < len(packed) + 1:
        return bytes((DEFLATED,)) + varint(len(deflated)) + deflated
    return bytes((PACKED, width)) + packed


def mask(values: Mask) -> bytes:
    """Booleans, their count known to the reader: none, all, one bit each, or the lengths of their runs."""
    if not values.any():
        return bytes((NONE,))
    if values.all():
        return bytes((ALL,))
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    lengths = [b - a for a, b in pairwise(edges)]
    runs = varints([0, *lengths] if values[0] else lengths)  # the first run is of False
    bitmap = np.packbits(values, bitorder="little").tobytes()
    if len(runs) < len(bitmap):
        return bytes((RUNS,)) + runs
    return bytes((BITMAP,)) + bitmap


class Reader:
    """Takes a buffer apart, front to back. Every method raises WireError where the bytes cannot be right."""

    def __init__(self, data: Buffer) -> None:
        self._rest = memoryview(data).cast("B")

    def take(self, count: int) -> memoryview:
        """The next bytes, as a view."""
        if count > self._rest.nbytes:
            raise WireError(f"truncated: {count} bytes expected, {self._rest.nbytes} are left")
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def byte(self, what: str, choices: int = 256) -> int:
        """One of a few choices, 0..choices-1."""
        value = self.take(1)[0]
        if value >= choices:
            raise WireError(f"damaged: {what} is {value}, at most {choices - 1} is known")
        return int(value)

    def varint(self, what: str, low: int = 0, high: int = (1 << 35) - 1) -> int:
        """A number in low..high."""
        value = shift = 0
        more = True
        while more:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            more = byte > 0x7F
            if more and shift >= 7 * LONGEST:
                raise WireError(f"damaged: {what} is too long a number")
        if not low <= value <= high:
            raise WireError(f"oversized: {what} is {value}, it must be in {low}..{high}")
        return value

    def ints(self, count: int) -> Ints:
        """What `ints` wrote."""
        if self.byte("the form of a list", 2) == DEFLATED:
            return self._deflated(count)
        width = self.byte("the width of a list", 33)
        raw = np.frombuffer(self.take((count * width + 7) // 8), np.uint8)
        bits = np.unpackbits(raw, count=count * width, bitorder="little").reshape(count, width)
        values: Ints = (bits.astype(np.int64) << np.arange(width)).sum(1)
        return values

    def _deflated(self, count: int) -> Ints:
        packed = self.take(self.varint("the length of a list"))
        inflate: Any = zlib.decompressobj(-15)
        try:
            data = inflate.decompress(packed, count * LONGEST + 1)  # never more, whatever the stream promises
        except zlib.error as error:
            raise WireError(f"damaged: {error}") from error
        if not inflate.eof or inflate.unused_data:
            raise WireError("damaged: a list is longer than it says")
        inner = Reader(data)
        values = [inner.varint("a number of a list", high=(1 << 32) - 1) for _ in range(count)]
        inner.end()
        return np.array(values, np.int64)

    def mask(self, count: int) -> Mask:
        """What `mask` wrote."""
        form = self.byte("the form of a mask", 4)
        if form in (NONE, ALL):
            return np.full(count, form == ALL)
        if form == BITMAP:
            raw = np.frombuffer(self.take((count + 7) // 8), np.uint8)
            return np.unpackbits(raw, count=count, bitorder="little").astype(np.bool_)
        values, done, on = np.zeros(count, np.bool_), 0, False
        while done < count:
            length = self.varint("a run of a mask", low=0 if done == 0 and not on else 1, high=count - done)
            values[done : done + length] = on
            done, on = done + length, not on
        return values

    def end(self) -> None:
        """Nothing may be left."""
        if self._rest.nbytes:
            raise WireError(f"wrong size: {self._rest.nbytes} bytes too many")
