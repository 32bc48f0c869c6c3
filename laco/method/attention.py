"""Attention with foreign keys and values in some layers, and with a look at what the last query attends to.

transformers sizes one causal mask on the first layer and gives it to all of them, so layers whose caches
differ in length fail or are silently wrong. Here a layer keeps foreign tokens apart and reports only its own
length; the attention function widens the mask on the left: foreign columns are visible to every own query.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

KeysValues = tuple[Tensor, Tensor]

NAME = "laco"
"""The attention implementation's name in transformers' registries."""


@dataclass(eq=False)
class Recorder:
    """Collects, layer after layer, what the last query of a forward pass attends to.

    rows: one float32 [query_heads, columns] per layer, each a softmax over all visible columns.
    """

    rows: list[Tensor] = field(default_factory=list)

    def peak(self, columns: int) -> Tensor:
        """Maximum over layers and heads of the first columns, float32 [columns]; empties the recorder."""
        highest = torch.stack([row[:, :columns] for row in self.rows]).amax(dim=(0, 1))
        self.rows.clear()
        return highest


class ForeignLayer(DynamicLayer):  # type: ignore[misc]
    """A cache layer that shows foreign tokens in front of its own and counts only its own.

    foreign_keys, foreign_values: [1, kv_heads, foreign tokens, head_dim].
    """

    def __init__(self, foreign_keys: Tensor, foreign_values: Tensor) -> None:
        super().__init__()
        self.foreign_keys = foreign_keys
        self.foreign_values = foreign_values

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> KeysValues:
        """Append own tokens; return foreign and own together."""
        keys, values = super().update(key_states, value_states, *args, **kwargs)
        return torch.cat((self.foreign_keys, keys), -2), torch.cat((self.foreign_values, values), -2)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat own and foreign tokens `repeats` times in the batch."""
        super().batch_repeat_interleave(repeats)
        self.foreign_keys = self.foreign_keys.repeat_interleave(repeats, 0)
        self.foreign_values = self.foreign_values.repeat_interleave(repeats, 0)


class ReservedLayer(DynamicLayer):  # type: ignore[misc]
    """A cache layer with room for a known number of tokens: a latent step does not copy the context."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocate the whole storage [1, kv_heads, capacity, head_dim]."""
        super().lazy_initialization(key_states, value_states)
        batch, heads, _, width = key_states.shape
        self._key_store = key_states.new_empty(batch, heads, self._capacity, width)
        self._value_store = value_states.new_empty(batch, heads, self._capacity, value_states.shape[-1])

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> KeysValues:
        """Write behind what is there; return views of all tokens so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        self._key_store[..., start:end, :] = key_states
        self._value_store[..., start:end, :] = value_states
        self.keys, self.values = self._key_store[..., :end, :], self._value_store[..., :end, :]
        return self.keys, self.values


def register() -> None:
    """Make `NAME` known to transformers; calling it again changes nothing."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    laco_recorder: Recorder | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """transformers' attention function, by torch's scaled dot product.

    query: [batch, query_heads, q, head_dim]. key, value: [batch, kv_heads, columns, head_dim], foreign first.
    attention_mask: None for plain causal, or visible own columns [batch, 1, q, own columns].
    laco_recorder: where given, receives the last query's softmax row (batch of one only).
    Returns: [batch, q, query_heads, head_dim] and None.
    """
    mask = widened(attention_mask, query.shape[2], key.shape[2], query.device)
    if laco_recorder is not None:
        row = last_row(query, key, scaling, mask)
        laco_recorder.rows.append(row)
        if query.shape[2] == 1:  # the row is all there is to this attention: no second pass over the keys
            return _mix(row, value), None
    output, _ = sdpa_attention_forward(module, query, key, value, mask, scaling=scaling, **kwargs)
    return output, None


def widened(mask: Tensor | None, queries: int, columns: int, device: torch.device) -> Tensor | None:
    """The mask over all columns: what is left of the own ones is foreign, and visible.

    mask: None, or [batch, 1, queries, own columns], bool (True sees) or additive.
    Returns: None where torch's own causal rule is right, else [batch or 1, 1, queries, columns].
    """
    if mask is not None:
        missing = columns - mask.shape[-1]
        visible = mask.new_ones if mask.dtype == torch.bool else mask.new_zeros
        return mask if missing == 0 else torch.cat((visible(*mask.shape[:-1], missing), mask), -1)
    if queries in (1, columns):
        return None
    seen = torch.ones(queries, columns, dtype=torch.bool, device=device)
    return seen.tril(columns - queries)[None, None]


def last_row(query: Tensor, key: Tensor, scaling: float | None, mask: Tensor | None = None) -> Tensor:
    """softmax(q K^T) of the last query: float32 [query_heads, columns].

    query: [1, query_heads, q, head_dim]. key: [1, kv_heads, columns, head_dim].
    mask: [1, 1, q, columns], bool (True sees) or additive; None where the last query sees every column.
    """
    _, heads, _, width = query.shape
    kv_heads = key.shape[1]
    grouped = query[0, :, -1].reshape(kv_heads, heads // kv_heads, width)
    factor = width**-0.5 if scaling is None else scaling
    # Scaled before the product: in float16, large queries and keys would overflow it.
    scores = torch.matmul(grouped * factor, key[0].transpose(1, 2)).float()
    if mask is not None:
        seen = mask[0, 0, -1]
        scores = scores.masked_fill(~seen, -torch.inf) if seen.dtype == torch.bool else scores + seen
    return torch.softmax(scores, dim=-1).reshape(heads, -1)


def _mix(row: Tensor, value: Tensor) -> Tensor:
    """Values [1, kv_heads, columns, head_dim] weighted by a row [heads, columns]: [1, 1, heads, head_dim]."""
    kv_heads, columns = value.shape[1], value.shape[2]
    mixed = torch.matmul(row.to(value.dtype).reshape(kv_heads, -1, columns), value[0])
    return mixed.reshape(1, 1, row.shape[0], -1)
