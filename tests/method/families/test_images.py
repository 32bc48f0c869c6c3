"""Contexts with images: what is merged, what is handed back, what is refused."""

import copy
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from laco import Backbone, Context, KVCache, deliberate, infer
from laco.errors import ConfigError


def without(context: Context) -> Context:
    return Context(ids=context.ids)


def test_the_image_matters(seeing: Any) -> None:
    """Other pixels change what comes behind the image, and nothing in front of it."""
    other = dict(seeing.spoken.extras) | {"pixel_values": -seeing.spoken.extras["pixel_values"]}
    one = infer(seeing.backbone, seeing.spoken).hidden
    two = infer(seeing.backbone, Context(ids=seeing.spoken.ids, extras=other)).hidden
    assert torch.equal(one[:3], two[:3])
    assert (one[3:] - two[3:]).abs().amax(1).min() > 1e-3


def test_embedding_once_is_enough(seeing: Any) -> None:
    """What `embed` gives holds embeddings and positions, and is read like the image itself."""
    merged = seeing.backbone.embed(seeing.spoken)
    assert merged.embeds.shape == (len(seeing.spoken), seeing.backbone.width)
    assert not merged.embeds.requires_grad
    assert merged.extras is None
    assert torch.equal(infer(seeing.backbone, merged).hidden, infer(seeing.backbone, seeing.spoken).hidden)
    text = seeing.spoken.ids != 60
    assert torch.equal(merged.embeds[text], seeing.backbone.decoder.embed_tokens(seeing.spoken.ids[text]).detach())
    assert torch.equal(seeing.backbone.embed(seeing.own).ids, seeing.own.ids)


@pytest.mark.parametrize("name", ["qwen2-vl", "qwen2.5-vl"])
def test_positions_of_a_grid(named: Callable[[str], Any], name: str) -> None:
    """Three text tokens, 2 x 3 image tokens, then text behind the image's longest side."""
    positions = infer(named(name).backbone, named(name).spoken).cache.positions
    after = [*range(6, 12)]
    assert positions.tolist() == [
        [0, 1, 2, 3, 3, 3, 3, 3, 3, *after],
        [0, 1, 2, 3, 3, 3, 4, 4, 4, *after],
        [0, 1, 2, 3, 4, 5, 3, 4, 5, *after],
    ]


@pytest.mark.parametrize("name", ["qwen2-vl", "qwen2.5-vl"])
def test_what_follows_an_image(named: Callable[[str], Any], name: str) -> None:
    """Latent steps and listeners start after the highest axis (width 5), though time and height are lower."""
    case = named(name)
    looking = Context(ids=case.spoken.ids[:9], extras=case.spoken.extras)
    trace = deliberate(case.backbone, looking, 2)
    assert trace.cache.positions[:, -3:].tolist() == [[3, 6, 7], [4, 6, 7], [5, 6, 7]]
    image = trace.cache.select(range(9))
    assert infer(case.backbone, case.own, [image]).cache.positions.tolist() == [[*range(6, 12)]] * 3
    packed = infer(case.backbone, looking, [image.select([8]), image.select([8])])
    spans = 2 * 3  # the last image token stands at 3, 4 and 5
    assert packed.cache.positions[:, 0].tolist() == [spans] * 3


def test_a_tower_in_training_drops_nothing_out(named: Callable[[str], Any]) -> None:
    case = named("llava")
    model = copy.deepcopy(case.backbone.model)
    for layer in model.model.vision_tower.encoder.layers:
        layer.self_attn.dropout = 0.9
    backbone = Backbone(model.train())
    assert torch.equal(infer(backbone, case.spoken).hidden, infer(case.backbone, case.spoken).hidden)
    moved = infer(backbone, case.spoken, grad=True).hidden - infer(case.backbone, case.spoken).hidden
    assert moved.abs().max() > 1e-3


def test_own_positions_win(named: Callable[[str], Any]) -> None:
    case = named("qwen2.5-vl")
    flat = torch.arange(50, 50 + len(case.spoken))
    out = infer(case.backbone, Context(ids=case.spoken.ids, extras=case.spoken.extras, position_ids=flat))
    assert torch.equal(out.cache.positions, flat.repeat(3, 1))


def state(model: Any) -> tuple[Any, ...]:
    modules = list(model.modules())
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules]
    notes = [m.rope_deltas.tolist() for m in modules if getattr(m, "rope_deltas", None) is not None]
    parts = [model.config, model.config.text_config, model.config.vision_config]
    return hooks, notes, [part._attn_implementation for part in parts], [m.training for m in modules]


