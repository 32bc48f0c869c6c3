"""`int4`, `int2` and `fast`: their layout written down again from docs/wire.md, their groups, and compiled code."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from laco.comm import WireError
from laco.comm.codecs import Codec, Origin, find
from laco.comm.codecs.extra import OFF
from laco.comm.codecs.fast import Fast
from laco.comm.codecs.grouped import Groups

BITS = {"int4": (4, 64, 16), "int2": (2, 32, 16), "fast": (4, 64, 50)}  # bits, group, tokens from which keys group
SHAPES = [
    (1, 1, 1, 1), (1, 2, 1, 64), (2, 1, 2, 33), (1, 2, 15, 64), (2, 2, 16, 24), (1, 1, 17, 80), (1, 2, 49, 63),
    (1, 1, 50, 96), (2, 1, 97, 64), (1, 1, 129, 128), (3, 1, 200, 7),
]  # fmt: skip


def normal(shape: tuple[int, ...], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=made) + 1, 3 * torch.randn(shape, generator=made)


def read_by_the_book(name: str, shape: tuple[int, ...], buffers: tuple[bytes, ...]) -> list[np.ndarray]:
    """Another reader, number by number, of a chunk without a first token."""
    bits, about, few = BITS[name]
    layers, heads, tokens, dim = shape
    found = []
    for side in (0, 1):
        along_tokens = side == 0 and tokens >= few
        size = tokens if along_tokens else dim
        length = math.ceil(size / max(1, size // about))
        many = math.ceil(size / length)
        counts = (many, dim) if along_tokens else (tokens, many)
        groups = np.frombuffer(buffers[2 * side], "<i2").reshape(2, layers, heads, *counts)
        step = (groups[0].astype(np.uint16).astype(np.uint32) << 16).view(np.float32)
        packed = np.frombuffer(buffers[2 * side + 1], np.uint8).reshape(layers, heads, tokens, -1)
        x = np.empty(shape, np.float32)
        for index in np.ndindex(*shape):
            layer, head, t, d = index
            at = (layer, head, t // length, d) if along_tokens else (layer, head, t, d // length)
            byte = int(packed[layer, head, t, d * bits // 8])
            code = (byte >> (d * bits % 8)) & ((1 << bits) - 1)
            x[index] = np.float32(code + groups[1][at] / 16) * step[at]
        found.append(x)
    return found


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize("shape", SHAPES)
def test_another_reader_finds_the_same(name, shape) -> None:
    buffers = find(name).encode(*normal(shape))
    ours = find(name).decode(shape, buffers)
    theirs = read_by_the_book(name, shape, tuple(map(bytes, buffers)))
    for a, b in zip(ours, theirs, strict=True):
        assert np.array_equal(a.numpy(), b)


def test_golden_buffers() -> None:
    """Two tokens, a channel pair: steps and zeros a person can work out."""
    keys = torch.tensor([0.0, 16.0, -4.0, 4.0]).reshape(1, 1, 2, 2)
    stored, packed = (bytes(b).hex() for b in find("int4").encode(keys, keys)[:2])
    # spans 16 and 8 in 16 cells: steps 1 and 0.5 (bfloat16 3f80 and 3f00); zeros 0.5 and -7.5, in sixteenths
    assert stored == "803f003f" + "0800" + "88ff"
    assert packed == "f0" + "f0"
    heard = find("int4").decode((1, 1, 2, 2), tuple(map(bytes, find("int4").encode(keys, keys))))[0]
    assert heard.flatten().tolist() == [0.5, 15.5, -3.75, 3.75]


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize("shape", SHAPES)
def test_error_is_at_most_half_a_step(name, shape) -> None:
    codec, sides = find(name), normal(shape)
    buffers = codec.encode(*sides)
    heard = codec.decode(shape, buffers)
    for side, (axis, groups) in enumerate(codec.groups(shape)):
        stored = torch.frombuffer(bytearray(buffers[2 * side]), dtype=torch.int16)
        step = codec.read(stored.view(2, *shape[:axis], groups.many, *shape[axis + 1 :]))[0]
        error = (heard[side] - sides[side]).abs() / groups.spread(step, axis)
        assert float(error.max()) <= 0.5 + 2**-5 + 2**-4  # zero is rounded to sixteenths, a step to 1/256


@pytest.mark.parametrize("least", [32, 64])
def test_groups_cover_the_axis_and_cost_little(least) -> None:
    for size in (*range(1, 1000), 8191, 8192, 8193, 32768):
        groups = Groups.of(size, least)
        assert (groups.many - 1) * groups.length < size <= groups.many * groups.length
        assert groups.many <= max(1, size / least)
        assert groups.length < 2 * least


@pytest.mark.parametrize(("name", "most"), [("int4", 6.5), ("int2", 5.0), ("fast", 4.6)])
def test_bits_per_number_are_sane_from_one_token_on(name, most) -> None:
    for tokens in (*range(1, 140), 511, 4097):
        size = sum(part.nbytes for part in find(name).layout((2, 3, tokens, 64)))
        assert 8 * size / (2 * 2 * 3 * tokens * 64) <= most


def test_fast_is_three_and_a_half_times_smaller_at_every_length() -> None:
    for tokens in (*range(1, 300), 8192):
        assert 2 * 2 * tokens * 64 / sum(part.nbytes for part in Fast().layout((1, 1, tokens, 64))) >= 3.5


def test_keys_are_grouped_per_channel_and_values_per_token() -> None:
    shape = (1, 2, 64, 32)
    keys, values = normal(shape)
    keys, values = keys * torch.logspace(-3, 3, 32), values * torch.logspace(-3, 3, 64)[:, None]
    heard = find("int4").decode(shape, find("int4").encode(keys, values))
    assert float(((heard[0] - keys).norm(dim=2) / keys.norm(dim=2)).max()) < 0.13
    assert float(((heard[1] - values).norm(dim=3) / values.norm(dim=3)).max()) < 0.13


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize("offset", [100.0, -1000.0, 1e5])
def test_a_group_far_from_zero_keeps_its_shape(name, offset) -> None:
    """Keys of some models have large biases: what varies must survive on top of them."""
    shape = (1, 1, 128, 64)
    keys = torch.randn(shape, generator=torch.Generator().manual_seed(0)) + offset
    heard = find(name).decode(shape, find(name).encode(keys, keys))[0]
    half = max(7 / (1 << BITS[name][0]), abs(offset) / 1024) / 2
    assert float((heard - keys).abs().max()) <= 1.2 * half


@pytest.mark.parametrize("name", ["int4", "int2"])
def test_the_first_token_of_the_sequence_stays_float16(name) -> None:
    shape, codec = (2, 2, 20, 16), find(name)
    keys, values = normal(shape)
    keys[:, :, 3] *= 100  # a sink would spoil the groups of all others
    positions = torch.arange(20)[None] - 3
    origin = Origin("", (0, 1), positions)
    buffers = codec.encode(keys, values, origin)
    assert len(buffers) == 5
    heard = codec.decode(shape, buffers, origin)
    assert torch.equal(heard[0][:, :, 3], keys[:, :, 3].half().float())
    rest = torch.arange(20) != 3
    alone = codec.decode((2, 2, 19, 16), codec.encode(keys[:, :, rest], values[:, :, rest]))
    assert torch.equal(heard[0][:, :, rest], alone[0])
    assert torch.equal(heard[1][:, :, rest], alone[1])
    for other in (Origin(), Origin("", (0, 1), positions + 9)):  # who takes it for another part of a sequence
        with pytest.raises(WireError, match="wrong size"):
            codec.decode(shape, buffers, other)
    assert len(codec.encode(keys, values, Origin("", (0, 1), positions + 9))) == 4


def test_a_nan_in_the_first_token_is_refused() -> None:
    keys, values = normal((1, 1, 4, 8))
    values[0, 0, 0, 0] = math.nan
    with pytest.raises(WireError, match="NaN or infinity"):
        find("int4").encode(keys, values, Origin("", (0,), torch.arange(4)[None]))


# --- compiled code and torch


@pytest.fixture(scope="module")
def slow() -> Codec:
    """`fast` as it is without numba."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OFF, "1")
        made = Fast()
        assert made.kernels is None
    return made


