"""Every stage on every family, against the family's own code (float32, 1e-5 unless it says otherwise)."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from laco import Backbone, Context, KVCache, attribute, deliberate, infer, share


def close(ours: Tensor | None, theirs: Tensor, atol: float = 1e-5) -> None:
    assert ours is not None
    torch.testing.assert_close(ours, theirs, atol=atol, rtol=atol)


def stock(case: Any, implementation: str = "sdpa") -> Any:
    """The model's own forward over the spoken context, images included."""
    case.backbone.model.set_attn_implementation(implementation)
    with torch.no_grad():
        return case.backbone.model(**case.inputs)


def message(case: Any, layers: tuple[int, ...] = (0, 2), steps: int = 2) -> KVCache:
    trace = deliberate(case.backbone, case.spoken, steps)
    return share(trace, attribute(trace, 0.4), layers=layers)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_without_peers_bit_for_bit(case: Any, implementation: str) -> None:
    expected = stock(case, implementation)
    out = infer(case.backbone, case.spoken)
    assert torch.equal(out.logits, expected.logits[0])  # type: ignore[arg-type]
    for layer, (number, own) in zip(out.cache.layers, enumerate(expected.past_key_values.layers), strict=True):
        kept = own.keys.shape[2]  # a sliding layer of a stock cache forgets
        assert torch.equal(layer.keys[:, -kept:], own.keys[0]), number
        assert torch.equal(layer.values[:, -kept:], own.values[0])


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("band", [(0,), (1, 2), (0, 1, 2)])
def test_foreign_keys_in_a_band_of_layers(
    case: Any, implementation: str, band: tuple[int, ...], handmade: Callable[..., Tensor]
) -> None:
    part = message(case, band)
    case.backbone.model.set_attn_implementation(implementation)
    out = infer(case.backbone, case.own, [part])
    assert case.backbone.decoder.config._attn_implementation == implementation
    start = int(part.positions.max()) + 1
    positions = torch.arange(start, start + 6).repeat(case.backbone.axes, 1)
    assert torch.equal(out.cache.positions, positions)
    embeds = case.backbone.decoder.embed_tokens(case.own.ids).detach()
    foreign = dict(zip(part.layer_ids, part.layers, strict=True))
    close(out.hidden, handmade(case, embeds, positions, foreign))


def test_a_speaker_who_looks_and_a_listener_who_looks(case: Any, handmade: Callable[..., Tensor]) -> None:
    """Two peers, packed, in front of a context that may hold an image: every axis comes after them."""
    parts = [message(case, (0, 1)), message(case, (1, 2), steps=0)]
    out = infer(case.backbone, case.spoken, parts)
    spans = [int(part.positions.max() - part.positions.min()) + 1 for part in parts]
    moves = [-int(parts[0].positions.min()), spans[0] - int(parts[1].positions.min())]
    moved = [part.rerotate(case.backbone.frequencies, shift=by) for part, by in zip(parts, moves, strict=True)]
    assert int(out.cache.positions.min()) == sum(spans)
    alone = case.backbone.embed(case.spoken)
    own = case.backbone.positions_of(alone) + sum(spans)
    assert torch.equal(out.cache.positions, own)
    embeds = case.backbone.decoder.embed_tokens(alone.ids) if alone.embeds is None else alone.embeds
    foreign: dict[int, tuple[Tensor, Tensor]] = {}
    for part in moved:
        for number, layer in zip(part.layer_ids, part.layers, strict=True):
            before = foreign.get(number, (layer.keys[:, :0], layer.values[:, :0]))
            foreign[number] = (torch.cat((before[0], layer.keys), 1), torch.cat((before[1], layer.values), 1))
    close(out.hidden, handmade(case, embeds.detach(), own, foreign))


def test_a_whole_cache_continues_a_sequence(case: Any) -> None:
    """All layers and tokens of a prefix, images included: the rest comes out as if it had been read in one go.

    A window does not cut foreign columns, so there the whole sequence must fit into one.
    """
    spoken, own = case.spoken, case.own
    if case.family.window:
        spoken, own = (Context(ids=context.ids[:2]) for context in (spoken, own))
    rest = infer(case.backbone, own, [infer(case.backbone, spoken).cache])
    inputs = dict(case.inputs) | {"input_ids": torch.cat((spoken.ids, own.ids))[None]}
    if "mm_token_type_ids" in inputs:
        inputs["mm_token_type_ids"] = torch.nn.functional.pad(inputs["mm_token_type_ids"], (0, len(own)))
    with torch.no_grad():
        whole = case.backbone.model(**inputs).logits[0]
    close(rest.logits, whole[-len(own) :], 3e-5)


@torch.no_grad()
def thought_by_thought(case: Any, steps: int) -> tuple[Tensor, Tensor]:
    """Hidden states [1 + m, D] of the stock model with its stock cache, and the thoughts [m, D] it read."""
    backbone: Backbone = case.backbone
    cache = DynamicCache(config=backbone.decoder.config)
    out = backbone.model(**case.inputs, past_key_values=cache, output_hidden_states=True)
    hidden, thoughts = [out.hidden_states[-1][0, -1]], []
    start = int(backbone.positions_of(backbone.embed(case.spoken)).max()) + 1
    for i in range(steps):
        thoughts.append(backbone.realigned(hidden[-1], "ridge"))
        where = torch.full((1, 1) if backbone.axes == 1 else (backbone.axes, 1, 1), start + i)
        step = backbone.decoder(inputs_embeds=thoughts[-1][None, None], position_ids=where, past_key_values=cache)
        hidden.append(step.last_hidden_state[0, 0])
    return torch.stack(hidden), torch.stack(thoughts)


