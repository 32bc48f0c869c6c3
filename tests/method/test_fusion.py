"""Listening: what it changes, where, and what it leaves alone."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from laco import Backbone, Context, KVCache, attribute, deliberate, infer, share
from laco.errors import ConfigError
from laco.method import attention
from laco.method.cache import LayerKV

IDS = [5, 9, 2, 30, 7]


def message(backbone: Backbone, seed: int = 1, layers: tuple[int, ...] = (0, 1)) -> KVCache:
    generator = torch.Generator().manual_seed(seed)
    embeds = torch.randn(8, backbone.width, generator=generator) * 0.5
    trace = deliberate(backbone, embeds, 2)
    return share(trace, attribute(trace, 0.5), layers=layers)


def plain(backbone: Backbone, ids: list[int]) -> Any:
    with torch.no_grad():
        return backbone.model(torch.tensor([ids]))


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_without_peers_bit_for_bit(backbone: Backbone, implementation: str) -> None:
    backbone.model.set_attn_implementation(implementation)
    expected = plain(backbone, IDS)
    empty = message(backbone).select([])
    for peers in ([], [empty, empty]):
        out = infer(backbone, IDS, peers)
        assert out.foreign_tokens == 0
        assert out.cache.positions.tolist() == [[0, 1, 2, 3, 4]]
        if backbone.has_vocabulary:
            assert out.logits is not None
            assert torch.equal(out.logits, expected.logits[0])
        else:
            assert torch.equal(out.hidden, expected.last_hidden_state[0])
        for layer, own in zip(out.cache.layers, expected.past_key_values.layers, strict=True):
            assert torch.equal(layer.keys, own.keys[0])
            assert torch.equal(layer.values, own.values[0])


def test_own_attention_is_that_of_the_caller(untied: Backbone) -> None:
    part = message(untied)
    before = infer(untied, IDS, [part])
    untied.model.set_attn_implementation("eager")
    torch.testing.assert_close(infer(untied, IDS, [part]).logits, before.logits)
    assert untied.model.config._attn_implementation == "eager"


def test_foreign_layers_touch_only_what_follows(backbone: Backbone) -> None:
    """A band from layer 2 leaves keys up to layer 2 as if one had listened to nothing (positions apart)."""
    part = message(backbone, layers=(2, 3))
    start = int(part.positions.max()) + 1
    positions = torch.arange(start, start + len(IDS))
    alone = infer(backbone, Context(ids=torch.tensor(IDS), position_ids=positions))
    heard = infer(backbone, IDS, [part])
    for number in range(backbone.num_layers):
        same = torch.allclose(heard.cache.layers[number].keys, alone.cache.layers[number].keys, atol=1e-6)
        assert same == (number <= 2)
    assert not torch.allclose(heard.hidden, alone.hidden, atol=1e-3)


@pytest.mark.parametrize("band", [(0,), (1, 4), (2, 3)])
def test_columns_of_each_layer(
    backbone: Backbone, band: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers of the band see foreign and own columns, all the others their own alone."""
    part = message(backbone, layers=band)
    seen: dict[int, int] = {}
    real = attention.attend

    def spy(module: Any, query: Tensor, key: Tensor, *rest: Any, **kwargs: Any) -> Any:
        seen[module.layer_idx] = key.shape[2]
        return real(module, query, key, *rest, **kwargs)

    monkeypatch.setattr(attention, "attend", spy)
    infer(backbone, IDS, [part])
    own = len(IDS)
    assert seen == {n: own + part.num_tokens if n in band else own for n in range(backbone.num_layers)}


def test_content_matters(backbone: Backbone) -> None:
    one, two = message(backbone, 1), message(backbone, 2)
    assert one.num_tokens == two.num_tokens
    two = two.rerotate(backbone.inv_freq, positions=one.positions)
    apart = (infer(backbone, IDS, [one]).hidden - infer(backbone, IDS, [two]).hidden).abs().max()
    assert apart > 1e-2


def test_positions_never_overlap(backbone: Backbone) -> None:
    one, two = message(backbone, 1), message(backbone, 2, layers=(1,))
    moved = one.rerotate(backbone.inv_freq, shift=-30)
    assert infer(backbone, IDS, [one]).cache.positions.tolist() == [[10, 11, 12, 13, 14]]
    assert int(infer(backbone, IDS, [moved]).cache.positions[0, 0]) == int(moved.positions.max()) + 1
    spans = [int(part.positions.max() - part.positions.min()) + 1 for part in (one, two)]
    assert int(infer(backbone, IDS, [one, two]).cache.positions[0, 0]) == sum(spans)
    assert int(infer(backbone, IDS, [one], rotary="packed").cache.positions[0, 0]) == spans[0]
    own = Context(ids=torch.tensor(IDS), position_ids=torch.tensor([7, 8, 9, 20, 21]))
    assert infer(backbone, own, [one]).cache.positions.tolist() == [[10, 11, 12, 23, 24]]


def test_only_relative_positions_matter(backbone: Backbone) -> None:
    """Foreign tokens and own ones shifted together change nothing: re-rotation is exact."""
    part = message(backbone)
    expected = infer(backbone, IDS, [part])
    for shift in (-40, 3, 200):
        out = infer(backbone, IDS, [part.rerotate(backbone.inv_freq, shift=shift)])
        torch.testing.assert_close(out.hidden, expected.hidden, atol=2e-5, rtol=1e-5)


