"""Entropy coding of quantised numbers: asymmetric numeral systems (arXiv 1311.2540) with a few fixed models.

Rows of symbols share the model of their *class*, one per quarter octave of standard deviation over step. Models
are whole numbers out of a file, never computed where they are used: both sides of a link must have the very same
ones. The coder is `constriction`'s; this file only sorts rows into classes and keeps what no model holds.

A message is two buffers: the coder's words (uint32), then the escapes (int32), numbers beyond `REACH` in the order
of their rows. Little-endian both.
"""

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


@dataclass(frozen=True)
class Models:
    """frequencies: int32 [CLASSES, SYMBOLS], each row positive and summing to 2**PRECISION.

    Raises: ConfigError for frequencies that are none.
    """

    frequencies: Ints
    _made: dict[int, Any] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        good = self.frequencies.shape == (CLASSES, SYMBOLS) and self.frequencies.min() > 0
        if not (good and (self.frequencies.sum(1) == 1 << PRECISION).all()):
            raise ConfigError("these are no frequencies of symbols")

    def of(self, number: int) -> Any:
        """The coder's model of a class, LOWEST..HIGHEST."""
        if number not in self._made:
            row = self.frequencies[number - LOWEST]
            # Multiples of 2**-20 that sum to 1: exact in float64, so alike on every machine.
            model = library("entropy").stream.model.Categorical(row / float(1 << PRECISION), perfect=False)
            self._made[number] = model
        return self._made[number]


def encode(rows: Ints, classes: Ints, models: Models) -> tuple[Buffer, Buffer]:
    """Rows of whole numbers [n, length], each of its class [n]; rows of a class below LOWEST must hold nothing."""
    beyond = np.abs(rows) > REACH
    symbols = np.where(beyond, ESCAPE, rows + REACH).astype(np.int32)
    coder = library("entropy").stream.stack.AnsCoder()
    for number, chosen in reversed(list(_groups(classes))):  # a stack: what goes in last comes out first
        coder.encode_reverse(np.ascontiguousarray(symbols[chosen]).reshape(-1), models.of(number))
    ordered = [rows[chosen][beyond[chosen]] for _, chosen in _groups(classes)]
    escapes = np.concatenate(ordered) if ordered else np.empty(0, np.int32)
    return _bytes(coder.get_compressed().astype("<u4")), _bytes(escapes.astype("<i4"))


def decode(words: Buffer, escapes: Buffer, classes: Ints, length: int, models: Models) -> Ints:
    """Rows [n, length] again. Raises: WireError where the buffers cannot be theirs.

    Nothing is allocated but the rows: their number follows from the header, not from the buffers.
    """
    coder = library("entropy").stream.stack.AnsCoder(_words(words))
    rows = np.zeros((len(classes), length), np.int32)
    found = 0
    rest = np.frombuffer(escapes, "<i4") if memoryview(escapes).nbytes % 4 == 0 else None
    if rest is None:
        raise WireError(f"wrong size: escapes of {memoryview(escapes).nbytes} bytes")
    for number, chosen in _groups(classes):
        symbols = coder.decode(models.of(number), len(chosen) * length)
        beyond = symbols == ESCAPE
        count = int(beyond.sum())
        if found + count > len(rest):
            raise WireError("damaged: fewer escapes than the symbols tell of")
        values = symbols - REACH
        values[beyond] = rest[found : found + count]
        found += count
        rows[chosen] = values.reshape(len(chosen), length)
    if found != len(rest) or not coder.is_empty():
        raise WireError("damaged: more coded than the header tells of")
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
