"""Models that cannot be supported are refused by name, with the reason."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers as hf

from laco import Backbone
from laco.errors import BackboneError

TINY: dict[str, Any] = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "vocab_size": 8, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
EXPERTS = {"num_local_experts": 2, "num_experts_per_tok": 1}
MLA = {
    "kv_lora_rank": 4, "q_lora_rank": 4, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 4,
    "first_k_dense_replace": 2, "n_routed_experts": 2, "n_group": 1, "topk_group": 1,
}  # fmt: skip
LONG = {
    "rope_parameters": {
        "rope_type": "longrope", "rope_theta": 100.0, "short_factor": [1.0] * 4, "long_factor": [2.0] * 4,
        "original_max_position_embeddings": 16,
    },
    "max_position_embeddings": 64,
}  # fmt: skip
DYNAMIC = {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 100.0, "factor": 2.0}}
LINEAR = {
    "layer_types": ["linear_attention", "full_attention"], "linear_num_value_heads": 2, "linear_num_key_heads": 2,
    "linear_key_head_dim": 4, "linear_value_head_dim": 4, "num_experts": 2, "num_experts_per_tok": 1,
    "moe_intermediate_size": 8, "shared_expert_intermediate_size": 8, "head_dim": 8,
}  # fmt: skip
VISION = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 8,
    "patch_size": 4,
}  # fmt: skip


def causal(family: str, **changes: Any) -> Callable[[], Any]:
    def build() -> Any:
        config = getattr(hf, f"{family}Config", None) or getattr(hf, f"{family}TextConfig")
        return getattr(hf, f"{family}ForCausalLM")(config(**TINY | changes))

    return build


def gemma_both_ways() -> Any:
    config = hf.Gemma3TextConfig(**TINY, head_dim=8, use_bidirectional_attention=True)
    return hf.Gemma3ForCausalLM(config)


def interleaved() -> Any:
    text = hf.Qwen3VLTextConfig(
        **TINY, head_dim=8,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0, "mrope_section": [2, 1, 1]},
    )  # fmt: skip
    return hf.Qwen3VLTextModel(text)


def crossing() -> Any:
    text = hf.MllamaConfig(text_config=TINY | {"cross_attention_layers": [1]}).text_config
    return hf.MllamaForCausalLM(text)


def unknown_eyes() -> Any:
    config = hf.VipLlavaConfig(
        text_config=hf.LlamaConfig(**TINY), vision_config=hf.CLIPVisionConfig(**VISION), vision_feature_layers=[-1]
    )
    return hf.VipLlavaForConditionalGeneration(config)


def encoder_and_decoder() -> Any:
    return hf.T5ForConditionalGeneration(
        hf.T5Config(d_model=8, d_ff=8, d_kv=4, num_layers=1, num_heads=2, vocab_size=8)
    )


def gpt2() -> Any:
    return hf.GPT2LMHeadModel(hf.GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=8))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "not transformers": (lambda: torch.nn.Linear(1, 1), "Linear is not supported: it is not a transformers decoder"),
    "gpt2": (gpt2, "GPT2LMHeadModel is not supported: it is not a transformers decoder with a list of layers"),
    "t5": (encoder_and_decoder, "T5ForConditionalGeneration is not supported: it is an encoder and a decoder"),
    "mamba": (causal("Mamba"), r"MambaForCausalLM .*other kinds .*\(linear_attention\)"),
    "neox": (causal("GPTNeoX"), "GPTNeoXForCausalLM .*no part named self_attn"),
    "opt": (
        lambda: hf.OPTForCausalLM(hf.OPTConfig(**TINY, ffn_dim=16, word_embed_proj_dim=16)).model.decoder,
        "OPTDecoder is not supported: it has no rotary positions",
    ),
    "linear": (causal("Qwen3Next", **LINEAR), r"Qwen3NextForCausalLM .*other kinds .*linear_attention"),
    "chunked": (
        lambda: hf.Llama4ForCausalLM(hf.Llama4TextConfig(**TINY, **EXPERTS, head_dim=8)),
        r"Llama4ForCausalLM .*other kinds .*chunked_attention",
    ),
    "mla": (causal("DeepseekV3", **MLA), r"DeepseekV3ForCausalLM .*multi-head latent attention \(MLA\)"),
    "crossing": (crossing, r"MllamaForCausalLM .*attend to an image alone"),
    "sinks": (causal("GptOss", **EXPERTS, head_dim=8), "GptOssForCausalLM is not supported: it has attention sinks"),
    "softcap": (causal("Gemma2", head_dim=8), r"Gemma2ForCausalLM .*caps its attention logits \(softcapping\)"),
    "both ways": (gemma_both_ways, "Gemma3ForCausalLM is not supported: it is not causal"),
    "dynamic": (causal("Llama", **DYNAMIC), "LlamaForCausalLM .*depend on the length .rope_type 'dynamic'"),
    "longrope": (causal("Phi3", **LONG), "Phi3ForCausalLM .*depend on the length .rope_type 'longrope'"),
    "interleaved": (interleaved, "Qwen3VLTextModel .*M-RoPE sections in another way"),
    "gemma": (causal("Gemma", head_dim=8), "model type 'gemma' is not one of gemma3_text, llama"),
    "stablelm": (causal("StableLm"), "model type 'stablelm' is not one of"),
    "unknown eyes": (unknown_eyes, "VipLlava.* model type 'vipllava' is not one of gemma3, idefics3"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused_by_name(name: str) -> None:
    build, text = REFUSED[name]
    with pytest.raises(BackboneError, match=text):
        Backbone(build())


def test_layers_of_their_own(config: Callable[..., Any]) -> None:
    """A layer with another config would not hear of our attention function; shared keys cannot be sent."""
    model = hf.LlamaModel(config())
    model.config.num_kv_shared_layers = 1
    with pytest.raises(BackboneError, match="share the keys and values of others"):
        Backbone(model)
    model.config.num_kv_shared_layers = 0
    model.layers[1].self_attn.config = config()
    with pytest.raises(BackboneError, match="do not share the decoder's config"):
        Backbone(model)
