"""The largest usable part of a message of which some chunks are missing: a rectangle of layers x tokens.

Layers and tokens are sets, not ranges: any layers that have any tokens in common make a cache. A layer's tokens are
the bits of one integer.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import combinations
from operator import and_

EXACT = 12  # different rows up to which all 2**12 subsets are tried
SHOWN = 6  # ranges named before the rest is only counted


def largest(rows: Sequence[int]) -> tuple[list[int], int]:
    """Indices of rows, ascending, and the bits common to them, with the most rows x bits; ([], 0) if there are none.

    Finding the maximum is NP-hard (maximum edge biclique). It is exact for up to EXACT different rows. Beyond that
    rows are added one by one, each time the one that leaves the most bits, and the best of these steps is taken: never
    less than all whole columns (its last step) or all whole rows (which come first).
    """
    alike: dict[int, list[int]] = {}
    for i, row in enumerate(rows):
        if row:
            alike.setdefault(row, []).append(i)
    steps = _subsets(list(alike)) if len(alike) <= EXACT else _growing(alike)
    best: tuple[int, tuple[int, ...], int] = (0, (), 0)
    for chosen, common in steps:
        area = sum(len(alike[row]) for row in chosen) * common.bit_count()
        if area > best[0]:
            best = (area, chosen, common)
    _, chosen, common = best
    return sorted(i for row in chosen for i in alike[row]), common


def _subsets(rows: Sequence[int]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Every choice of rows and the bits common to it, the largest choices first."""
    for many in range(len(rows), 0, -1):
        for chosen in combinations(rows, many):
            yield chosen, reduce(and_, chosen)


def _growing(alike: dict[int, list[int]]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Choices that grow by one row, from the fullest on."""
    left = set(alike)
    common, chosen = -1, []
    while left:
        best = max(left, key=lambda row: ((row & common).bit_count(), len(alike[row]), row))
        left.remove(best)
        chosen.append(best)
        common &= best
        yield tuple(chosen), common


def bits(mask: int) -> list[int]:
    """The numbers of the bits that are set, ascending."""
    return [i for i, bit in enumerate(reversed(f"{mask:b}")) if bit == "1"]


def block(start: int, count: int) -> int:
    """`count` bits from `start` on."""
    return ((1 << count) - 1) << start


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in words: "3, 5-7"."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    words = [f"{a}" if a == b else f"{a}-{b}" for a, b in found[:SHOWN]]
    return ", ".join(words) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def gaps(layers: Sequence[int], rows: Sequence[int], tokens: int) -> str:
    """What `rows` lack of `tokens` bits, in words: "tokens 40-59 of layers 4-6"; `layers` are their numbers."""
    lacking: dict[int, list[int]] = {}
    for number, row in zip(layers, rows, strict=True):
        if lost := block(0, tokens) & ~row:
            lacking.setdefault(lost, []).append(number)
    words = [
        f"{_noun('token', bits(lost))} {ranges(bits(lost))} of {_noun('layer', numbers)} {ranges(numbers)}"
        for lost, numbers in list(lacking.items())[:SHOWN]
    ]
    return "; ".join(words) + (f"; and of {len(lacking) - SHOWN} more sets of layers" if len(lacking) > SHOWN else "")


def _noun(word: str, of: Sequence[int]) -> str:
    return word if len(of) == 1 else f"{word}s"