def test_model_is_handed_back(seeing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = seeing.backbone.model
    model.set_attn_implementation({"text_config": "eager", "vision_config": "sdpa"})
    with torch.no_grad():
        model(**seeing.inputs)
    for module in model.modules():
        if hasattr(module, "rope_deltas"):  # Qwen2-VL's note of a text that the caller is in the middle of
            module.rope_deltas = module.rope_deltas + 5
    model.train()
    before = state(model)
    trace = deliberate(seeing.backbone, seeing.spoken, 1)
    infer(seeing.backbone, without(seeing.spoken), [trace.cache])
    assert state(model) == before
    broken = dict(seeing.spoken.extras) | {"pixel_values": torch.ones(1)}
    with pytest.raises(ConfigError, match="the images do not fit"):
        infer(seeing.backbone, Context(ids=seeing.spoken.ids, extras=broken))
    monkeypatch.setattr(seeing.backbone.decoder.layers[1].mlp, "forward", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        infer(seeing.backbone, seeing.spoken, [trace.cache])
    assert state(model) == before
    model.eval()


def test_other_threads_are_left_alone(named: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """While one thread's images are merged, a forward of the caller's in another thread goes through."""
    case = named("llava")
    model, expected, others = case.backbone.model, infer(case.backbone, case.own).hidden, []
    real = model.model.get_image_features

    def meanwhile(*given: Any, **named_ones: Any) -> Any:
        work = threading.Thread(target=lambda: others.append(case.backbone.decoder(case.own.ids[None])))
        work.start()
        work.join()
        return real(*given, **named_ones)

    monkeypatch.setattr(model.model, "get_image_features", meanwhile)
    infer(case.backbone, case.spoken)
    assert torch.equal(others[0].last_hidden_state[0].detach(), expected)


def test_gradients_reach_the_camera(seeing: Any) -> None:
    part = deliberate(seeing.backbone, seeing.own, 1).cache
    out = infer(seeing.backbone, seeing.spoken, [part], grad=True)
    assert torch.equal(out.hidden.detach(), infer(seeing.backbone, seeing.spoken, [part]).hidden)
    torch.autograd.backward(out.hidden.square().mean())
    decoder = set(seeing.backbone.decoder.parameters())
    vision = [p.grad for p in seeing.backbone.model.parameters() if p not in decoder and p.grad is not None]
    assert max(float(grad.abs().max()) for grad in vision) > 0
    seeing.backbone.model.zero_grad()


def test_processed(seeing: Any) -> None:
    ids = seeing.inputs["input_ids"]
    context = Context.processed(seeing.inputs | {"attention_mask": torch.ones_like(ids)})
    assert torch.equal(infer(seeing.backbone, context).hidden, infer(seeing.backbone, seeing.spoken).hidden)
    assert Context.processed({"input_ids": ids}).extras is None


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"input_ids": torch.ones(2, 3, dtype=torch.int64)}, "one conversation"),
        ({}, "needs input_ids"),
        ({"input_ids": torch.ones(1, 2).long(), "attention_mask": torch.tensor([[0, 1]])}, "no padding"),
    ],
)
def test_processed_errors(inputs: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Context.processed(inputs)


def test_what_is_refused(seeing: Any) -> None:
    extras, ids = seeing.spoken.extras, seeing.spoken.ids
    for context, text in [
        (Context(ids=ids[1:], extras=dict(extras) | {"sound": 1}), "takes the extras pixel_values.*, got sound"),
        (Context(ids=ids[:4], extras=extras), "the images do not fit the model or the tokens"),
        (Context(embeds=torch.ones(3, 32), extras=extras), "images go with ids"),
    ]:
        with pytest.raises(ConfigError, match=text):
            infer(seeing.backbone, context)


def test_gemma_reads_no_images(named: Callable[[str], Any]) -> None:
    case = named("gemma3-vision")
    with pytest.raises(ConfigError, match=r"takes no extras \(.*both directions.*\), got pixel_values"):
        infer(case.backbone, Context(ids=torch.tensor([1]), extras={"pixel_values": torch.ones(1, 3, 16, 16)}))


def test_axes_must_fit(named: Callable[[str], Any]) -> None:
    flat, deep = named("llama"), named("qwen2-vl")
    with pytest.raises(ConfigError, match="position_ids have 3 rotary axes, the backbone has 1"):
        infer(flat.backbone, Context(ids=torch.tensor([1, 2]), position_ids=torch.zeros(3, 2, dtype=torch.int64)))
    cache = deliberate(deep.backbone, deep.own, 0).cache
    thin = KVCache(cache.layers, cache.layer_ids, cache.positions[:1])
    with pytest.raises(ConfigError, match="peer 0: 1 rotary axes, the backbone has 3"):
        infer(deep.backbone, deep.own, [thin])
    with pytest.raises(ConfigError, match="frequencies of 1 rotary axes do not fit positions of 3"):
        cache.rerotate(deep.backbone.inv_freq[0], shift=1)
    with pytest.raises(ConfigError, match="no layer 3"):
        deep.backbone.frequencies(3)
    with pytest.raises(ConfigError, match="layers differ in their rotary frequencies"):
        named("gemma3").backbone.inv_freq  # noqa: B018


@pytest.mark.parametrize("name", ["gemma3", "qwen2.5-vl", "llava-next", "smolvlm"])
def test_load_round_trip(named: Callable[[str], Any], name: str, tmp_path: Path) -> None:
    case = named(name)
    case.backbone.model.save_pretrained(tmp_path)
    again = Backbone.load(tmp_path)
    assert again.fingerprint == case.backbone.fingerprint
    assert (again.has_vocabulary, again.image_inputs) == (True, case.backbone.image_inputs)
    ours, theirs = (infer(b, case.spoken).logits for b in (again, case.backbone))
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-5)


def test_fingerprint_knows_the_window(named: Callable[[str], Any]) -> None:
    model = copy.deepcopy(named("mistral-window").backbone.model)
    before = Backbone(model).fingerprint
    model.config.sliding_window = 5
    assert Backbone(model).fingerprint != before
