"""Entropy coding of quantised numbers: asymmetric numeral systems (arXiv 1311.2540) with a few fixed models.

Rows of symbols share the model of their *class*, one per quarter octave of standard deviation over step. Models
are whole numbers out of a file, never computed where they are used: both sides of a link must have the very same
ones. The coder is `constriction`'s; this file only sorts rows into classes and keeps what no model holds.

A decoder's time goes into jumps that a processor cannot foresee, while it looks for a symbol among its kinds. So a
model holds no more kinds than its class needs, and where they are few two numbers make one symbol.

A message is two buffers: the coder's words (uint32), then the escapes (int32), numbers beyond their class's reach in
the order of their rows. Little-endian both. The last thing out of the coder is a mark, which words that were cut lack.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laco.comm.codecs.extra import library
from laco.comm.message import Buffer
from laco.errors import ConfigError, WireError

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

PER_OCTAVE = 4  # classes per doubling of standard deviation over step
LOWEST, HIGHEST = -14, 21  # classes with a model: deviations from 0.09 to 38 steps
CLASSES = HIGHEST - LOWEST + 1
REACH = 127  # the largest magnitude a model holds
SYMBOLS = 2 * REACH + 2  # -REACH..REACH, and the escape
ESCAPE = SYMBOLS - 1
PRECISION = 20  # bits of a model's probabilities
MOST_ESCAPE = 2**31 - 1
SPAN = 8.0  # standard deviations that a model holds: few kinds of symbols are quick to tell apart
BEYOND = -(2**31)  # a number that escapes
FEW = 96  # kinds of symbols up to which two numbers make one symbol
MARKS = 1 << 16
MARK = np.array([0xACE1], np.int32)


@dataclass(frozen=True)
class Model:
    """coder: the library's. reach: largest magnitude that it holds. numbers: what its symbols stand for, int32
    [symbols, numbers of one symbol]; BEYOND for one that escapes."""

    coder: Any
    reach: int
    numbers: Ints


@dataclass(frozen=True)
class Models:
    """frequencies: int32 [CLASSES, SYMBOLS], each row positive and summing to 2**PRECISION.

    Raises: ConfigError for frequencies that are none.
    """

    frequencies: Ints
    _made: dict[int, Model] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        good = self.frequencies.shape == (CLASSES, SYMBOLS) and self.frequencies.min() > 0
        if not (good and (self.frequencies.sum(1) == 1 << PRECISION).all()):
            raise ConfigError("these are no frequencies of symbols")

    def of(self, number: int) -> Model:
        """The model of a class, LOWEST..HIGHEST."""
        if number not in self._made:
            self._made[number] = self._make(number)
        return self._made[number]

    def _make(self, number: int) -> Model:
        reach = min(REACH, math.ceil(SPAN * 2.0 ** (number / PER_OCTAVE)) + 1)
        held = self.frequencies[number - LOWEST, REACH - reach : REACH + reach + 1]
        # Multiples of 2**-20 that sum to 1, and their products: exact in float64, so alike on every machine.
        shares = np.append(held, (1 << PRECISION) - held.sum()) / float(1 << PRECISION)
        numbers = np.append(np.arange(-reach, reach + 1), BEYOND).astype(np.int32)[:, None]
        if len(shares) <= FEW:
            numbers = np.stack([np.repeat(numbers, len(shares)), np.tile(numbers[:, 0], len(shares))], 1)
            shares = np.outer(shares, shares).reshape(-1)
        return Model(library("entropy").stream.model.Categorical(shares, perfect=False), reach, numbers)


def encode(rows: Ints, classes: Ints, models: Models) -> tuple[Buffer, Buffer]:
    """Rows of whole numbers [n, length], each of its class [n]; rows of a class below LOWEST must hold nothing."""
    coder = library("entropy").stream.stack.AnsCoder()
    escapes = [np.empty(0, np.int32)]
    if rows.size:
        coder.encode_reverse(MARK, library("entropy").stream.model.Uniform(MARKS))
    for number, chosen in reversed(list(_groups(classes))):  # a stack: what goes in last comes out first
        model, flat = models.of(number), rows[chosen].reshape(-1)
        beyond = np.abs(flat) > model.reach
        coder.encode_reverse(_symbols(flat, beyond, model), model.coder)
        escapes.append(flat[beyond])
    return _bytes(coder.get_compressed().astype("<u4")), _bytes(np.concatenate(escapes[::-1]).astype("<i4"))


def _symbols(flat: Ints, beyond: NDArray[np.bool_], model: Model) -> Ints:
    """The model's symbols of some numbers; those `beyond` its reach escape."""
    kinds = 2 * model.reach + 2  # the last one escapes
    found = np.where(beyond, kinds - 1, flat + model.reach).astype(np.int32)
    if model.numbers.shape[1] == 1:
        return found
    if len(found) % 2:
        found = np.append(found, np.int32(model.reach))  # a zero, which nobody reads
    pairs: Ints = found[0::2] * np.int32(kinds) + found[1::2]
    return pairs


