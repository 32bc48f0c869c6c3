"""A tiny random Llama with a tokenizer of words: every text can be read, and every call takes milliseconds."""

import re
import zlib
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from laco import Backbone

LAYERS, VOCABULARY = 4, 997


class Words:
    """Words with the space before them as tokens, numbered by their checksum; no special tokens, no template."""

    chat_template = None
    all_special_ids: tuple[int, ...] = ()

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, Any]:
        return {"input_ids": [zlib.crc32(word.encode()) % VOCABULARY for word in re.findall(r" ?\w+|\W", text)]}


@pytest.fixture(scope="session")
def backbone() -> Backbone:
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=24, intermediate_size=32, num_hidden_layers=LAYERS, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, vocab_size=VOCABULARY, tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if "norm" not in name:
            parameter.normal_(0.0, 0.25)
    return Backbone(model, Words())
