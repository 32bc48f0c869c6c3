"""A tiny random model of every family, built from its config, with a small random image where it reads images."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
import torch
import transformers as hf
from torch import Tensor
from transformers.models.idefics3.configuration_idefics3 import Idefics3VisionConfig

from laco import Backbone, Context

IMAGE_TOKEN = 60
WINDOW = 4  # of sliding-window layers: shorter than every context here
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
TEXT: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 64, **SPECIAL,
}  # fmt: skip
VISION = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 16, "patch_size": 4,
}  # fmt: skip
MIXED = ["sliding_attention", "full_attention", "sliding_attention"]
HUNDRED = {"rope_type": "default", "rope_theta": 100.0}


def rope(**changes: Any) -> dict[str, Any]:
    return {"rope_parameters": HUNDRED | changes}


YARN = rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=16) | {"max_position_embeddings": 64}
GEMMA = {
    "head_dim": 8, "query_pre_attn_scalar": 48, "final_logit_softcapping": 5.0,
    "sliding_window": WINDOW, "layer_types": MIXED,
    "rope_parameters": {
        "sliding_attention": HUNDRED,
        "full_attention": {"rope_type": "linear", "rope_theta": 1000.0, "factor": 2.0},
    },
}  # fmt: skip
QWEN_VISION = {"depth": 2, "num_heads": 2, "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2}


@dataclass(frozen=True)
class Family:
    """config: builds its config. model: its class. images: pixel values and the like, and image tokens."""

    model: str
    config: Callable[[], Any]
    images: Callable[[], tuple[dict[str, Any], int]] | None = None
    window: bool = False


def qwen(kind: str, vision: dict[str, Any]) -> Callable[[], Any]:
    return lambda: getattr(hf, kind)(
        text_config=TEXT | rope(mrope_section=[2, 1, 1]), vision_config=QWEN_VISION | vision,
        image_token_id=IMAGE_TOKEN, video_token_id=61, vision_start_token_id=62, vision_end_token_id=63,
    )  # fmt: skip


def pixels(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def qwen_image() -> tuple[dict[str, Any], int]:
    """16 x 24 pixels: 4 x 6 patches, merged to 2 x 3 tokens."""
    return {"pixel_values": pixels(24, 3 * 2 * 4 * 4), "image_grid_thw": torch.tensor([[1, 4, 6]])}, 6


def next_image() -> tuple[dict[str, Any], int]:
    """16 x 32 pixels: the whole image, then two tiles of 4 x 4 patches with a line break behind each row."""
    return {"pixel_values": pixels(1, 3, 3, 16, 16), "image_sizes": torch.tensor([[16, 32]])}, 16 + 4 * (8 + 1)


def tiled_image() -> tuple[dict[str, Any], int]:
    """Two images of 4 tokens; the right half of the second one is padding."""
    mask = torch.ones(1, 2, 16, 16, dtype=torch.bool)
    mask[:, 1, :, 8:] = False
    return {"pixel_values": pixels(1, 2, 3, 16, 16), "pixel_attention_mask": mask}, 8


def around(kind: str, text: Any, vision: Any, **options: Any) -> Any:
    return getattr(hf, kind)(text_config=text, vision_config=vision, image_token_id=IMAGE_TOKEN, **options)


FAMILIES: dict[str, Family] = {
    "llama": Family("LlamaForCausalLM", lambda: hf.LlamaConfig(**TEXT, head_dim=10)),
    "llama-yarn": Family("LlamaForCausalLM", lambda: hf.LlamaConfig(**TEXT, **YARN)),
    "smollm2-shaped": Family("LlamaForCausalLM", lambda: hf.LlamaConfig(**TEXT, tie_word_embeddings=True)),
    "mistral": Family("MistralForCausalLM", lambda: hf.MistralConfig(**TEXT, sliding_window=None)),
    "mistral-window": Family(
        "MistralForCausalLM", lambda: hf.MistralConfig(**TEXT, sliding_window=WINDOW), window=True
    ),
    "qwen2": Family("Qwen2ForCausalLM", lambda: hf.Qwen2Config(**TEXT)),
    "qwen2-window": Family(
        "Qwen2ForCausalLM",
        lambda: hf.Qwen2Config(**TEXT, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1),
        window=True,
    ),
    "qwen3": Family("Qwen3ForCausalLM", lambda: hf.Qwen3Config(**TEXT, head_dim=8)),
    "phi3": Family("Phi3ForCausalLM", lambda: hf.Phi3Config(**TEXT)),
    "phi3-partial": Family("Phi3ForCausalLM", lambda: hf.Phi3Config(**TEXT, **rope(partial_rotary_factor=0.5))),
    "phi3-window": Family("Phi3ForCausalLM", lambda: hf.Phi3Config(**TEXT, sliding_window=WINDOW), window=True),
    "gemma3": Family(
        "Gemma3ForCausalLM",
        lambda: hf.Gemma3TextConfig(**TEXT, **GEMMA),
        window=True,
    ),
    "gemma3-vision": Family(
        "Gemma3ForConditionalGeneration",
        lambda: hf.Gemma3Config(text_config=TEXT | GEMMA, vision_config=VISION, mm_tokens_per_image=4),
        window=True,
    ),
    "qwen2-vl": Family(
        "Qwen2VLForConditionalGeneration",
        qwen("Qwen2VLConfig", {"embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2}),
        qwen_image,
    ),
    "qwen2.5-vl": Family(
        "Qwen2_5_VLForConditionalGeneration",
        qwen("Qwen2_5_VLConfig", {
            "hidden_size": 16, "intermediate_size": 24, "out_hidden_size": 32, "window_size": 16,
            "fullatt_block_indexes": [1],
        }),
        qwen_image,
    ),
    "llava": Family(
        "LlavaForConditionalGeneration",
        lambda: around("LlavaConfig", hf.LlamaConfig(**TEXT), hf.CLIPVisionConfig(**VISION)),
        lambda: ({"pixel_values": pixels(1, 3, 16, 16)}, 16),
    ),
    "llava-next": Family(
        "LlavaNextForConditionalGeneration",
        lambda: around(
            "LlavaNextConfig", hf.MistralConfig(**TEXT, sliding_window=None), hf.CLIPVisionConfig(**VISION),
            image_grid_pinpoints=[[16, 32], [32, 16]],
        ),
        next_image,
    ),
    "internvl": Family(
        "InternVLForConditionalGeneration",
        lambda: around(
            "InternVLConfig", hf.Qwen2Config(**TEXT),
            hf.InternVLVisionConfig(**VISION | {"image_size": [16, 16], "patch_size": [4, 4]}), image_seq_length=4,
        ),
        lambda: ({"pixel_values": pixels(2, 3, 16, 16)}, 8),
    ),
    "smolvlm": Family(
        "SmolVLMForConditionalGeneration",
        lambda: around("SmolVLMConfig", hf.LlamaConfig(**TEXT), hf.SmolVLMVisionConfig(**VISION), scale_factor=2),
        tiled_image,
    ),
    "idefics3": Family(
        "Idefics3ForConditionalGeneration",
        lambda: around("Idefics3Config", hf.LlamaConfig(**TEXT), Idefics3VisionConfig(**VISION), scale_factor=2),
        tiled_image,
    ),
}  # fmt: skip
WITH_IMAGES = [name for name, family in FAMILIES.items() if family.images]


@dataclass(frozen=True)
class Case:
    """A backbone of a family, with a context for a speaker and one for a listener (images, where it reads any)."""

    name: str
    family: Family
    backbone: Backbone
    spoken: Context
    own: Context
    inputs: dict[str, Any] = field(default_factory=dict)  # `spoken`, as the model's own forward takes it


def random_ids(seed: int, count: int) -> Tensor:
    return torch.randint(3, 60, (count,), generator=torch.Generator().manual_seed(seed))


@cache
def blank(name: str) -> Any:
    """The model's architecture; its weights are set by whoever takes it."""
    family = FAMILIES[name]
    return getattr(hf, family.model)(family.config())


