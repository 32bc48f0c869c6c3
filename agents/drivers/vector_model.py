"""The built-in driver's network: token features, a Llama-style decoder, a distribution over target speeds."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaModel

from laco.agents.drivers.tokens import FEATURES, KINDS

BIN = 0.5  # [m/s] width of a target-speed bin
BINS = 32  # bin 0 is the hard stop, bin 1 + k the target speed k * BIN
CURVATURES = 5
CURVATURE_SCALE = 10.0  # [deg/m]


class VectorModel(nn.Module):
    """Features [N, T, 18], kinds [N, T] to speed logits [N, 32], curvatures [N, 5] at rows' last tokens."""

    def __init__(self, width: int = 96, layers: int = 6, heads: int = 4, kv_heads: int = 2) -> None:
        super().__init__()
        config = LlamaConfig(
            vocab_size=1,
            hidden_size=width,
            intermediate_size=3 * width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            max_position_embeddings=1024,
            bos_token_id=None,
            eos_token_id=None,
            use_cache=False,
            initializer_range=width**-0.5,
        )
        self.kind = nn.Embedding(KINDS, width)
        into = nn.Linear(2 * width, width)
        self.lift = nn.Sequential(nn.Linear(FEATURES, 2 * width), nn.GELU(), into)
        with torch.no_grad():  # embeddings of about unit size: the decoder then learns several times faster
            into.weight.mul_(3.0)
            self.kind.weight.mul_(0.5)
        self.decoder: Any = LlamaModel(config)
        self.speed = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, BINS))
        self.bend = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, CURVATURES))

    def embed(self, features: Tensor, kinds: Tensor) -> Tensor:
        """Token embeddings [..., T, D]."""
        lifted: Tensor = self.lift(features) + self.kind(kinds)
        return lifted

    def heads(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Speed logits [..., 32] and curvatures [..., 5] (deg/m) from a plan token's last hidden state."""
        return self.speed(hidden), self.bend(hidden) * CURVATURE_SCALE

    def forward(self, features: Tensor, kinds: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """A batch padded on the right with kind -1.

        The mask must be given: without one, transformers takes gaps between positions for the seams of packed
        sequences and lets no token see across them.
        """
        embeds = self.embed(features, kinds.clamp(min=0))
        there = kinds >= 0
        out = self.decoder(
            inputs_embeds=embeds, attention_mask=there.long(), position_ids=positions, use_cache=False
        )
        hidden, last = out.last_hidden_state, there.sum(1) - 1
        return self.heads(hidden[torch.arange(len(last)), last])
