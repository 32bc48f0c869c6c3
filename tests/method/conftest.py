"""Tiny random Llamas, and a slow reference for them: plain loops over tokens, layers and heads in float64.

The reference reads the weights and nothing else: no transformers attention, cache, mask or rotary code.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, LlamaModel

from laco import Backbone

WIDTH, LAYERS, HEADS, KV_HEADS, HEAD_DIM, VOCABULARY = 36, 5, 6, 2, 10, 64
NORM = 1.7  # input norm of models without a vocabulary


def randomised(model: Any, seed: int) -> Any:
    """Weights large enough for sharp attention, and norm weights that are not one, so that bugs show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.3 * noise if "norm" in name else 0.18 * noise)
    return model.eval()


def tiny_config(**changes: Any) -> LlamaConfig:
    """A Llama with grouped heads whose width is not hidden_size / heads."""
    return LlamaConfig(
        **{
            "hidden_size": WIDTH, "intermediate_size": 40, "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD_DIM,
            "vocab_size": VOCABULARY, "rope_parameters": {"rope_type": "default", "rope_theta": 100.0},
            "rms_norm_eps": 1e-3, "tie_word_embeddings": False,
        } | changes
    )  # fmt: skip


def make_backbone(kind: str, seed: int = 0) -> Backbone:
    """kind: "untied", "tied" or "headless" (no vocabulary)."""
    if kind == "headless":
        return Backbone(randomised(LlamaModel(tiny_config()), seed), input_norm=NORM)
    model = LlamaForCausalLM(tiny_config(tie_word_embeddings=kind == "tied"))
    return Backbone(randomised(model, seed))


@pytest.fixture(params=["untied", "tied", "headless"])
def backbone(request: pytest.FixtureRequest) -> Backbone:
    """Each kind of tiny model."""
    return make_backbone(request.param)


@pytest.fixture
def untied() -> Backbone:
    """One tiny model with a vocabulary."""
    return make_backbone("untied")


@pytest.fixture
def build() -> Callable[..., Backbone]:
    """The maker of tiny models, for tests that need several."""
    return make_backbone


@pytest.fixture
def config() -> Callable[..., LlamaConfig]:
    """The tiny models' config, with changes."""
    return tiny_config


@pytest.fixture
def randomise() -> Callable[[Any, int], Any]:
    """Random weights for any model."""
    return randomised


@dataclass
class Seen:
    """What the reference knows of one token: rotated keys and values [kv_heads, head_dim], per layer."""

    position: int
    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)
    attention: list[list[list[float]]] = field(default_factory=list)  # [layer][query head][column]
    hidden: Tensor = field(default_factory=lambda: torch.empty(0))