@pytest.fixture(scope="module")
def quick() -> Codec:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(OFF, raising=False)
        made = Fast()
        assert made.kernels is not None
    return made


def test_without_numba_torch_takes_over(monkeypatch) -> None:
    monkeypatch.delenv(OFF, raising=False)
    monkeypatch.setattr("laco.comm.codecs.extra.import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    assert Fast().kernels is None


@pytest.mark.parametrize("shape", [*SHAPES, (1, 1, 0, 8), (2, 3, 700, 64)])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e30, 1e-38, 1e-42])
def test_both_make_and_read_the_same_bytes(shape, scale, slow, quick) -> None:
    keys, values = (x * scale for x in normal(shape))
    keys[..., ::3] = keys[..., :1].clone()  # some groups of equal numbers
    ours, theirs = (tuple(map(bytes, codec.encode(keys, values))) for codec in (quick, slow))
    assert ours == theirs
    for a, b in zip(quick.decode(shape, ours), slow.decode(shape, ours), strict=True):
        assert torch.equal(a.view(torch.int32), b.view(torch.int32))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_both_agree_on_any_bits_at_all(slow, quick, data) -> None:
    """Any 32 bits are put in, and any bytes are read: numbers and refusals are the same."""
    shape = data.draw(st.sampled_from([(1, 1, 3, 5), (1, 1, 60, 2), (1, 2, 1, 70)]))
    count = math.prod(shape)
    raw = data.draw(st.binary(min_size=4 * count, max_size=4 * count))
    x = torch.frombuffer(bytearray(raw), dtype=torch.float32).reshape(shape)
    if data.draw(st.booleans()):
        x = torch.where(torch.isfinite(x), x, torch.zeros_like(x))
    made = [outcome(lambda c=codec: tuple(map(bytes, c.encode(x, x)))) for codec in (quick, slow)]
    assert made[0] == made[1]
    sizes = [part.nbytes for part in quick.layout(shape)]
    buffers = tuple(data.draw(st.binary(min_size=size, max_size=size)) for size in sizes)
    heard = [
        outcome(lambda c=codec: tuple(t.numpy().tobytes() for t in c.decode(shape, buffers))) for codec in (quick, slow)
    ]
    assert heard[0] == heard[1]


def outcome(call):
    try:
        return call()
    except WireError as error:
        return str(error)
