"""Many short receivers in one forward pass: their prompts in a row, each hearing its own message only.

On a CPU a forward pass of 25 tokens mostly waits for the weights; one of 225 tokens costs about half as much per
token. Equal to `laco.method.fusion.infer` one by one (tests/calibration/test_measure.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from laco import Backbone, Context
from laco.config import LacoConfig
from laco.method.attention import ForeignLayer, Hearing
from laco.method.cache import KVCache
from laco.method.fusion import SINK
from laco.method.lending import lent


@dataclass(frozen=True, eq=False)
class _Matrix(Hearing):
    """Which own token sees which foreign column, as a matrix bool [own, foreign]: the same in all shared layers."""

    matrix: Tensor | None = None

    def seen(self, layer: int, queries: int, columns: int, window: int | None) -> Tensor | None:
        return self.matrix if layer in self.foreign else None


@torch.no_grad()
def hear(backbone: Backbone, prompts: Sequence[Sequence[int]], peers: Sequence[KVCache], config: LacoConfig) -> Tensor:
    """Last hidden states [n, D] of the last token of each of n prompts, the i-th having heard the i-th peer.

    prompts: token ids. peers: caches of the same layers, as sent. config: `place` is heeded; positions as sent.
    """
    owner = torch.cat([torch.full((len(p),), i) for i, p in enumerate(prompts)])
    source = torch.cat([torch.full((peer.num_tokens,), i) for i, peer in enumerate(peers)])
    index = torch.cat([torch.arange(len(p)) for p in prompts])  # of each token in its own prompt
    lengths = torch.tensor([len(p) for p in prompts])
    starts = torch.tensor([int(peer.positions.max()) + 1 for peer in peers])  # own positions follow the peer's
    first = {"prefix": lengths * 0, "after_sink": lengths * 0 + SINK, "before_last": lengths - 1}[config.place]
    own = (owner[:, None] == owner) & (index[:, None] >= index)
    foreign = (owner[:, None] == source) & (index >= first[owner])[:, None]
    joined = KVCache.concatenate(list(peers))
    columns = dict.fromkeys(joined.layer_ids, joined.positions[0])
    hearing = _Matrix(columns, index, matrix=foreign)
    ids = torch.tensor([token for prompt in prompts for token in prompt])
    with lent(backbone.decoder, ours=True, evaluate=True):
        hidden = backbone.forward(
            Context(ids=ids), index + starts[owner], Cache(layers=_layers(joined, backbone.num_layers)),
            attention_mask=own[None, None], laco_hearing=hearing,
        )  # fmt: skip
    return hidden[lengths.cumsum(0) - 1]


def _layers(joined: KVCache, count: int) -> list[Any]:
    """One cache layer per decoder layer; the shared ones show all peers' tokens first."""
    carried = dict(zip(joined.layer_ids, joined.layers, strict=True))
    return [
        ForeignLayer(carried[number].keys[None], carried[number].values[None]) if number in carried else DynamicLayer()
        for number in range(count)
    ]
