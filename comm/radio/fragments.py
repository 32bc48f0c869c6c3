"""How chunks become fragments: what the air counts and loses. A fragment is never built."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Fragment(NamedTuple):
    """A part of one chunk, and its size without headers [bytes]."""

    chunk: int
    size: int


def cut(chunk_sizes: Sequence[int], mtu: int | None) -> list[Fragment]:
    """The fragments of a message, each at most `mtu` bytes and of one chunk only; None: a chunk is a fragment."""
    return [Fragment(chunk, size) for chunk, whole in enumerate(chunk_sizes) for size in _sizes(whole, mtu)]


def _sizes(whole: int, mtu: int | None) -> Iterable[int]:
    if mtu is None or whole <= mtu:
        return (whole,)
    full, rest = divmod(whole, mtu)
    return [mtu] * full + [rest] * bool(rest)
