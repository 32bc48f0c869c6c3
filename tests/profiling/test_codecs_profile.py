"""Rate, distortion and speed of codecs on small caches."""

import math
from pathlib import Path

import pytest
import torch

from laco import Backbone
from laco.comm.codecs import available
from laco.errors import ConfigError
from laco.method.cache import KVCache, LayerKV
from laco.profiling.codecs import Sample, divergence, measure, rebuilt
from laco.profiling.samples import of_model, of_vector


@pytest.fixture(scope="module")
def cache() -> KVCache:
    drawn = torch.randn(2, 2, 4, 32, 16, generator=torch.Generator().manual_seed(0))
    return KVCache(tuple(LayerKV(k, v) for k, v in drawn), (0, 1), torch.arange(32)[None])


def test_rates_are_those_of_the_buffers(cache: KVCache) -> None:
    fp32, fp16, int8 = measure([Sample(cache)], ["fp32", "fp16", "int8"], turns=1)
    per_token = 2 * 2 * 4 * 16  # keys and values, layers, heads, dims
    assert (fp32.bytes_per_token, fp16.bytes_per_token) == (4 * per_token, 2 * per_token)
    assert (fp32.ratio, fp16.ratio) == (0.5, 1.0)
    scales = 2 * (2 * 4 * 16 + 2 * 4 * 32) / 32  # bfloat16: keys per channel, values per token
    assert int8.bytes_per_token == per_token + scales
    assert fp32.error == 0.0
    assert 0.0 < fp16.error < 2**-11 < int8.error < 0.01
    assert fp16.kl is None
    assert all(p.encode_mb_s > 0 and p.decode_mb_s > 0 and p.note == "" for p in (fp32, fp16, int8))
    assert fp16.overhead_per_token > 1.0


def test_a_codec_that_cannot_says_why_and_the_others_go_on(cache: KVCache) -> None:
    broken = KVCache((LayerKV(torch.full((1, 2, 4), math.nan), torch.zeros(1, 2, 4)),), (0,), torch.arange(2)[None])
    told: list[str] = []
    first, second = measure([Sample(broken)], ["fp32", "int8"], progress=told.append)
    assert "NaN" in first.note
    assert "NaN" in second.note
    assert first.bytes_per_token is None
    assert told == ["fp32", "int8"]


def test_divergence_by_hand() -> None:
    even, odd = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()
    assert divergence(even, even).tolist() == [0.0]
    by_hand = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert divergence(even, odd).item() == pytest.approx(by_hand, rel=1e-5)


def test_the_listener_of_a_language_model_hears_the_loss(llm_folder: Path) -> None:
    samples = of_model(Backbone.load(str(llm_folder)), 2)
    points = {p.codec: p for p in measure(samples, available(), turns=1)}
    assert points["fp32"].kl == pytest.approx(0.0, abs=1e-9)
    assert points["fp32"].kl_tokens > 50
    assert 0.0 < points["fp16"].kl < points["int8"].kl
    again = of_model(Backbone.load(str(llm_folder)), 2)
    assert torch.equal(again[1].cache.layers[0].keys, samples[1].cache.layers[0].keys)
    assert not torch.equal(samples[0].cache.positions, samples[1].cache.positions)


def test_the_built_in_driver_has_caches_but_no_vocabulary() -> None:
    samples = of_vector(3)
    assert len(samples) == 3
    assert all(s.answer is None and s.fingerprint for s in samples)
    with pytest.raises(ConfigError, match="at least one"):
        of_vector(0)


def test_rebuilt_keeps_layers_and_dtype(cache: KVCache) -> None:
    keys, values = (torch.stack([layer[i] for layer in cache.layers]).double() for i in (0, 1))
    made = rebuilt(cache, keys, values)
    assert made.dtype == cache.dtype
    assert made.layer_ids == cache.layer_ids
    assert torch.equal(made.layers[1].values, cache.layers[1].values)