def case_of(name: str, randomise: Callable[[Any, int], Any]) -> Case:
    family = FAMILIES[name]
    model = randomise(blank(name), 3)
    model.set_attn_implementation("sdpa")
    ids, inputs = random_ids(1, 9), {}
    if family.images:
        inputs, count = family.images()
        ids = torch.cat((ids[:3], torch.full((count,), IMAGE_TOKEN), ids[3:]))
    spoken = Context(ids=ids, extras=inputs or None)
    if "image_grid_thw" in inputs:  # ours finds them out by itself, the model's own forward must be told
        inputs = inputs | {"mm_token_type_ids": (ids == IMAGE_TOKEN).int()[None]}
    own = Context(ids=random_ids(2, 6))
    return Case(name, family, Backbone(model), spoken, own, {"input_ids": ids[None], **inputs})


@pytest.fixture(params=list(FAMILIES))
def case(request: pytest.FixtureRequest, randomise: Callable[[Any, int], Any]) -> Case:
    """Every family."""
    return case_of(request.param, randomise)


@pytest.fixture(params=WITH_IMAGES)
def seeing(request: pytest.FixtureRequest, randomise: Callable[[Any, int], Any]) -> Case:
    """Every family that reads images."""
    return case_of(request.param, randomise)


@pytest.fixture
def named(randomise: Callable[[Any, int], Any]) -> Callable[[str], Case]:
    """One family, by name."""
    return lambda name: case_of(name, randomise)


