"""A decoder run layer by layer over a batch whose masks differ between layers."""

from typing import Any

import torch
from torch import Tensor

from laco.distill.llm.pack import Batch


def answers(model: Any, batch: Batch, first: int, band: int, answer_ids: Tensor) -> Tensor:
    """Logits [N, K] of the answer tokens at the end of every ask.

    first: the lowest layer with weights to train; below it no graph is kept. band: the lowest layer that hears peers.
    answer_ids: int64 [K].
    """
    decoder = model.get_decoder()
    low, high = _bias(batch.low), _bias(batch.high)
    with torch.no_grad():
        hidden = decoder.embed_tokens(batch.ids)
        turned = decoder.rotary_emb(hidden, batch.positions)
    for number, layer in enumerate(decoder.layers):
        with torch.set_grad_enabled(torch.is_grad_enabled() and number >= first):
            seen = high if number >= band else low
            hidden = layer(hidden, attention_mask=seen, position_ids=batch.positions, position_embeddings=turned)
    last = decoder.norm(hidden[batch.row, batch.read])
    return torch.nn.functional.linear(last, model.get_output_embeddings().weight[answer_ids])


def _bias(seen: Tensor) -> Tensor:
    """What attention adds to its scores [B, 1, T, T]."""
    return torch.zeros(seen.shape).masked_fill_(~seen, torch.finfo(torch.float32).min)
