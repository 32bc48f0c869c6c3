"""Backbone: loading, identity, realignment, rotary types."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from laco import Backbone, Context, deliberate, infer
from laco.errors import BackboneError, ConfigError
from laco.method import registry


def test_numbers(backbone: Backbone) -> None:
    assert (backbone.num_layers, backbone.width, backbone.kv_heads, backbone.head_dim) == (5, 36, 2, 10)
    assert (backbone.dtype, backbone.device) == (torch.float32, torch.device("cpu"))
    assert "layers=5" in repr(backbone)


def test_fingerprint(build: Callable[..., Backbone]) -> None:
    one, same, other = build("untied", 1), build("untied", 1), build("untied", 2)
    assert one.fingerprint == same.fingerprint
    assert len(bytes.fromhex(one.fingerprint)) == 16
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint != build("tied", 1).fingerprint
    with torch.no_grad():
        same.decoder.norm.weight[3] += 1e-6
    assert Backbone(same.model).fingerprint != one.fingerprint
    turned = copy.deepcopy(one.model)
    turned.config.rope_parameters = {"rope_type": "default", "rope_theta": 101.0}
    assert Backbone(turned).fingerprint != one.fingerprint
    one.model.set_attn_implementation("eager")
    assert Backbone(one.model).fingerprint == one.fingerprint
    assert Backbone(copy.deepcopy(one.model).half()).fingerprint != one.fingerprint


def test_load_round_trip(backbone: Backbone, tmp_path: Path) -> None:
    if not backbone.has_vocabulary:
        backbone.model.config.laco_input_norm = backbone.input_norm
    backbone.model.save_pretrained(tmp_path)
    for name in (tmp_path, str(tmp_path)):
        again = Backbone.load(name)
        assert again.fingerprint == backbone.fingerprint
        assert again.has_vocabulary == backbone.has_vocabulary
        assert again.input_norm == backbone.input_norm
        assert again.tokenizer is None
        assert not again.model.training
        # Not bit for bit: mapped weights lie differently in memory, and vector kernels round otherwise.
        ours, theirs = (deliberate(b, [1, 2], 2).hidden for b in (again, backbone))
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert Backbone.load(tmp_path, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_built_in_names(untied: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_LOCATORS", {})
    untied.model.save_pretrained(tmp_path)
    registry.register("tiny", lambda: tmp_path)
    assert registry.registered() == ("tiny",)
    assert Backbone.load("tiny").fingerprint == untied.fingerprint
    with pytest.raises(ConfigError, match="already registered"):
        registry.register("tiny", lambda: tmp_path)


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="cannot be loaded"):
        Backbone.load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BackboneError, match="cannot be loaded"):
        Backbone.load(tmp_path)


def test_chat_and_tokenizer(untied: Backbone, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {"<s>": 0, "car": 1, "brakes": 2, "user": 3, "go": 4}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<s>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<s>")
    backbone = Backbone(untied.model, fast)
    messages = [{"role": "user", "content": "car brakes"}]
    with pytest.raises(ConfigError, match="no chat template"):
        backbone.chat(messages)
    body = "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}"
    fast.chat_template = body + "{% if add_generation_prompt %}go{% endif %}"
    untied.model.save_pretrained(tmp_path)
    fast.save_pretrained(tmp_path)
    backbone = Backbone.load(tmp_path)
    context = backbone.chat(messages)
    assert context.ids is not None
    assert context.ids.tolist() == [3, 1, 2, 4]
    assert backbone.tokenize("car brakes") == [1, 2]
    assert torch.equal(infer(backbone, "car brakes").hidden, infer(backbone, [1, 2]).hidden)
    with pytest.raises(ConfigError, match="no chat template"):
        untied.chat(messages)


def test_ridge_is_a_least_squares_map(untied: Backbone) -> None:
    output: Any = untied.output
    out, table = output.weight.detach(), untied.decoder.embed_tokens.weight.detach()
    best = torch.linalg.lstsq(out.double(), table.double()).solution
    torch.testing.assert_close(untied.alignment.double(), best, atol=1e-3, rtol=1e-3)


def test_tied_ridge_is_the_identity(build: Callable[..., Backbone]) -> None:
    backbone = build("tied")
    torch.testing.assert_close(backbone.alignment, torch.eye(36), atol=1e-3, rtol=0)


def test_latent_inputs_have_the_input_norm(backbone: Backbone) -> None:
    hidden = deliberate(backbone, [1, 2, 3], 0).hidden[0]
    expected = (
        backbone.decoder.embed_tokens.weight.detach().norm(dim=1).mean() if backbone.has_vocabulary else 1.7
    )
    assert float(backbone.realigned(hidden, "identity").norm()) == pytest.approx(float(expected), rel=1e-5)
    assert backbone.realigned(torch.zeros(36), "identity").abs().max() == 0


def test_realign_choices(build: Callable[..., Backbone]) -> None:
    untied, headless = build("untied"), build("headless")
    assert torch.equal(
        deliberate(untied, [1, 2], 2).hidden, deliberate(untied, [1, 2], 2, realign="ridge").hidden
    )
    assert torch.equal(
        deliberate(headless, [1, 2], 2).hidden, deliberate(headless, [1, 2], 2, realign="identity").hidden
    )
    with pytest.raises(ConfigError, match="needs a vocabulary"):
        deliberate(headless, [1, 2], realign="ridge")
    with pytest.raises(ConfigError, match="realign must be one of"):
        deliberate(untied, [1, 2], realign="none")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="steps must be"):
        deliberate(untied, [1, 2], -1)


def test_headless_needs_an_input_norm_for_latent_steps(build: Callable[..., Backbone]) -> None:
    backbone = Backbone(build("headless").model)
    assert deliberate(backbone, [1, 2], 0).steps == 0
    with pytest.raises(ConfigError, match="needs input_norm"):
        deliberate(backbone, [1, 2], 1)
    with pytest.raises(ConfigError, match="must be positive"):
        Backbone(backbone.model, input_norm=0.0)


def test_no_graph_is_left(backbone: Backbone) -> None:
    trace = deliberate(backbone, [1, 2, 3], 1)
    assert not any(t.requires_grad or t.is_inference() for t in (trace.hidden, trace.cache.layers[0].keys))


def test_same_input_same_trace(backbone: Backbone) -> None:
    one, two = deliberate(backbone, [1, 2, 3], 3), deliberate(backbone, [1, 2, 3], 3)
    assert torch.equal(one.hidden, two.hidden)
    assert torch.equal(one.saliency, two.saliency)


def test_half_precision(build: Callable[..., Backbone]) -> None:
    exact = build("untied")
    backbone = Backbone(copy.deepcopy(exact.model).to(torch.bfloat16))
    trace = deliberate(backbone, [1, 2, 3, 4], 2)
    assert (trace.cache.dtype, trace.saliency.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(
        trace.saliency, deliberate(exact, [1, 2, 3, 4], 2).saliency, atol=0.1, rtol=0.1
    )
    assert infer(backbone, [1, 2], [trace.cache, trace.cache]).hidden.dtype == torch.bfloat16


def test_pickles(untied: Backbone) -> None:
    infer(untied, [1, 2])
    again = pickle.loads(pickle.dumps(untied))  # noqa: S301 - our own bytes
    assert torch.equal(infer(again, [1, 2]).hidden, infer(untied, [1, 2]).hidden)


SIZES = {
    "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 32,
}  # fmt: skip
YARN = {
    "rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0, "original_max_position_embeddings": 16,
}  # fmt: skip
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 100.0, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
}  # fmt: skip


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("Llama", {}),
        ("Llama", {"rope_parameters": YARN, "max_position_embeddings": 64}),
        ("Llama", {"rope_parameters": LLAMA3, "max_position_embeddings": 128}),
        ("Llama", {"attention_bias": True, "mlp_bias": True}),
        ("Qwen2", {}),
        ("Qwen3", {"head_dim": 8}),
        ("Mistral", {"sliding_window": None, "head_dim": 8}),
    ],
)
def test_families(family: str, options: dict[str, Any], randomise: Callable[[Any, int], Any]) -> None:
    """A prefix heard at all layers, or moved and heard, continues as the model itself would."""
    config = getattr(transformers, f"{family}Config")(**SIZES | options)
    backbone = Backbone(randomise(getattr(transformers, f"{family}ForCausalLM")(config), 3))
    ids = [3, 1, 4, 1, 5, 9, 2, 6]
    with torch.no_grad():
        expected = backbone.model(torch.tensor([ids])).logits[0]
    torch.testing.assert_close(infer(backbone, ids).logits, expected, atol=0, rtol=0)
    head = infer(backbone, ids[:5]).cache
    far = infer(backbone, Context(ids=torch.tensor(ids[:5]), position_ids=torch.arange(30, 35))).cache
    for peer, rotary in ((head, "as_sent"), (far, "as_sent"), (far, "packed")):
        rest = infer(backbone, ids[5:], [peer], rotary=rotary)  # type: ignore[arg-type]
        torch.testing.assert_close(rest.logits, expected[5:], atol=2e-5, rtol=1e-5)
    assert deliberate(backbone, ids, 2).cache.num_tokens == 10