@pytest.fixture
def every_name() -> list[str]:
    """The names of all families, for a test that is one for all."""
    return list(FAMILIES)


def sees(case: Case, layer: int, query: int, column: int) -> bool:
    """Whether an own query sees an own column, by the definition of causal and sliding attention."""
    config = case.backbone.decoder.config
    kinds = getattr(config, "layer_types", None)
    slides = case.family.window and (kinds is None or kinds[layer] == "sliding_attention")
    return column <= query and (not slides or query - column < WINDOW)


class Foreign:
    """Stands in for a cache: foreign keys and values in front of the own ones, in the layers that have any."""

    def __init__(self, foreign: dict[int, tuple[Tensor, Tensor]]) -> None:
        self.foreign = foreign

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        if layer not in self.foreign:
            return keys, values
        before = self.foreign[layer]
        return torch.cat((before[0][None], keys), 2), torch.cat((before[1][None], values), 2)


@torch.no_grad()
def by_hand(case: Case, embeds: Tensor, positions: Tensor, foreign: dict[int, tuple[Tensor, Tensor]]) -> Tensor:
    """Last hidden states [T, D], layer after layer, with the family's eager attention and masks made by loops.

    embeds: [T, D]. positions: [axes, T]. foreign: keys and values [kv_heads, tokens, head_dim] of some layers.
    """
    decoder, count = case.backbone.decoder, len(embeds)
    decoder.config._attn_implementation = "eager"
    kinds = getattr(decoder.config, "layer_types", None)
    where = positions if len(positions) == 1 else positions[:, None]
    hidden = embeds[None]
    for number, layer in enumerate(decoder.layers):
        heard = foreign[number][0].shape[1] if number in foreign else 0
        own = [[sees(case, number, q, c) for c in range(count)] for q in range(count)]
        mask = torch.tensor([[0.0] * heard + [0.0 if seen else -1e9 for seen in row] for row in own])
        kind = (kinds[number],) if "gemma" in decoder.config.model_type else ()
        turned = decoder.rotary_emb(hidden, where, *kind)
        hidden = layer(
            hidden, position_embeddings=turned, attention_mask=mask[None, None], past_key_values=Foreign(foreign)
        )
    decoder.config._attn_implementation = "sdpa"
    result: Tensor = decoder.norm(hidden)[0]
    return result


@pytest.fixture
def handmade() -> Callable[..., Tensor]:
    """The hand-masked forward."""
    return by_hand