def test_latent_steps_and_saliency(case: Any) -> None:
    backbone: Backbone = case.backbone
    hidden, thoughts = thought_by_thought(case, 3)
    trace = deliberate(backbone, case.spoken, 3)
    close(trace.hidden, hidden)
    count = trace.context_length
    assert (
        trace.cache.positions[:, count:].tolist()
        == [list(range(int(trace.cache.positions[:, :count].max()) + 1, int(trace.cache.positions.max()) + 1))]
        * backbone.axes
    )
    read = backbone.embed(case.spoken)
    embeds = backbone.decoder.embed_tokens(read.ids) if read.embeds is None else read.embeds
    where = trace.cache.positions if backbone.axes == 1 else trace.cache.positions[:, None]
    backbone.model.set_attn_implementation("eager")
    with torch.no_grad():
        rows = backbone.decoder(
            inputs_embeds=torch.cat((embeds, thoughts))[None], position_ids=where, output_attentions=True
        ).attentions
    pays = torch.cat(rows).amax(dim=(0, 1))
    close(trace.saliency, pays[count:, :count])
    close(deliberate(backbone, case.spoken, 0).saliency, pays[count - 1 : count, :count])


def test_rerotation_is_recomputation(case: Any) -> None:
    """All tokens moved alike along each axis, each axis by its own distance: attention stays what it was."""
    backbone: Backbone = case.backbone
    by = torch.tensor([[40], [7], [19]])[: backbone.axes]
    trace = deliberate(backbone, case.spoken, 0)
    read = backbone.embed(case.spoken)
    far = deliberate(backbone, Context(ids=read.ids, embeds=read.embeds, position_ids=trace.cache.positions + by), 0)
    moved = trace.cache.rerotate(backbone.frequencies, positions=trace.cache.positions + by)
    assert torch.equal(moved.positions, far.cache.positions)
    for ours, theirs, before in zip(moved.layers, far.cache.layers, trace.cache.layers, strict=True):
        close(ours.keys, theirs.keys, 5e-5)
        assert (ours.keys - before.keys).abs().max() > 0.1
        close(ours.values, theirs.values, 5e-5)


def test_single_tokens_move_alone(case: Any) -> None:
    """At the first layer keys are those of the embeddings, wherever the other tokens are."""
    backbone: Backbone = case.backbone
    trace = deliberate(backbone, case.spoken, 0)
    generator = torch.Generator().manual_seed(9)
    positions = torch.randint(0, 60, trace.cache.positions.shape, generator=generator)
    read = backbone.embed(case.spoken)
    far = deliberate(backbone, Context(ids=read.ids, embeds=read.embeds, position_ids=positions), 0)
    moved = trace.cache.rerotate(backbone.frequencies, positions=positions)
    close(moved.layers[0].keys, far.cache.layers[0].keys, 1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(case: Any, dtype: torch.dtype) -> None:
    """Alone, the model's own output bit for bit; with peers, within 12 epsilons of float32 (Frobenius norm)."""
    bound = 12 * torch.finfo(dtype).eps  # 9 % in bfloat16, 1.2 % in float16: these weights make sharp attention
    part = message(case)
    exact = infer(case.backbone, case.spoken, [part])
    half = Backbone(copy.deepcopy(case.backbone.model).to(dtype))
    # The model's own frequencies are in half precision now, and would turn far tokens elsewhere.
    for name, buffer in half.decoder.rotary_emb.named_buffers():
        buffer.data = case.backbone.decoder.rotary_emb.get_buffer(name).data
    inputs = {name: t.to(dtype) if t.is_floating_point() else t for name, t in case.inputs.items()}
    with torch.no_grad():
        assert torch.equal(infer(half, case.spoken).logits, half.model(**inputs).logits[0])  # type: ignore[arg-type]
    trace = deliberate(half, case.spoken, 2)
    assert (trace.cache.dtype, trace.saliency.dtype, trace.hidden.dtype) == (dtype, torch.float32, dtype)
    out = infer(half, case.spoken, [part.to(dtype)])
    assert out.hidden.dtype == dtype
    for ours, theirs in (
        (out.hidden, exact.hidden),
        (trace.hidden, deliberate(case.backbone, case.spoken, 2).hidden),
    ):
        assert torch.linalg.norm(ours.float() - theirs) <= bound * torch.linalg.norm(theirs)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_cuda(named: Callable[[str], Any], every_name: list[str]) -> None:
    """The same figures on a GPU, contexts and images moved there by us."""
    for name in every_name:
        case = named(name)
        part = message(case)
        there = Backbone(copy.deepcopy(case.backbone.model).cuda())
        trace = deliberate(there, case.spoken, 2)
        close(trace.hidden.cpu(), deliberate(case.backbone, case.spoken, 2).hidden, 1e-3)
        out = infer(there, case.spoken, [part.to("cuda"), part.to("cuda")])
        close(out.hidden.cpu(), infer(case.backbone, case.spoken, [part, part]).hidden, 1e-3)


def test_latent_inputs_look_like_embeddings(case: Any) -> None:
    """As long as a token's embedding is when it enters the first layer: Gemma scales its rows up."""
    rows = case.backbone.decoder.embed_tokens(torch.arange(64)).detach()
    assert case.backbone.input_norm == pytest.approx(float(rows.norm(dim=1).mean()), rel=1e-5)


def test_numbers(case: Any) -> None:
    backbone: Backbone = case.backbone
    cache = infer(backbone, case.own).cache
    assert (backbone.num_layers, backbone.width) == (3, 32)
    assert (cache.kv_heads, cache.head_dim) == (backbone.kv_heads, backbone.head_dim)
    assert cache.positions.shape == (backbone.axes, 6)
    assert all(2 * backbone.frequencies(n).shape[-1] <= backbone.head_dim for n in range(3))
