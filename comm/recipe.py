"""A recipe as bytes: what entered a network, for a receiver that recomputes its first layers (docs/method.md).

The bytes travel as a message of kind `RECIPE`; `docs/wire.md` gives their order. No pickle, no names: a
500-token text takes some hundred bytes. Plain arrays on both sides; what they mean is `laco.method.recompute`'s.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from laco.comm.message import MAX_AXES, MAX_LAYERS, MAX_PAYLOAD, MAX_POSITION, Buffer
from laco.comm.packing import Ints, Mask, Reader, ints, mask, unzigzag, varint, varints, zigzag
from laco.errors import WireError

RECIPE = "recipe"
"""The kind of a message that carries one."""
VERSION = 1
# Hard limits, each checked before anything of that size is allocated. They also bound what a message can make
# its receiver compute.
MAX_TOKENS = 1 << 13
MAX_STEPS = 256
MAX_WIDTH = 1 << 16
REALIGNS = ("identity", "ridge")  # by their number on the wire
WIDTHS = {2: np.dtype("<f2"), 4: np.dtype("<f4")}


@dataclass(frozen=True, eq=False)
class Ingredients:
    """n tokens and what is meant of them.

    ids: [n], -1 where an embedding travels instead. embeds: [k, width], of those, in order.
    positions: [axes, n]. kept: [n]. layers: ascending layer numbers.
    steps: latent steps the receiver takes itself. realign: how, one of REALIGNS.
    """

    ids: Ints
    embeds: NDArray[np.float32]
    positions: Ints
    kept: Mask
    layers: tuple[int, ...]
    steps: int = 0
    realign: str = "identity"


def pack(recipe: Ingredients, *, half: bool = False) -> bytes:
    """The recipe's bytes. half: embeddings in float16 instead of float32. Raises WireError where a reader would."""
    layers = np.isin(np.arange(recipe.layers[-1] + 1), recipe.layers)
    embedded = recipe.ids < 0
    parts = (
        bytes((VERSION,)),
        varints((len(recipe.ids), len(recipe.positions))),
        mask(embedded),
        ints(recipe.ids[~embedded]),
        _embeds(recipe.embeds, 2 if half else 4),
        _positions(recipe.positions),
        mask(recipe.kept),
        varint(len(layers)) + mask(layers),
        varint(recipe.steps) + bytes((REALIGNS.index(recipe.realign),)),
    )
    data = b"".join(parts)
    unpack(data)  # what we send is what a reader takes
    return data


def unpack(data: Buffer) -> Ingredients:
    """The recipe in its bytes. Raises WireError, and nothing else, for bytes that are none."""
    reader = Reader(data)
    if (version := reader.byte("the version")) != VERSION:
        raise WireError(f"recipe version {version}, this reader takes {VERSION}")
    count = reader.varint("the number of tokens", 1, MAX_TOKENS)
    axes = reader.varint("the number of axes", 1, MAX_AXES)
    embedded = reader.mask(count)
    ids = np.full(count, -1, np.int64)
    ids[~embedded] = reader.ints(int((~embedded).sum()))
    embeds = _read_embeds(reader, int(embedded.sum()))
    positions = _read_positions(reader, axes, count)
    kept = reader.mask(count)
    layers = np.flatnonzero(reader.mask(reader.varint("the number of layers", 1, MAX_LAYERS)))
    steps = reader.varint("the number of steps", 0, MAX_STEPS)
    realign = REALIGNS[reader.byte("the realignment", len(REALIGNS))]
    reader.end()
    if not len(layers):
        raise WireError("damaged: a recipe without layers")
    return Ingredients(ids, embeds, positions, kept, tuple(layers.tolist()), steps, realign)


def _embeds(embeds: NDArray[np.float32], size: int) -> bytes:
    """Width, bytes a number, and the numbers; nothing at all where there is no embedding."""
    if not len(embeds):
        return b""
    if size == 2:
        limit = float(np.finfo(np.float16).max)
        embeds = embeds.clip(-limit, limit)
    return varint(embeds.shape[1]) + bytes((size,)) + embeds.astype(WIDTHS[size]).tobytes()


def _read_embeds(reader: Reader, count: int) -> NDArray[np.float32]:
    if not count:
        return np.zeros((0, 0), np.float32)
    width = reader.varint("the width of embeddings", 1, MAX_WIDTH)
    size = reader.byte("the size of a number")
    if size not in WIDTHS:
        raise WireError(f"damaged: numbers of {size} bytes")
    if count * width * 4 > MAX_PAYLOAD:
        raise WireError(f"oversized: {count} embeddings of {width}")
    raw = np.frombuffer(reader.take(count * width * size), WIDTHS[size])
    embeds = raw.astype(np.float32).reshape(count, width)
    if not np.isfinite(embeds).all():
        raise WireError("damaged: embeddings hold NaN or infinity")
    return embeds


def _positions(positions: Ints) -> bytes:
    """0 where every axis counts from 0, else 1 and per axis the differences."""
    if (positions == np.arange(positions.shape[1])).all():
        return bytes((0,))
    steps = np.diff(positions, axis=1, prepend=0).reshape(-1)
    return bytes((1,)) + varints(map(zigzag, steps.tolist()))


def _read_positions(reader: Reader, axes: int, count: int) -> Ints:
    if not reader.byte("the form of positions", 2):
        return np.tile(np.arange(count), (axes, 1))
    steps = [unzigzag(reader.varint("a position")) for _ in range(axes * count)]
    positions: Ints = np.array(steps, np.int64).reshape(axes, count).cumsum(1)
    if abs(positions).max() > MAX_POSITION:
        raise WireError(f"damaged: a position beyond {MAX_POSITION}")
    return positions
