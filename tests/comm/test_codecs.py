"""Every codec of the list, through the same matrix."""

import pytest
import torch
from torch import Tensor

from laco.comm import WireError, decode, encode
from laco.comm.codecs import find, general
from laco.method.cache import KVCache, LayerKV

# Largest relative error on Gaussian data, and payload bytes of 2 layers x 4 heads x 16 tokens x 32.
# No codec that compresses has a size that could be told beforehand.
BOUNDS: dict[str, tuple[float, int | None]] = {
    "fp32": (0.0, 32768),
    "fp16": (3e-4, 16384),
    "fp8": (0.03, 8224),
    "int8": (0.01, 8960),
    "int4": (0.11, 5632),
    "int2": (0.55, 3584),
    "fast": (0.13, 5632),
    "entropy": (0.09, None),
    "zstd": (3e-4, None),
}


def relative_error(sent: KVCache, heard: KVCache) -> float:
    pairs = zip(sent.layers, heard.layers, strict=True)
    errors = [(a - b).norm() / a.norm() for ours, theirs in pairs for a, b in zip(ours, theirs, strict=True)]
    return float(max(errors))


def of(keys: Tensor, values: Tensor) -> KVCache:
    return KVCache((LayerKV(keys, values),), (0,), torch.arange(keys.shape[1])[None])


def test_every_codec_has_a_bound() -> None:
    assert set(BOUNDS) == set(general())


@pytest.mark.parametrize("name", general())
class TestEveryCodec:
    @pytest.mark.parametrize("axes", [1, 3])
    @pytest.mark.parametrize("tokens", [0, 1, 2, 16, 300])
    def test_comes_back(self, name, tokens, axes, make_cache) -> None:
        sent = make_cache(tokens=tokens, axes=axes)
        heard = decode(encode(sent, name))
        assert heard.layer_ids == sent.layer_ids
        assert torch.equal(heard.positions, sent.positions)
        assert heard.layers[1].keys.shape == sent.layers[1].keys.shape
        assert heard.dtype is torch.float32
        if tokens:
            assert relative_error(sent, heard) <= BOUNDS[name][0]

    def test_size(self, name, make_cache) -> None:
        if BOUNDS[name][1] is None:
            pytest.skip("its size depends on the numbers")
        (chunk,) = encode(make_cache(), name)
        assert sum(len(buffer) for buffer in chunk.buffers) == BOUNDS[name][1]

    def test_many_tokens(self, name, make_cache) -> None:
        sent = make_cache(layers=1, heads=1, tokens=8192, dim=16)
        assert relative_error(sent, decode(encode(sent, name))) <= BOUNDS[name][0]

    @pytest.mark.parametrize("value", [0.0, -0.0, 1.0, -7.25, 1e-3, 65504.0])
    def test_constant(self, name, value) -> None:
        sent = of(torch.full((2, 5, 8), value), torch.full((2, 5, 8), value))
        heard = decode(encode(sent, name)).layers[0]
        for tensor in heard:
            assert torch.allclose(tensor, torch.full_like(tensor, value), rtol=0.01, atol=0.0)

    @pytest.mark.parametrize("value", [1e6, 1e30, 3.4e38, 3.4028234e38, 1e-30, 1e-40])
    def test_extremes_stay_finite(self, name, value, make_cache) -> None:
        keys = make_cache(layers=1).layers[0].keys.clamp(-1, 1) * value
        heard = decode(encode(of(keys, keys.neg()), name)).layers[0]
        assert all(torch.isfinite(tensor).all() for tensor in heard)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    @pytest.mark.parametrize("where", [0, 1])
    def test_refuses_what_is_no_number(self, name, value, where, make_cache) -> None:
        sent = make_cache()
        sent.layers[1][where][0, 3, 5] = value
        with pytest.raises(WireError, match="NaN or infinity"):
            encode(sent, name)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_other_dtypes(self, name, dtype, make_cache) -> None:
        sent = make_cache()
        heard = decode(encode(sent.to(dtype), name))
        assert heard.dtype is torch.float32
        assert relative_error(sent, heard) <= max(0.012, 1.1 * BOUNDS[name][0])

    def test_shares_no_storage(self, name, make_cache) -> None:
        sent = make_cache(layers=1)
        chunks = encode(sent, name)
        before = chunks[0].tobytes()
        sent.layers[0].keys.zero_()
        decode(chunks).layers[0].keys.zero_()
        assert chunks[0].tobytes() == before


def test_fp32_is_exact_to_the_bit() -> None:
    keys = torch.tensor([-0.0, 1e-45, 3.4028235e38, 1 / 3]).reshape(1, 2, 2)
    heard = decode(encode(of(keys, keys), "fp32")).layers[0].keys
    assert torch.equal(heard.view(torch.int32), keys.view(torch.int32))


def test_fp16_saturates() -> None:
    keys = torch.tensor([[[1e9, -1e9]]])
    assert decode(encode(of(keys, keys), "fp16")).layers[0].keys.tolist() == [[[65504.0, -65504.0]]]


def test_int8_keys_have_a_scale_per_channel(make_cache) -> None:
    keys, values = make_cache(layers=1).layers[0]
    keys = keys * torch.logspace(-3, 3, 32)  # channels of very different size
    values = values * torch.logspace(-3, 3, 16)[:, None]  # tokens of very different size
    heard = decode(encode(of(keys, values), "int8")).layers[0]
    assert float(((heard.keys - keys).norm(dim=1) / keys.norm(dim=1)).max()) < 0.015
    assert float(((heard.values - values).norm(dim=2) / values.norm(dim=2)).max()) < 0.015


def test_int8_error_is_at_most_half_a_step(make_cache) -> None:
    """Also of the largest number of a group: rounded down, a scale puts it beyond the last level."""
    keys = make_cache(layers=1, heads=1, tokens=7, dim=4096).layers[0].keys
    heard = decode(encode(of(keys, keys), "int8")).layers[0].keys
    step = keys.abs().amax(dim=1, keepdim=True) / 127 * (1 + 2**-8)
    assert float(((heard - keys).abs() / step).max()) <= 0.501


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), 3e38])
def test_int8_scales_must_be_numbers(scale) -> None:
    shape = (1, 1, 1, 2)
    codec = find("int8")
    buffers = list(codec.encode(torch.ones(shape), torch.ones(shape)))
    buffers[2] = torch.tensor([scale], dtype=torch.bfloat16).view(torch.uint8).numpy().tobytes()
    with pytest.raises(WireError, match="NaN or infinity"):
        codec.decode(shape, buffers)


def test_unknown_codec_names_the_known(make_cache) -> None:
    with pytest.raises(WireError, match="unknown codec 'int9'; known are fp32, fp16, fp8, int8"):
        encode(make_cache(), "int9")
