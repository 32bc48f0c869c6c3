"""The built-in driver's network: token features in, a Llama-style decoder, a distribution over target speeds out."""

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
    """Features [N, T, 18] and kinds [N, T] to speed logits [N, 32] and curvatures [N, 5] at each row's last token."""

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
        )
        self.kind = nn.Embedding(KINDS, width)
        self.lift = nn.Sequential(nn.Linear(FEATURES, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
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
        """A batch padded on the right with kind -1; the causal mask keeps padding unseen."""
        embeds = self.embed(features, kinds.clamp(min=0))
        hidden = self.decoder(inputs_embeds=embeds, position_ids=positions, use_cache=False).last_hidden_state
        last = (kinds >= 0).sum(1) - 1
        return self.heads(hidden[torch.arange(len(last)), last])
