"""The map itself: shapes, positions, and what it refuses."""

import pytest
import torch

from laco import Backbone, KVCache
from laco.distill.adapter.align import read
from laco.distill.adapter.listening import after_hearing, after_reading, opened, spoken
from laco.errors import ConfigError
from laco.method.adapter import LIMIT, CacheAdapter, LayerMap, matched

TEXT = "A taxi near the corner runs into the road."
LAYERS = {1: (1, 2), 2: (2, 3)}


@pytest.fixture
def cache(source: Backbone) -> KVCache:
    return spoken(source, read(source, TEXT), steps=2)


def test_the_result_is_a_cache_of_the_target(source: Backbone, target: Backbone, cache: KVCache) -> None:
    made = CacheAdapter.between(source, target, LAYERS)(cache)
    assert made.layer_ids == (1, 2)
    assert (made.kv_heads, made.head_dim) == (target.kv_heads, target.head_dim)
    assert torch.equal(made.positions, cache.positions[:, 1:])  # without the sender's opening


def test_the_opening_can_be_carried_over(source: Backbone, target: Backbone, cache: KVCache) -> None:
    assert CacheAdapter.between(source, target, LAYERS, first=True)(cache).num_tokens == cache.num_tokens


def test_other_positions_of_the_sender_only_turn_the_result(source: Backbone, target: Backbone, cache: KVCache) -> None:
    adapter = CacheAdapter.between(source, target, LAYERS, first=True).requires_grad_(False)
    here = adapter(cache).rerotate(target.inv_freq, shift=7)
    there = adapter(cache.rerotate(source.inv_freq, shift=7))
    for a, b in zip(here.layers, there.layers, strict=True):
        torch.testing.assert_close(a.keys, b.keys, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(a.values, b.values, rtol=1e-4, atol=1e-5)


def test_the_identity_between_equal_models(target: Backbone) -> None:
    adapter = CacheAdapter.between(target, target, {0: (0,), 2: (2,)}, first=True)
    for layer in adapter.maps:
        assert isinstance(layer, LayerMap)
        torch.nn.init.eye_(layer.linear.weight)
        torch.nn.init.zeros_(layer.linear.bias)
    cache = spoken(target, read(target, TEXT))
    with torch.no_grad():
        made = adapter(cache)
    for number, layer in zip(made.layer_ids, made.layers, strict=True):
        torch.testing.assert_close(layer.keys, cache.layers[number].keys, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(layer.values, cache.layers[number].values, rtol=1e-4, atol=1e-5)


def test_hearing_the_own_cache_of_all_layers_is_reading(target: Backbone) -> None:
    text, own = read(target, TEXT), read(target, "In short: the road")
    heard = spoken(target, text).select(range(1, len(text.ids)))
    hearing = after_hearing(target, heard, own, sink=opened(target, own))
    torch.testing.assert_close(hearing, after_reading(target, text, own), rtol=1e-4, atol=1e-4)


def test_an_outlier_is_held_within_the_limit() -> None:
    layer = LayerMap(2, 3, 1)
    assert layer.standard(torch.tensor([[1e6, -1e6]])).tolist() == [[LIMIT, -LIMIT]]


def test_the_same_seed_gives_the_same_weights_and_leaves_the_generator_alone(
    source: Backbone, target: Backbone
) -> None:
    before = torch.get_rng_state()
    one, two, other = (CacheAdapter.between(source, target, LAYERS, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    name = "maps.0.linear.weight"
    assert torch.equal(one.state_dict()[name], two.state_dict()[name])
    assert not torch.equal(one.state_dict()[name], other.state_dict()[name])


def test_a_cache_of_another_shape_is_refused(source: Backbone, target: Backbone, cache: KVCache) -> None:
    adapter = CacheAdapter.between(source, target, LAYERS)
    with pytest.raises(ConfigError, match=r"the cache lacks \(3,\)"):
        adapter(cache.cut((0, 1, 2)))
    with pytest.raises(ConfigError, match=r"heads, width, axes \(2, 8, 1\), the cache has \(1, 12, 1\)"):
        adapter(spoken(target, read(target, TEXT)))


def test_layers_that_are_not_there_are_refused(source: Backbone, target: Backbone) -> None:
    with pytest.raises(ConfigError, match=r"0\.\.2, not \(3,\)"):
        CacheAdapter.between(source, target, {3: (0,)})
    with pytest.raises(ConfigError, match=r"0\.\.3, not \(4,\)"):
        CacheAdapter.between(source, target, {0: (4,)})
    with pytest.raises(ConfigError, match="ascending"):
        CacheAdapter.between(source, target, {1: (0,), 0: (0,)})


def test_layers_are_matched_by_relative_depth() -> None:
    assert matched(30, 18, (0, 9, 17)) == {0: (0, 1), 9: (15, 16), 17: (28, 29)}
    assert matched(2, 4, (3,), width=1) == {3: (1,)}
