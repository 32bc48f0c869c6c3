"""SmolLM2-135M-Instruct with its real weights: sharp attention, attention sinks, thirty layers."""

import os
from functools import cache

import pytest
import torch
from transformers import (
    DynamicCache,
    LlamaConfig,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMVisionConfig,
)

from laco import Backbone, Context, attribute, deliberate, infer, share
from laco.errors import LacoError
from laco.method import registry
from laco.method.continuation import generate, generate_many

SPOKEN = "A pedestrian steps out from behind the parked van on my right. I am braking hard."
OWN = "Question: may I pass the van? Answer:"


@cache
def where() -> str | LacoError:
    """Its folder, from the environment or as a built-in name; or why there is none."""
    if folder := os.environ.get("LACO_SMOLLM2"):
        return folder
    if "smollm2" not in registry.registered():
        return LacoError("set LACO_SMOLLM2 to a folder with the model, or fetch it: laco models get smollm2")
    try:
        return registry.locate("smollm2")
    except LacoError as error:
        return error


@pytest.fixture(scope="module")
def smollm2() -> Backbone:
    """The model, loaded once."""
    found = where()
    if isinstance(found, LacoError):
        pytest.skip(str(found))
    return Backbone.load(found)


def test_shape(smollm2: Backbone) -> None:
    assert (smollm2.num_layers, smollm2.width, smollm2.kv_heads, smollm2.head_dim) == (30, 576, 3, 64)
    assert infer(smollm2, OWN).cache.nbytes == 2 * 23_040 * len(smollm2.tokenize(OWN))  # float32: twice float16


@torch.no_grad()
def test_alone_and_behind_a_whole_cache(smollm2: Backbone) -> None:
    spoken, own = smollm2.tokenize(SPOKEN), smollm2.tokenize(OWN)
    whole = smollm2.model(torch.tensor([spoken + own])).logits[0]
    assert torch.equal(infer(smollm2, spoken + own).logits, whole)  # type: ignore[arg-type]
    rest = infer(smollm2, own, [infer(smollm2, spoken).cache]).logits
    torch.testing.assert_close(rest, whole[-len(own) :], atol=1e-3, rtol=1e-4)


@torch.no_grad()
def test_thoughts_are_stock_steps(smollm2: Backbone) -> None:
    ids = smollm2.tokenize(SPOKEN)
    trace = deliberate(smollm2, ids, 2)
    cache = DynamicCache(config=smollm2.decoder.config)
    hidden = [smollm2.decoder(torch.tensor([ids]), past_key_values=cache).last_hidden_state[0, -1]]
    for _ in range(2):
        thought = smollm2.realigned(hidden[-1], "ridge")
        step = smollm2.decoder(inputs_embeds=thought[None, None], past_key_values=cache)
        hidden.append(step.last_hidden_state[0, 0])
    torch.testing.assert_close(trace.hidden, torch.stack(hidden), atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_with_eyes(smollm2: Backbone) -> None:
    """SmolVLM's architecture around the real language model, with a small vision tower that was never trained."""
    text = LlamaConfig(**smollm2.decoder.config.to_dict() | {"num_hidden_layers": 1})
    vision = SmolVLMVisionConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8
    )
    config = SmolVLMConfig(text_config=text, vision_config=vision, image_token_id=49_151, scale_factor=2)
    model = SmolVLMForConditionalGeneration(config).eval()
    model.model.text_model, model.lm_head = smollm2.decoder, smollm2.output
    ids = torch.tensor([49_151] * 4 + smollm2.tokenize(OWN))
    image = torch.rand(1, 1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    backbone = Backbone(model)
    context = Context(ids=ids, extras={"pixel_values": image})
    expected = model(ids[None], pixel_values=image, use_cache=False).logits[0]
    assert torch.equal(infer(backbone, context).logits, expected)  # type: ignore[arg-type]
    seen = share(deliberate(backbone, context, 2), range(4), layers=range(15, 30))
    heard, alone = infer(smollm2, OWN, [seen]).logits, infer(smollm2, OWN).logits
    assert (heard - alone).abs().max() > 0.1  # type: ignore[operator]


def test_moving_a_band_changes_nothing_else(smollm2: Backbone) -> None:
    """A calibrated band, moved together with the listener: only distances count."""
    trace = deliberate(smollm2, SPOKEN, 2)
    part = share(trace, attribute(trace, 0.5), layers=range(15, 30))
    near = infer(smollm2, OWN, [part]).logits
    far = infer(smollm2, OWN, [part.rerotate(smollm2.frequencies, shift=500)]).logits
    alone = infer(smollm2, Context(ids=torch.tensor(smollm2.tokenize(OWN)))).logits
    assert near is not None
    assert alone is not None
    torch.testing.assert_close(far, near, atol=2e-2, rtol=1e-3)
    assert (near - alone).abs().max() > 0.5


def test_a_batch_says_what_each_says_alone(smollm2: Backbone) -> None:
    spoken = infer(smollm2, SPOKEN)
    outs = [spoken, infer(smollm2, OWN, [spoken.cache.cut(range(15))]), infer(smollm2, SPOKEN + OWN)]
    said = [generate(smollm2, out, 10, ()) for out in outs]
    assert generate_many(smollm2, outs, 10, ()) == said
    assert len(set(map(tuple, said))) == 3
