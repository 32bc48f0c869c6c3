"""How a cache is cut into chunks that fit the air.

A chunk is a *tile*: some layers of some consecutive tokens. Three things pull at its shape:

- What is usable after a loss is a rectangle of layers x tokens. With whole tokens in a chunk a loss costs just its own
  tokens; with the layers in g groups a token is whole only if g chunks arrive, 0.9**g of them at 10 % loss.
- Headers, and what a codec says once per layer and chunk (int8 scales keys per channel), call for many tokens.
- A token of all layers may not fit: 768 bytes a layer in fp16 for SmolLM2, of which one fits a packet of 1,200.

So the number of groups is chosen that leaves most usable tokens per air byte at a nominal loss, from a linear model of
the codec's sizes; then each group takes as many tokens at a time as fit, measured by encoding them: an entropy coder's
sizes cannot be told in advance.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import ceil
from typing import NamedTuple, Protocol, TypeVar

from laco.comm.header import MAX_CHUNKS
from laco.errors import WireError

# Nominal share of chunks that arrive. At 0.98 up to three times as many groups of layers pay, at 0.8 half as many.
KEPT = 0.9
SAMPLE = 16  # tokens of the larger sample
TRIES = 6  # encodings of one chunk after which a fitting one is good enough


class Tile(NamedTuple):
    """Layers low..high-1 and tokens start..end-1, as indices into the cache."""

    low: int
    high: int
    start: int
    end: int

    @property
    def tokens(self) -> int:
        return self.end - self.start


class Sized(Protocol):
    """A tile, encoded: air bytes with its header [bytes]."""

    @property
    def size(self) -> int: ...


S = TypeVar("S", bound=Sized)
Encode = Callable[[Tile], S]


class Model(NamedTuple):
    """Size of a chunk of l layers and t tokens, about: chunk + layer * l + token * t + cell * l * t [bytes]."""

    chunk: float
    layer: float
    token: float
    cell: float

    def fixed(self, layers: float) -> float:
        return self.chunk + self.layer * layers

    def per_token(self, layers: float) -> float:
        return max(self.token + self.cell * layers, 0.1)

    def fitting(self, layers: int, limit: int) -> int:
        """Tokens that fit, about; 0 where not even one does."""
        return max(0, int((limit - self.fixed(layers)) / self.per_token(layers)))


def cut(encode: Encode[S], layers: int, tokens: int, limit: int) -> list[S]:
    """The encoded tiles of a cache, each of at most `limit` bytes, the layers in groups, the tokens in blocks.

    Raises WireError if one layer of one token does not fit, or if there would be more than MAX_CHUNKS.
    """
    if not tokens:
        return _bounded(iter([_fitting(encode(Tile(0, layers, 0, 0)), limit)]), limit)
    model = measure(encode, layers, tokens)
    groups = choose(model, layers, tokens, limit)
    edges = [layers * i // groups for i in range(groups + 1)]
    tiles = (Tile(low, high, 0, tokens) for low, high in pairwise(edges))
    return _bounded((piece for tile in tiles for piece in _fill(encode, model, tile, limit)), limit)


def measure(encode: Encode[S], layers: int, tokens: int) -> Model:
    """The model of a codec's sizes, from samples out of the middle; exact for codecs of fixed sizes."""
    many, two = min(tokens, SAMPLE), min(layers, 2)
    middle = (tokens - many) // 2

    def size(high: int, many: int) -> int:
        return encode(Tile(0, high, middle, middle + many)).size

    small, wide = size(1, 1), size(1, many)
    tall, both = (size(2, 1), size(2, many)) if two == 2 else (small, wide)
    slope, steep = ((w - s) / max(1, many - 1) for w, s in ((wide, small), (both, tall)))
    cell = max(0.0, steep - slope) if two == 2 else slope
    layer = max(0.0, tall - small - cell)
    token = max(0.0, slope - cell)
    return Model(small - layer - token - cell, layer, token, cell)


def choose(model: Model, layers: int, tokens: int, limit: int) -> int:
    """In how many groups to cut the layers."""

    def worth(groups: int) -> float:
        each = layers / groups
        at_once = min(tokens, model.fitting(ceil(each), limit))
        if not at_once:
            return 0.0
        nbytes = groups * (ceil(tokens / at_once) * model.fixed(each) + tokens * model.per_token(each))
        return float(KEPT**groups / nbytes)

    candidates = sorted({ceil(layers / each) for each in range(1, layers + 1)})
    best = max(candidates, key=worth)
    return best if worth(best) else layers  # nothing seems to fit: let the smallest tiles say so


def _fill(encode: Encode[S], model: Model, tile: Tile, limit: int) -> Iterator[S]:
    """The tile in blocks of tokens, each as large as fits; where one token does not, in halves of its layers."""
    low, high, at, end = tile
    guess = model.fitting(high - low, limit)
    while at < end:
        found = _block(encode, model, Tile(low, high, at, end), guess, limit)
        if found is None and high - low == 1:
            _fitting(encode(Tile(low, high, at, at + 1)), limit)
        elif found is None:
            middle = (low + high) // 2
            yield from _fill(encode, model, Tile(low, middle, at, end), limit)
            yield from _fill(encode, model, Tile(middle, high, at, end), limit)
            return
        else:
            guess, piece = found
            at += guess
            yield piece


def _block(encode: Encode[S], model: Model, tile: Tile, guess: int, limit: int) -> tuple[int, S] | None:
    """The first tokens of a tile, as many as fit, and how many these are; None if not even one does."""
    low, high, start, _ = tile
    per_token = model.per_token(high - low)
    best: tuple[int, S] | None = None
    count, ceiling = min(max(1, guess), tile.tokens), tile.tokens + 1  # `ceiling` is known not to fit
    tries = 0
    while (best[0] if best else 0) < count < ceiling:
        piece = encode(Tile(low, high, start, start + count))
        tries += 1
        fits = piece.size <= limit
        spare = (limit - piece.size) / per_token  # [tokens], negative if it does not fit
        if fits:
            best, count = (count, piece), min(count + int(spare), ceiling - 1)
        else:
            ceiling, count = count, max(min(count - 1, count + int(spare)), count // 2 if best is None else best[0] + 1)
        if best and tries >= TRIES:
            break
    return best


def _fitting(piece: S, limit: int) -> S:
    """Raises WireError where the smallest tile is too large."""
    if piece.size > limit:
        raise WireError(f"oversized: one layer of one token takes {piece.size} bytes, a chunk at most {limit}")
    return piece


def _bounded(pieces: Iterator[S], limit: int) -> list[S]:
    found: list[S] = []
    for piece in pieces:
        found.append(piece)
        if len(found) > MAX_CHUNKS:
            raise WireError(f"oversized: more than {MAX_CHUNKS} chunks of {limit} bytes")
    return found