class Reference:
    """Llama, one token at a time. foreign: per layer, tokens that own queries see first, if `sees` says so.

    sees(own index, layer, foreign index): every own query sees all foreign tokens, where not set otherwise.
    window: how many own tokens a query looks back, itself included; None for all.
    """

    def __init__(
        self, backbone: Backbone, foreign: dict[int, list[tuple[Tensor, Tensor]]] | None = None
    ) -> None:
        state = backbone.model.state_dict()
        self.weights: dict[str, Tensor] = {
            name.removeprefix("model."): tensor.double() for name, tensor in state.items()
        }
        self.headless = "lm_head.weight" not in self.weights
        self.foreign = foreign or {}
        self.tokens: list[Seen] = []
        self.sees: Callable[[int, int, int], bool] = lambda own, layer, foreign: True
        self.window: int | None = None

    def norm(self, x: Tensor, name: str) -> Tensor:
        mean_square = sum(v * v for v in x.tolist()) / len(x)
        return x / math.sqrt(mean_square + 1e-3) * self.weights[name + ".weight"]

    @staticmethod
    def rotated(head: Tensor, position: int) -> Tensor:
        half = HEAD_DIM // 2
        values = head.tolist()
        out = [0.0] * HEAD_DIM
        for i in range(half):
            angle = position * 100.0 ** (-2 * i / HEAD_DIM)
            a, b = values[i], values[half + i]
            out[i] = a * math.cos(angle) - b * math.sin(angle)
            out[half + i] = a * math.sin(angle) + b * math.cos(angle)
        return torch.tensor(out, dtype=torch.float64)

    def feed(self, x: Tensor, position: int) -> Seen:
        """Append a token with input embedding x [D]."""
        token = Seen(position)
        self.tokens.append(token)
        x = x.double()
        for layer in range(LAYERS):
            x = self._layer(token, x, layer)
        token.hidden = self.norm(x, "norm")
        return token

    def _layer(self, token: Seen, x: Tensor, layer: int) -> Tensor:
        at = f"layers.{layer}."
        h = self.norm(x, at + "input_layernorm")
        q, k, v = ((self.weights[f"{at}self_attn.{n}_proj.weight"] @ h).view(-1, HEAD_DIM) for n in "qkv")
        token.keys.append(torch.stack([self.rotated(head, token.position) for head in k]))
        token.values.append(v)
        columns = self._columns(layer)
        heads, rows = [], []
        for number in range(HEADS):
            group = number // (HEADS // KV_HEADS)
            turned = self.rotated(q[number], token.position)
            scores = [math.exp(float(turned @ key[group]) / math.sqrt(HEAD_DIM)) for key, _ in columns]
            row = [score / sum(scores) for score in scores]
            rows.append(row)
            values = torch.stack([value[group] for _, value in columns])
            heads.append(torch.tensor(row, dtype=torch.float64) @ values)
        token.attention.append(rows)
        x = x + self.weights[at + "self_attn.o_proj.weight"] @ torch.cat(heads)
        h = self.norm(x, at + "post_attention_layernorm")
        gate, up = (self.weights[f"{at}mlp.{n}_proj.weight"] @ h for n in ("gate", "up"))
        return x + self.weights[at + "mlp.down_proj.weight"] @ (gate / (1 + torch.exp(-gate)) * up)

    def _columns(self, layer: int) -> list[tuple[Tensor, Tensor]]:
        index = len(self.tokens) - 1
        foreign = [pair for j, pair in enumerate(self.foreign.get(layer, [])) if self.sees(index, layer, j)]
        own = self.tokens if self.window is None else self.tokens[-self.window :]
        return foreign + [(t.keys[layer], t.values[layer]) for t in own]

    def logits(self, hidden: Tensor) -> Tensor:
        return self.weights["lm_head.weight"] @ hidden

    def thought(self, hidden: Tensor, realign: str) -> Tensor:
        """The next input embedding after a last hidden state."""
        table = self.weights["embed_tokens.weight"]
        norm = NORM if self.headless else sum(math.sqrt(float(row @ row)) for row in table) / len(table)
        if realign == "ridge":
            out = self.weights["lm_head.weight"]
            hidden = hidden @ (
                torch.linalg.inv(out.T @ out + 1e-5 * torch.eye(WIDTH).double()) @ (out.T @ table)
            )
        return hidden * norm / math.sqrt(float(hidden @ hidden))

    def deliberate(self, inputs: list[Tensor], positions: list[int], steps: int, realign: str) -> list[Seen]:
        """Feed a context, then `steps` thoughts; the tokens."""
        for x, position in zip(inputs, positions, strict=True):
            self.feed(x, position)
        for i in range(steps):
            self.feed(self.thought(self.tokens[-1].hidden, realign), max(positions) + 1 + i)
        return self.tokens

    def peak(self, token: Seen, columns: int) -> list[float]:
        """Maximum over layers and heads of what a token pays to each of the first columns."""
        return [max(row[j] for rows in token.attention for row in rows) for j in range(columns)]


@pytest.fixture
def reference() -> type[Reference]:
    """The slow, obvious model."""
    return Reference
