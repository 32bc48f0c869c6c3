"""Every stage of the method against the slow reference, in float32 to 1e-5."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from laco import Backbone, Context, KVCache, attribute, deliberate, infer, share
from laco.config import Realign

TOKENS = 9


def close(product: Tensor, expected: list[Tensor] | Tensor) -> None:
    if isinstance(expected, list):
        expected = torch.stack(expected)
    torch.testing.assert_close(product, expected.float(), atol=1e-5, rtol=1e-5)


def context_of(backbone: Backbone, seed: int, count: int = TOKENS) -> tuple[Context, list[Tensor]]:
    """A context (ids with a vocabulary, else embeddings), and its input embeddings for the reference."""
    generator = torch.Generator().manual_seed(seed)
    table = backbone.decoder.embed_tokens.weight.detach()
    if backbone.has_vocabulary:
        ids = torch.randint(len(table), (count,), generator=generator)
        return Context(ids=ids), list(table[ids])
    embeds = torch.randn(count, backbone.width, generator=generator) * 0.4
    return Context(embeds=embeds), list(embeds)


def heads(cache: KVCache, carried: int, token: int) -> tuple[Tensor, Tensor]:
    """One token's keys and values [kv_heads, head_dim] as the reference wants them."""
    return cache.layers[carried].keys[:, token].double(), cache.layers[carried].values[:, token].double()


def check_cache(cache: KVCache, tokens: list[Any], layer_ids: tuple[int, ...]) -> None:
    assert cache.layer_ids == layer_ids
    assert cache.positions.tolist() == [[token.position for token in tokens]]
    for layer, number in zip(cache.layers, layer_ids, strict=True):
        close(layer.keys.transpose(0, 1), [token.keys[number] for token in tokens])
        close(layer.values.transpose(0, 1), [token.values[number] for token in tokens])


def realigns(backbone: Backbone) -> list[Realign]:
    return ["ridge", "identity"] if backbone.has_vocabulary else ["identity"]


def test_plain_inference(backbone: Backbone, reference: Any) -> None:
    context, inputs = context_of(backbone, 1)
    ref = reference(backbone)
    tokens = ref.deliberate(inputs, list(range(TOKENS)), 0, "identity")
    out = infer(backbone, context)
    close(out.hidden, [token.hidden for token in tokens])
    check_cache(out.cache, tokens, tuple(range(backbone.num_layers)))
    if backbone.has_vocabulary:
        assert out.logits is not None
        close(out.logits, [ref.logits(token.hidden) for token in tokens])
    else:
        assert out.logits is None


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("positions", [list(range(TOKENS)), [3, 4, 5, 9, 10, 11, 40, 41, 42], [0] * 8 + [5]])
def test_deliberation(backbone: Backbone, reference: Any, steps: int, positions: list[int]) -> None:
    context, inputs = context_of(backbone, 2)
    if positions != list(range(TOKENS)):
        context = Context(ids=context.ids, embeds=context.embeds, position_ids=torch.tensor(positions))
    for realign in realigns(backbone):
        ref = reference(backbone)
        tokens = ref.deliberate(inputs, positions, steps, realign)
        trace = deliberate(backbone, context, steps, realign=realign)
        assert trace.context_length == TOKENS
        assert trace.steps == steps
        check_cache(trace.cache, tokens, tuple(range(backbone.num_layers)))
        close(trace.hidden, [token.hidden for token in tokens[TOKENS - 1 :]])
        assert trace.saliency.dtype == torch.float32
        pays = tokens[TOKENS:] if steps else tokens[-1:]
        close(trace.saliency, torch.tensor([ref.peak(token, TOKENS) for token in pays]))


