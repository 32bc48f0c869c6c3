"""Caches that must not be attended to, each refused with its reason; sound ones pass."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from laco import Backbone, KVCache, attribute, deliberate, infer, share
from laco.errors import CacheError, ConfigError, LacoError
from laco.method.cache import LayerKV
from laco.method.soundness import SLACK, Bounds, check, norms


def message(backbone: Backbone, layers: tuple[int, ...] = (0, 2)) -> KVCache:
    trace = deliberate(backbone, [5, 9, 2, 30, 7], 2)
    return share(trace, attribute(trace, 1.0), layers=layers)


def changed(part: KVCache, layer: int, which: int, value: float | None = None, factor: float = 1.0) -> KVCache:
    """One number of one layer replaced, or the whole layer scaled."""
    layers = [[tensor.clone() for tensor in kv] for kv in part.layers]
    if value is not None:
        layers[layer][which][1, 2, 3] = value
    layers[layer][which] *= factor
    return KVCache(tuple(LayerKV(*kv) for kv in layers), part.layer_ids, part.positions)


def test_what_the_same_model_says_is_sound(untied: Backbone) -> None:
    bounds = Bounds.of(infer(untied, [4, 8, 15, 16, 23, 42]).cache)
    part = message(untied)
    check(part, untied, bounds)
    check(part.rerotate(untied.inv_freq, shift=500), untied, bounds)
    check(part.select([]), untied, bounds)
    check(part, untied)


def test_bounds_are_the_own_norms_with_slack(untied: Backbone) -> None:
    cache = infer(untied, [4, 8, 15]).cache
    bounds = Bounds.of(cache)
    by_hand = max(math.sqrt(sum(x * x for x in head)) for token in cache.layers[3].keys.tolist() for head in token)
    assert float(bounds.keys[3]) == pytest.approx(SLACK * by_hand)
    assert bounds.values.shape == (untied.num_layers,)
    check(cache, untied, Bounds.of(cache, slack=1.0))
    with pytest.raises(ConfigError, match="slack"):
        Bounds.of(cache, slack=0.5)
    with pytest.raises(ConfigError, match="tokens"):
        Bounds.of(cache.select([]))


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38])
def test_no_numbers(untied: Backbone, which: int, value: float) -> None:
    name = ("keys", "values")[which]
    with pytest.raises(CacheError, match=f"layer 2: {name} hold NaN"):
        check(changed(message(untied), 1, which, value), untied)


@pytest.mark.parametrize("which", [0, 1])
def test_exploding_norms(untied: Backbone, which: int) -> None:
    part = message(untied)
    bounds = Bounds.of(infer(untied, [4, 8, 15, 16, 23, 42]).cache)
    factor = 1.01 * float((bounds.keys, bounds.values)[which][2] / norms(part)[which][1])
    check(changed(part, 1, which, factor=0.98 * factor), untied, bounds)
    with pytest.raises(CacheError, match=rf"layer 2: {('keys', 'values')[which]} have norms up to .*, sound are"):
        check(changed(part, 1, which, factor=factor), untied, bounds)


def of(heads: int = 2, width: int = 10, axes: int = 1, layer: int = 0) -> KVCache:
    kv = torch.zeros(heads, 3, width)
    return KVCache((LayerKV(kv, kv),), (layer,), torch.zeros(axes, 3, dtype=torch.int64))


@pytest.mark.parametrize("change", [{"heads": 3}, {"width": 8}, {"axes": 3}, {"layer": 5}])
def test_wrong_shapes(untied: Backbone, change: dict[str, int]) -> None:
    check(of(), untied)
    with pytest.raises(CacheError, match="wrong shape for this model"):
        check(of(**change), untied)


def test_it_is_one_of_ours() -> None:
    assert issubclass(CacheError, LacoError)


def test_half_precision(build: Callable[..., Backbone]) -> Any:
    """Norms are taken in float32: squares of what float16 holds do not fit into it."""
    backbone = build("untied")
    backbone.model.half()
    kv = torch.full((2, 3, 10), 300.0, dtype=torch.float16)
    part = KVCache((LayerKV(kv, kv),), (0,), torch.arange(3)[None])
    check(part, backbone)
    assert float(norms(part)[0]) == pytest.approx(300 * math.sqrt(10))
