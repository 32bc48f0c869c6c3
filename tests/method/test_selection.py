"""Which tokens and layers are sent: counts, ties and errors."""

import math
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from laco import Backbone, KVCache, attribute, deliberate, share
from laco.errors import ConfigError
from laco.method.counts import part_of
from laco.method.deliberation import Trace


def trace_of(saliency: Tensor, layers: int = 3, steps: int = 2) -> Trace:
    tokens = saliency.shape[1] + steps
    kv = torch.zeros(1, tokens, 2)
    cache = KVCache(((kv, kv),) * layers, tuple(range(layers)), torch.arange(tokens)[None])  # type: ignore[arg-type]
    return Trace(cache, saliency.shape[1], saliency, torch.zeros(1 + steps, 4))


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_exact_fractions_lose_nothing(part: int, total: int) -> None:
    part = min(part, total)
    assert part_of(part / total, total, "keep") == part


@given(st.decimals("0.001", "1", places=3), st.integers(1, 3000))
def test_decimals_mean_what_they_say(fraction: Any, total: int) -> None:
    assert part_of(float(fraction), total, "keep") == math.ceil(Fraction(fraction) * total)


def test_known_counts() -> None:
    assert part_of(0.3, 10, "keep") == 3
    assert part_of(0.07, 100, "keep") == 7
    assert part_of(0.1, 30, "depth") == 3
    assert part_of(0.1, 32, "depth") == 4
    assert part_of(1e-12, 5, "keep") == 1


@given(
    st.integers(1, 40),
    st.integers(1, 4),
    st.floats(0.01, 1.0),
    st.sampled_from(["max", "mean"]),
    st.randoms(),
)
def test_attribute_is_a_sort(tokens: int, steps: int, keep: float, horizon: Any, random: Any) -> None:
    """Coarse scores, so that ties are common."""
    rows = [[random.randrange(4) / 4 for _ in range(tokens)] for _ in range(steps)]
    columns = list(zip(*rows, strict=True))
    score = [max(column) if horizon == "max" else sum(column) / steps for column in columns]
    count = part_of(keep, tokens, "keep")
    best = sorted(range(tokens), key=lambda j: (-round(score[j], 5), j))[:count]
    kept = attribute(trace_of(torch.tensor(rows).round(decimals=4)), keep, horizon=horizon).tolist()
    assert len(kept) == count
    assert kept == sorted(kept)
    if steps in (1, 2, 4) or horizon == "max":  # thirds are not exact, and may break ties
        assert kept == sorted(best)


def test_ties_go_to_the_earlier_token() -> None:
    assert attribute(trace_of(torch.ones(2, 10)), 0.3).tolist() == [0, 1, 2]
    assert attribute(trace_of(torch.tensor([[0.1, 0.5, 0.5, 0.5]])), 0.5).tolist() == [1, 2]


@pytest.mark.parametrize("value", [0.0, -0.1, 1.01, math.nan, math.inf])
def test_fractions_out_of_range(value: float) -> None:
    trace = trace_of(torch.ones(1, 4))
    with pytest.raises(ConfigError, match="keep must be"):
        attribute(trace, value)
    with pytest.raises(ConfigError, match="depth must be"):
        share(trace, [0], depth=value)


def test_horizon_is_checked() -> None:
    with pytest.raises(ConfigError, match="horizon must be one of max, mean"):
        attribute(trace_of(torch.ones(1, 4)), horizon="min")  # type: ignore[arg-type]


@given(st.sets(st.integers(0, 7)), st.integers(1, 10), st.floats(0.01, 1.0), st.integers(0, 3))
def test_share_shapes(kept: set[int], layers: int, depth: float, steps: int) -> None:
    part = share(trace_of(torch.ones(1, 8), layers, steps), sorted(kept), depth)
    assert part.layer_ids == tuple(range(part_of(depth, layers, "depth")))
    assert part.positions.tolist() == [[*sorted(kept), *range(8, 8 + steps)]]
    assert part.nbytes == (len(kept) + steps) * len(part.layer_ids) * 2 * 1 * 2 * 4


@pytest.mark.parametrize(
    ("kept", "text"),
    [
        ([8], "kept must be in 0..7"),
        ([-1, 2], "kept must be in"),
        ([2, 1], "ascending"),
        ([1, 1], "ascending"),
    ],
)
def test_kept_is_checked(kept: list[int], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        share(trace_of(torch.ones(1, 8)), kept)


def test_layers_are_checked() -> None:
    trace = trace_of(torch.ones(1, 8))
    for layers in [(3,), (-1, 0), (1, 0), (1, 1), ()]:
        with pytest.raises(ConfigError):
            share(trace, [0], layers=layers)


def test_the_whole_path_counts(untied: Backbone) -> None:
    trace = deliberate(untied, list(range(20)), 4)
    part = share(trace, attribute(trace), depth=0.1)
    assert part.num_tokens == 6 + 4
    assert part.layer_ids == (0,)