def decode(words: Buffer, escapes: Buffer, classes: Ints, length: int, models: Models) -> Ints:
    """Rows [n, length] again. Raises: WireError where the buffers cannot be theirs.

    Nothing is allocated but the rows: their number follows from the header, not from the buffers.
    """
    coder = library("entropy").stream.stack.AnsCoder(_words(words))
    rows = np.zeros((len(classes), length), np.int32)
    if memoryview(escapes).nbytes % 4:
        raise WireError(f"wrong size: escapes of {memoryview(escapes).nbytes} bytes")
    rest, found = np.frombuffer(escapes, "<i4"), 0
    for number, chosen in _groups(classes):
        model, size = models.of(number), len(chosen) * length
        symbols = coder.decode(model.coder, -(-size // model.numbers.shape[1]))
        values = np.take(model.numbers, symbols, axis=0).reshape(-1)[:size]
        beyond = np.flatnonzero(values == BEYOND)
        if found + len(beyond) > len(rest):
            raise WireError("damaged: fewer escapes than the symbols tell of")
        escaped = rest[found : found + len(beyond)]
        if (np.abs(escaped) <= model.reach).any():  # so is the magnitude of the least int32, which is negative
            raise WireError("damaged: a number escapes that its class could hold")
        values[beyond] = escaped
        found += len(beyond)
        rows[chosen] = values.reshape(len(chosen), length)
    marked = not rows.size or coder.decode(library("entropy").stream.model.Uniform(MARKS), 1) == MARK
    if found != len(rest) or not marked or not coder.is_empty():
        raise WireError("damaged: more or less coded than the header tells of")
    return rows


def information(rows: Ints, classes: Ints) -> float:
    """Bits of the rows' symbols at the empirical frequencies of their classes: what no such coder goes below."""
    bits = 0.0
    for _, chosen in _groups(classes):
        held = np.where(np.abs(rows[chosen]) > REACH, ESCAPE, rows[chosen])
        _, counts = np.unique(held, return_counts=True)
        bits -= float((counts * np.log2(counts / counts.sum())).sum())
    return bits


def class_of(deviation: NDArray[np.float64]) -> Ints:
    """The class of rows with these standard deviations, in steps; below LOWEST there is nothing worth coding."""
    octaves = np.log2(np.maximum(deviation, 1e-30))
    classes: Ints = np.minimum(np.rint(octaves * PER_OCTAVE), HIGHEST).astype(np.int32)
    return classes


def _groups(classes: Ints) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Classes that have a model, ascending, and the numbers of their rows."""
    if not len(classes):
        return
    order = np.argsort(classes, kind="stable")
    numbers, starts = np.unique(classes[order], return_index=True)
    for number, chosen in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        if number >= LOWEST:
            yield number, chosen


def _words(buffer: Buffer) -> NDArray[np.uint32]:
    if memoryview(buffer).nbytes % 4:
        raise WireError(f"wrong size: coded words of {memoryview(buffer).nbytes} bytes")
    words = np.frombuffer(buffer, "<u4").astype(np.uint32)
    if len(words) and words[-1] == 0:  # the coder's last word is never zero
        raise WireError("damaged: coded words end in zero")
    return words


def _bytes(array: NDArray[Any]) -> Buffer:
    view: memoryview = array.view(np.uint8).data
    return view