def test_a_whole_cache_continues_a_sequence(backbone: Backbone) -> None:
    """All layers and tokens of a prefix: the rest comes out as if it had been read in one go."""
    ids = [3, 1, 4, 1, 5, 9, 2, 6]
    whole = infer(backbone, ids)
    head = infer(backbone, ids[:5])
    rest = infer(backbone, ids[5:], [head.cache])
    torch.testing.assert_close(rest.hidden, whole.hidden[5:], atol=1e-5, rtol=1e-5)
    joined = KVCache.concatenate([head.cache, rest.cache])
    for ours, theirs in zip(joined.layers, whole.cache.layers, strict=True):
        torch.testing.assert_close(ours.keys, theirs.keys, atol=1e-5, rtol=1e-5)


def snapshot(backbone: Backbone) -> tuple[Any, ...]:
    model = backbone.model
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    training = [m.training for m in model.modules()]
    return model.config._attn_implementation, model.config.to_dict(), hooks, training


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_model_is_handed_back(
    backbone: Backbone, training: bool, implementation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = message(backbone)
    backbone.model.set_attn_implementation(implementation)
    backbone.model.train(training)
    backbone.decoder.layers[1].mlp.train(not training)
    before = snapshot(backbone)
    infer(backbone, IDS, [part])
    infer(backbone, IDS)
    deliberate(backbone, IDS, 1)
    assert snapshot(backbone) == before

    def fail(*_: Any) -> Tensor:
        raise RuntimeError("broken layer")

    monkeypatch.setattr(backbone.decoder.layers[2].mlp, "forward", fail)
    for call in (lambda: infer(backbone, IDS, [part]), lambda: deliberate(backbone, IDS, 1)):
        with pytest.raises(RuntimeError, match="broken layer"):
            call()
        assert snapshot(backbone) == before


def test_dropout_is_off_unless_training(
    config: Callable[..., Any], randomise: Callable[[Any, int], Any]
) -> None:
    from transformers import LlamaModel

    backbone = Backbone(randomise(LlamaModel(config(attention_dropout=0.5)), 0), input_norm=1.0)
    part = message(backbone)
    expected = infer(backbone, IDS, [part]).hidden
    backbone.model.train()
    assert torch.equal(infer(backbone, IDS, [part]).hidden, expected)
    assert not torch.allclose(infer(backbone, IDS, [part], grad=True).hidden, expected)


def test_gradients(backbone: Backbone) -> None:
    part = message(backbone)
    out = infer(backbone, IDS, [part])
    assert not out.hidden.requires_grad
    out = infer(backbone, IDS, [part], grad=True)
    assert torch.equal(out.hidden.detach(), infer(backbone, IDS, [part]).hidden)
    loss = (out.hidden if out.logits is None else out.logits).square().mean()
    torch.autograd.backward(loss)
    for name, parameter in backbone.model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_gradients_through_a_message(untied: Backbone) -> None:
    part = message(untied)
    keys = part.layers[0].keys.clone().requires_grad_()
    learned = KVCache((LayerKV(keys, part.layers[0].values), part.layers[1]), part.layer_ids, part.positions)
    out = infer(untied, IDS, [learned, part], grad=True)
    torch.autograd.backward(out.hidden.square().mean())
    assert keys.grad is not None
    assert keys.grad.abs().max() > 0


def test_checkpointing_is_refused(untied: Backbone) -> None:
    part = message(untied)
    untied.model.train()
    for layer in untied.decoder.layers:
        layer.gradient_checkpointing = True
    with pytest.raises(ConfigError, match="checkpointing"):
        infer(untied, IDS, [part], grad=True)
    assert infer(untied, IDS, [part]).foreign_tokens == part.num_tokens


def test_threads_share_a_model(untied: Backbone) -> None:
    untied.model.set_attn_implementation("eager")
    part = message(untied)
    expected = infer(untied, IDS, [part]).hidden, infer(untied, IDS).hidden
    wrong: list[int] = []

    def work() -> None:
        for _ in range(10):
            heard, alone = infer(untied, IDS, [part]).hidden, infer(untied, IDS).hidden
            if not (torch.equal(heard, expected[0]) and torch.equal(alone, expected[1])):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert untied.model.config._attn_implementation == "eager"


def widened(part: KVCache, heads: int, width: int) -> KVCache:
    kv = torch.zeros(heads, part.num_tokens, width)
    return KVCache((LayerKV(kv, kv),), (0,), part.positions)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda part: part.to(torch.float16), "peer 1: dtype is torch.float16"),
        (lambda part: KVCache(part.layers, (0, 5), part.positions), "layer 5.*has 5"),
        (lambda part: widened(part, 3, 10), "peer 1: kv_heads is 3, the backbone's is 2"),
        (lambda part: widened(part, 2, 8), "peer 1: head_dim is 8, the backbone's is 10"),
        (lambda part: KVCache(part.layers, (0, 1), part.positions.expand(3, -1)), "peer 1: 3 rotary axes"),
        (lambda part: "cache", "peer 1 is not a KVCache but str"),
    ],
)
def test_peers_that_do_not_fit(untied: Backbone, change: Callable[[KVCache], Any], text: str) -> None:
    part = message(untied)
    with pytest.raises(ConfigError, match=text):
        infer(untied, IDS, [part, change(part)])


@pytest.mark.parametrize("option", [{"place": "suffix"}, {"rotary": "loose"}])
def test_unknown_options(untied: Backbone, option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be one of"):
        infer(untied, IDS, **option)


def test_the_tail_alone(backbone: Backbone) -> None:
    """The last token's logits and everything else as they are."""
    whole, tail = (infer(backbone, IDS, [message(backbone)], tail=only) for only in (False, True))
    torch.testing.assert_close(tail.hidden, whole.hidden, rtol=0.0, atol=0.0)
    if whole.logits is None:
        assert tail.logits is None
        return
    assert tail.logits.shape == (1, whole.logits.shape[1])
    torch.testing.assert_close(tail.logits[0], whole.logits[-1])
