"""What is tried: bands of layers with all tokens first, then selectors on the best of them."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from laco.config import SELECTORS, LacoConfig

PAPER = LacoConfig(realign="ridge")
"""The paper's recipe: ten latent steps, CHSA 0.3, the first tenth of the layers, in front."""

KEEPS = (0.5, 0.3)
_WIDTHS = (Fraction(1, 10), Fraction(1, 5), Fraction(1, 3), Fraction(1, 2), Fraction(1))


def bands(num_layers: int) -> list[tuple[int, ...]]:
    """Layer bands to try: windows of a fifth and a third, halves in three places, all, and the first tenth."""
    found: dict[tuple[int, ...], None] = {}
    for share in _WIDTHS:
        width = max(1, round(share * num_layers))
        starts: Sequence[int] = range(0, num_layers - width + 1, width)
        if share == Fraction(1, 10):
            starts = (0,)
        elif share == Fraction(1, 2):
            starts = (0, (num_layers - width) // 2, num_layers - width)
        found |= {tuple(range(start, start + width)): None for start in starts}
    return list(found)


def of_bands(num_layers: int, base: LacoConfig) -> list[LacoConfig]:
    """The base settings with every band, all tokens kept."""
    return [replace(base, layers=band, keep=1.0) for band in bands(num_layers)]


def of_selectors(best: LacoConfig, tellable: bool) -> list[LacoConfig]:
    """The best band with fewer tokens, by every selector.

    tellable: whether template tokens can be told from content; where not, `content` is CHSA.
    """
    names = [name for name in SELECTORS if tellable or name != "content"]
    return [replace(best, selector=name, keep=keep) for name in names for keep in KEEPS]
