"""The attention function by itself: masks given by transformers, chunks, padding."""

import pytest
import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from laco import Backbone, Context, KVCache, deliberate, infer, share
from laco.method.attention import ForeignLayer, widened
from laco.method.lending import lent

IDS = [5, 9, 2, 30, 7]


def foreign_cache(part: KVCache, layers: int, batch: int = 1) -> Cache:
    band = dict(zip(part.layer_ids, part.layers, strict=True))
    return Cache(
        layers=[
            ForeignLayer(*(t[None].expand(batch, -1, -1, -1) for t in band[n]))
            if n in band
            else DynamicLayer()
            for n in range(layers)
        ]
    )


@pytest.fixture
def part(untied: Backbone) -> KVCache:
    return share(deliberate(untied, [8, 3, 40, 11], 1), [0, 2, 3], layers=(0, 3))


@torch.no_grad()
def test_chunks_give_the_same_as_one_go(untied: Backbone, part: KVCache) -> None:
    expected = infer(untied, IDS, [part])
    cache = foreign_cache(part, untied.num_layers)
    pieces = []
    with lent(untied.decoder, ours=True, evaluate=True):
        for piece in (slice(0, 2), slice(2, 4), slice(4, 5)):
            positions = expected.cache.positions[0, piece]
            pieces.append(untied.forward(Context(ids=torch.tensor(IDS[piece])), positions, cache))
    torch.testing.assert_close(torch.cat(pieces), expected.hidden, atol=1e-5, rtol=1e-5)
    assert cache.get_seq_length() == len(IDS)


@torch.no_grad()
def test_left_padding(untied: Backbone, part: KVCache) -> None:
    """A batch of a long and a left-padded short context hears what each alone would."""
    long, short = infer(untied, IDS, [part]), infer(untied, IDS[2:], [part])
    start = int(long.cache.positions[0, 0])
    with lent(untied.decoder, ours=True, evaluate=True):
        out = untied.decoder(
            input_ids=torch.tensor([IDS, [0, 0, *IDS[2:]]]),
            attention_mask=torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]]),
            position_ids=torch.tensor([[0, 1, 2, 3, 4], [0, 0, 0, 1, 2]]) + start,
            past_key_values=foreign_cache(part, untied.num_layers, batch=2),
            use_cache=True,
        ).last_hidden_state
    torch.testing.assert_close(out[0], long.hidden, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(out[1, 2:], short.hidden, atol=1e-5, rtol=1e-5)


def check(mask: Tensor | None, expected: list[list[float]]) -> None:
    assert mask is not None
    assert mask[0, 0].float().tolist() == expected


def test_widened() -> None:
    cpu = torch.device("cpu")
    assert widened(None, 3, 3, cpu) is None
    assert widened(None, 1, 7, cpu) is None
    check(widened(None, 2, 4, cpu), [[1, 1, 1, 0], [1, 1, 1, 1]])
    seen = torch.tensor([[[[False, True]]]])
    assert widened(seen, 1, 2, cpu) is seen
    check(widened(seen, 1, 4, cpu), [[1, 1, 0, 1]])
    check(widened(torch.tensor([[[[-9.0, 0.0]]]]), 1, 3, cpu), [[0, -9, 0]])