@pytest.mark.parametrize("keep", [0.1, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("horizon", ["max", "mean"])
def test_kept_and_shared(backbone: Backbone, reference: Any, keep: float, horizon: Any) -> None:
    context, inputs = context_of(backbone, 3)
    ref = reference(backbone)
    realign = realigns(backbone)[0]
    tokens = ref.deliberate(inputs, list(range(TOKENS)), 3, realign)
    rows = [ref.peak(token, TOKENS) for token in tokens[TOKENS:]]
    score = [max(column) if horizon == "max" else sum(column) / 3 for column in zip(*rows, strict=True)]
    best = sorted(range(TOKENS), key=lambda j: (-score[j], j))[: math.ceil(keep * TOKENS)]
    trace = deliberate(backbone, context, 3)
    kept = attribute(trace, keep, horizon=horizon)
    assert kept.dtype == torch.int64
    assert kept.tolist() == sorted(best)
    sent = [tokens[j] for j in sorted(best)] + tokens[TOKENS:]
    check_cache(share(trace, kept, depth=0.4), sent, (0, 1))
    check_cache(share(trace, kept), sent, (0,))
    check_cache(share(trace, kept, layers=(1, 3, 4)), sent, (1, 3, 4))


@pytest.mark.parametrize("band", [(0,), (0, 1), (2, 3), (1, 4), (0, 1, 2, 3, 4)])
def test_listening_to_one(backbone: Backbone, reference: Any, band: tuple[int, ...]) -> None:
    trace = deliberate(backbone, context_of(backbone, 4)[0], 3)
    part = share(trace, attribute(trace, 0.4), layers=band)
    foreign = {n: [heads(part, i, t) for t in range(part.num_tokens)] for i, n in enumerate(band)}
    context, inputs = context_of(backbone, 5, 6)
    ref = reference(backbone, foreign)
    start = int(part.positions.max()) + 1
    tokens = ref.deliberate(inputs, list(range(start, start + 6)), 0, "identity")
    out = infer(backbone, context, peers=[part])
    assert out.foreign_tokens == part.num_tokens == 4 + 3
    close(out.hidden, [token.hidden for token in tokens])
    check_cache(out.cache, tokens, tuple(range(backbone.num_layers)))
    if out.logits is not None:
        close(out.logits, [ref.logits(token.hidden) for token in tokens])


@pytest.mark.parametrize("rotary", ["as_sent", "packed"])
@pytest.mark.parametrize("bands", [[(0,), (0, 1)], [(1, 2), (0, 2), (4,)], [(0, 1, 2, 3, 4), (2,)]])
def test_listening_to_several(
    backbone: Backbone, reference: Any, bands: list[tuple[int, ...]], rotary: Any
) -> None:
    parts, start = [], 0
    foreign: dict[int, list[tuple[Tensor, Tensor]]] = {}
    for seed, band in enumerate(bands):
        context, inputs = context_of(backbone, 10 + seed, 5 + seed)
        trace = deliberate(backbone, context, 2)
        kept = attribute(trace, 0.5)
        parts.append(share(trace, kept, layers=band))
        # The same peer, thought afresh at the positions it should end up at: exact, not re-rotated.
        sent = [*kept.tolist(), len(inputs), len(inputs) + 1]
        ref = reference(backbone)
        tokens = ref.deliberate(inputs, list(range(len(inputs))), 2, realigns(backbone)[0])
        for layer in band:
            for j in sent:
                unrotated = torch.stack([ref.rotated(head, -j) for head in tokens[j].keys[layer]])
                moved = torch.stack([ref.rotated(head, start + j - sent[0]) for head in unrotated])
                foreign.setdefault(layer, []).append((moved, tokens[j].values[layer]))
        start += sent[-1] - sent[0] + 1
    context, inputs = context_of(backbone, 6, 6)
    tokens = reference(backbone, foreign).deliberate(inputs, list(range(start, start + 6)), 0, "identity")
    out = infer(backbone, context, peers=parts, rotary=rotary)
    assert out.foreign_tokens == sum(part.num_tokens for part in parts)
    close(out.hidden, [token.hidden for token in tokens])
    check_cache(out.cache, tokens, tuple(range(backbone.num_layers)))
