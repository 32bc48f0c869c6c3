"""Two tiny random models of different shapes, with tokenizers that cut the same text at different places."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from laco import Backbone
from laco.distill.adapter.prompts import HELD_OUT, QUESTIONS, texts

CORPUS = [*texts(0, 60), *texts(1 << 20, 20), *texts(3, 60, HELD_OUT), *QUESTIONS, "The message once more:"]
TEMPLATE = "{% for m in messages %}<u>{{ m['content'] }}</u>{% endfor %}{% if add_generation_prompt %}<a>{% endif %}"


def fast(inner: Tokenizer, **more: Any) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=inner, **more)


@pytest.fixture(scope="session")
def pieces() -> PreTrainedTokenizerFast:
    """Byte-level BPE, few merges; with a chat template and no beginning of text."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<end>", "<u>", "</u>", "<a>"]
    inner.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=alphabet)
    )
    return fast(inner, eos_token="<end>", chat_template=TEMPLATE)


@pytest.fixture(scope="session")
def words() -> PreTrainedTokenizerFast:
    """Whole words and punctuation; with a beginning of text."""
    inner = Tokenizer(models.WordLevel(unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.train_from_iterator(CORPUS, trainers.WordLevelTrainer(special_tokens=["<unk>", "<s>"]))
    return fast(inner, bos_token="<s>", unk_token="<unk>")


def tiny(draw: Callable[..., Any], tokenizer: Any, seed: int, **shape: int) -> Backbone:
    """A random model whose attention is sharp enough to matter."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), intermediate_size=48, rope_parameters={"rope_type": "default", "rope_theta": 100.0},
        tie_word_embeddings=True, **shape,
    )  # fmt: skip
    return Backbone(draw(LlamaForCausalLM(config).eval(), 0.2), tokenizer)


@pytest.fixture(scope="session")
def source(draw: Any, pieces: Any) -> Backbone:
    """The speaking model: 4 layers, 2 key/value heads of 8."""
    shape = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2}
    return tiny(draw, pieces, 0, head_dim=8, **shape)


@pytest.fixture(scope="session")
def target(draw: Any, words: Any) -> Backbone:
    """The listening model: 3 layers, 1 key/value head of 12."""
    shape = {"hidden_size": 36, "num_hidden_layers": 3, "num_attention_heads": 3, "num_key_value_heads": 1}
    return tiny(draw, words, 1, head_dim=12, **shape)
