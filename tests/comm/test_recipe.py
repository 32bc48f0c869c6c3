"""Recipes as bytes: golden ones, what comes back, how many there are, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laco.comm import WireError, packing, recipe
from laco.comm.recipe import Ingredients, pack, unpack

GOLDEN_TEXT = "010301000009598d000000020204020a0000"
GOLDEN_MIXED = "010401020a0003050202003c00c000000038010a03020d020d0302060201"


def text(ids: list[int], **changes: Any) -> Ingredients:
    count = len(ids)
    whole: dict[str, Any] = {
        "ids": np.array(ids), "embeds": np.zeros((0, 0), np.float32), "positions": np.arange(count)[None],
        "kept": np.ones(count, bool), "layers": (0,),
    }  # fmt: skip
    return Ingredients(**(whole | changes))


def mixed() -> Ingredients:
    return text(
        [5, -1, 0, -1], embeds=np.array([[1.0, -2.0], [0.0, 0.5]], np.float32), layers=(1, 2), steps=2,
        positions=np.array([[5, 3, 4, -3]]), kept=np.array([True, False, True, True]), realign="ridge",
    )  # fmt: skip


def same(one: Ingredients, two: Ingredients) -> None:
    for name in ("ids", "positions", "kept"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    assert one.embeds.tolist() == two.embeds.tolist()
    assert (one.layers, one.steps, one.realign) == (two.layers, two.steps, two.realign)


@pytest.mark.parametrize(
    ("made", "golden"),
    [(text([345, 70, 0], layers=(1, 3), kept=np.array([False, True, False])), GOLDEN_TEXT), (mixed(), GOLDEN_MIXED)],
)
def test_golden_bytes(made: Ingredients, golden: str) -> None:
    assert pack(made, half=True).hex() == golden
    same(unpack(bytes.fromhex(golden)), made)


@given(st.data())
def test_comes_back(data: Any) -> None:
    count = data.draw(st.integers(1, 60))
    ids = np.array(data.draw(st.lists(st.integers(-1, 2**32 - 1), min_size=count, max_size=count)))
    axes = data.draw(st.integers(1, 4))
    span = st.lists(st.integers(-(2**31), 2**31), min_size=count * axes, max_size=count * axes)
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    embedded = int((ids < 0).sum())
    embeds = data.draw(st.lists(numbers, min_size=3 * embedded, max_size=3 * embedded))
    made = text(
        ids.tolist(),
        embeds=np.array(embeds, np.float32).reshape(embedded, 3) if embedded else np.zeros((0, 0), np.float32),
        positions=np.array(data.draw(span)).reshape(axes, count),
        kept=np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count))),
        layers=tuple(sorted(data.draw(st.sets(st.integers(0, 511), min_size=1)))),
        steps=data.draw(st.integers(0, 256)),
        realign=data.draw(st.sampled_from(recipe.REALIGNS)),
    )
    same(unpack(pack(made)), made)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_recipe_or_refused(data: bytes) -> None:
    for start in (b"", b"\x01", bytes.fromhex(GOLDEN_MIXED)[:8]):
        try:
            assert len(unpack(start + data).ids) >= 1
        except WireError as error:
            assert str(error)


def test_every_truncation_is_refused() -> None:
    for golden in (GOLDEN_TEXT, GOLDEN_MIXED):
        data = bytes.fromhex(golden)
        for end in range(len(data)):
            with pytest.raises(WireError, match="truncated"):
                unpack(data[:end])
        with pytest.raises(WireError, match="1 bytes too many"):
            unpack(data + b"\0")


def test_prose_takes_the_bits_of_its_ids() -> None:
    ids = np.random.default_rng(0).integers(0, 49152, 500).tolist()
    assert len(pack(text(ids))) == 1 + 3 + 1 + 2 + 1000 + 1 + 1 + 2 + 2


def test_repetition_is_deflated() -> None:
    ids = [40_000, 13, 17_000, 25] * 125
    assert len(pack(text(ids))) < 100
    same(unpack(pack(text(ids))), text(ids))


def test_masks_choose_their_form() -> None:
    def size(values: list[bool]) -> int:
        return len(packing.mask(np.array(values)))

    assert size([True] * 900) == size([False] * 900) == 1
    assert size([False] * 500 + [True] * 10) == 1 + 3
    assert size([True, False] * 40) == 1 + 10


def test_half_halves_the_embeddings() -> None:
    embeds = np.linspace(-3, 3, 40, dtype=np.float32).reshape(2, 20)
    made = text([7, -1, -1], embeds=embeds)
    exact, half = pack(made), pack(made, half=True)
    assert len(exact) - len(half) == 2 * 40
    assert np.array_equal(unpack(exact).embeds, embeds)
    assert abs(unpack(half).embeds - embeds).max() < 2e-3
    assert unpack(pack(text([-1], embeds=np.array([[1e6]], np.float32)), half=True)).embeds.tolist() == [[65504.0]]


def start(count: int = 1, axes: int = 1, version: int = 1) -> bytes:
    return bytes((version,)) + packing.varints((count, axes))


PLAIN = b"\x00" + b"\x00\x00"  # no embeddings, a packed list of width 0


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (start(version=2), "recipe version 2"),
        (start(0), "number of tokens is 0"),
        (start(1 << 13 | 1), "number of tokens"),
        (start(1, 5), "number of axes"),
        (start() + b"\xff" * 9, "form of a mask"),
        (b"\x01" + b"\xff" * 9, "too long a number"),
        (start() + b"\x00\x02", "form of a list"),
        (start() + b"\x00\x00\x21", "width of a list"),
        (start() + b"\x00\x01\x02\xff\xff", "damaged"),
        (start() + b"\x01\x00\x00" + packing.varint(1 << 17) + b"\x04", "width of embeddings"),
        (start() + b"\x01\x00\x00\x01\x03", "numbers of 3 bytes"),
        (start(1 << 13) + b"\x01\x00\x00" + packing.varint(1 << 14) + b"\x04", "oversized: 8192 embeddings"),
        (start() + b"\x01\x00\x00\x01\x04\x00\x00\xc0\x7f", "NaN or infinity"),
        (start() + PLAIN + b"\x02", "form of positions"),
        (start(8) + b"\x03\x00\x00", "a run of a mask"),
        (start(8) + b"\x03\x09", "a run of a mask"),
        (start(2) + PLAIN + b"\x01" + packing.varints([1 << 34, 1 << 34]), "a position beyond"),
        (start() + PLAIN + b"\x00\x01" + packing.varint(513), "number of layers"),
        (start() + PLAIN + b"\x00\x01\x01\x00\x00\x00", "without layers"),
        (start() + PLAIN + b"\x00\x01\x01\x01" + packing.varint(257), "number of steps"),
        (start() + PLAIN + b"\x00\x01\x01\x01\x00\x02", "the realignment"),
    ],
)
def test_refused_with_its_reason(data: bytes, why: str) -> None:
    with pytest.raises(WireError, match=why):
        unpack(data)


def test_a_bomb_is_not_inflated() -> None:
    import zlib

    bomb = zlib.compress(bytes(10_000_000), 9)[2:-4]
    data = start(4) + b"\x00\x01" + packing.varint(len(bomb)) + bomb
    with pytest.raises(WireError, match="longer than it says"):
        unpack(data)
