"""KVCache: its shapes, and what can be done with it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from laco import KVCache
from laco.errors import ConfigError
from laco.method.cache import LayerKV
from laco.method.rotary import rotate


def cache(tokens: int = 6, layer_ids: tuple[int, ...] = (0, 2), first: int = 0, width: int = 4) -> KVCache:
    generator = torch.Generator().manual_seed(tokens)
    layers = tuple(
        (
            torch.randn(2, tokens, width, generator=generator),
            torch.randn(2, tokens, width, generator=generator),
        )
        for _ in layer_ids
    )
    return KVCache(layers, layer_ids, torch.arange(first, first + tokens)[None])  # type: ignore[arg-type]


def test_numbers() -> None:
    kv = cache()
    assert (kv.num_tokens, kv.kv_heads, kv.head_dim, kv.dtype) == (6, 2, 4, torch.float32)
    assert kv.nbytes == 2 * 2 * 2 * 6 * 4 * 4
    assert kv.to(torch.float16).nbytes == kv.nbytes // 2
    assert kv.to(torch.float16).positions.dtype == torch.int64
    assert kv.to("cpu").dtype == torch.float32


def test_select_and_cut() -> None:
    part = cache().select([1, 4]).cut([2])
    assert part.layer_ids == (2,)
    assert part.positions.tolist() == [[1, 4]]
    assert torch.equal(part.layers[0].keys, cache().layers[1].keys[:, [1, 4]])
    assert torch.equal(part.layers[0].values, cache().layers[1].values[:, [1, 4]])
    empty = cache().select([])
    assert (empty.num_tokens, empty.nbytes) == (0, 0)


@given(st.lists(st.integers(0, 5), max_size=8), st.sets(st.sampled_from([0, 2]), min_size=1))
def test_select_and_cut_commute(tokens: list[int], ids: set[int]) -> None:
    one, two = cache().select(tokens).cut(sorted(ids)), cache().cut(sorted(ids)).select(tokens)
    assert one.layer_ids == two.layer_ids
    assert one.nbytes == two.nbytes == len(tokens) * len(ids) * 2 * 2 * 4 * 4
    assert all(
        torch.equal(a, b)
        for x, y in zip(one.layers, two.layers, strict=True)
        for a, b in zip(x, y, strict=True)
    )


@given(st.integers(1, 5))
def test_concatenate_puts_pieces_together(at: int) -> None:
    whole = cache()
    again = KVCache.concatenate([whole.select(range(at)), whole.select(range(at, 6))])
    assert torch.equal(again.positions, whole.positions)
    assert all(torch.equal(a.keys, b.keys) for a, b in zip(again.layers, whole.layers, strict=True))
    assert all(torch.equal(a.values, b.values) for a, b in zip(again.layers, whole.layers, strict=True))


INV_FREQ = torch.tensor([1.0, 0.1])


@given(st.integers(-500, 500), st.integers(-500, 500))
def test_rotations_add_up(one: int, two: int) -> None:
    kv = cache()
    twice = kv.rerotate(INV_FREQ, shift=one).rerotate(INV_FREQ, shift=two)
    once = kv.rerotate(INV_FREQ, positions=kv.positions + one + two)
    assert torch.equal(twice.positions, once.positions)
    torch.testing.assert_close(twice.layers[0].keys, once.layers[0].keys, atol=1e-5, rtol=1e-5)
    assert torch.equal(twice.layers[0].values, kv.layers[0].values)


def test_rotation_by_hand() -> None:
    keys = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
    out = rotate(keys, torch.tensor([2]), INV_FREQ)[0, 0]
    pairs = [complex(1, 3), complex(2, 4)]
    turned = [
        pair * torch.exp(torch.tensor(1j * 2 * f)).item() for pair, f in zip(pairs, [1.0, 0.1], strict=True)
    ]
    expected = [turned[0].real, turned[1].real, turned[0].imag, turned[1].imag]
    torch.testing.assert_close(out, torch.tensor(expected), atol=1e-6, rtol=1e-6)


def test_rotation_keeps_the_dtype_and_single_tokens_move_alone() -> None:
    kv = cache().to(torch.bfloat16)
    moved = kv.rerotate(INV_FREQ, positions=torch.tensor([0, 1, 2, 3, 4, 9]))
    assert moved.dtype == torch.bfloat16
    assert torch.equal(moved.layers[0].keys[:, :5], kv.layers[0].keys[:, :5])
    assert not torch.equal(moved.layers[0].keys[:, 5], kv.layers[0].keys[:, 5])


def test_detach() -> None:
    kv = cache()
    keys = kv.layers[0].keys.requires_grad_()
    assert KVCache((LayerKV(keys, keys),), (0,), kv.positions).detach().layers[0].keys.requires_grad is False


KV = torch.zeros(2, 3, 4)
AT = torch.arange(3)[None]


@pytest.mark.parametrize(
    ("layers", "ids", "positions", "text"),
    [
        ((), (), AT, "one number per layer"),
        (((KV, KV),), (0, 1), AT, "one number per layer"),
        (((KV, KV), (KV, KV)), (1, 1), AT, "ascending"),
        (((KV, KV),), (-1,), AT, "ascending"),
        (((KV, KV),), (0,), AT[0], "positions must be int64"),
        (((KV, KV),), (0,), AT.float(), "positions must be int64"),
        (((KV, KV),), (0,), AT[:, :2], "2 tokens"),
        (((KV[0], KV[0]),), (0,), AT, "keys must be"),
        (((KV.long(), KV.long()),), (0,), AT, "keys must be floating"),
        (((KV, KV[:, :, :2]),), (0,), AT, "layer 0: values"),
        (((KV, KV), (KV.half(), KV)), (0, 3), AT, "layer 3: keys"),
    ],
)
def test_construction_errors(
    layers: tuple[tuple[Tensor, Tensor], ...], ids: tuple[int, ...], positions: Tensor, text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        KVCache(layers, ids, positions)  # type: ignore[arg-type]


def test_operation_errors() -> None:
    kv = cache()
    for indices in ([6], [-1], [0.5], [[0]]):
        with pytest.raises(ConfigError, match="token indices"):
            kv.select(indices)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"carries layers \(0, 2\)"):
        kv.cut([1])
    with pytest.raises(ConfigError, match="ascending"):
        kv.cut([2, 0])
    with pytest.raises(ConfigError, match="no cache"):
        KVCache.concatenate([])
    with pytest.raises(ConfigError, match="layer_ids"):
        KVCache.concatenate([kv, cache(layer_ids=(0,))])
    with pytest.raises(ConfigError, match="dtype"):
        KVCache.concatenate([kv, kv.to(torch.float16)])
    with pytest.raises(ConfigError, match="either"):
        kv.rerotate(INV_FREQ)
    with pytest.raises(ConfigError, match="either"):
        kv.rerotate(INV_FREQ, shift=1, positions=kv.positions)
    with pytest.raises(ConfigError, match="as many positions"):
        kv.rerotate(INV_FREQ, positions=torch.arange(4))
    with pytest.raises(ConfigError, match="do not fit"):
        kv.rerotate(torch.ones(3), shift=1)
    with pytest.raises(ConfigError, match="1 rotary axes do not fit positions of 3"):
        KVCache(kv.layers, kv.layer_ids, kv.positions.expand(3, -1)).rerotate(INV_FREQ, shift=1)
