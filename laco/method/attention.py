"""Attention with foreign keys and values in some layers, and with a look at what the last query attends to.

transformers sizes one causal mask on the first layer and gives it to all of them, so layers whose caches
differ in length fail or are silently wrong. Here a layer keeps foreign tokens apart and reports only its own
length; the attention function widens the mask on the left: foreign columns are visible to every own query,
unless a `Hearing` says which.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

if TYPE_CHECKING:
    from laco.method.lockstep import Rows

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


@dataclass(frozen=True, eq=False)
class Hearing:
    """Which own queries see which foreign columns (batch of one, no padding).

    foreign: per layer that has foreign columns, their rotary positions, int64 [foreign tokens].
    own: rotary positions of the own tokens known so far, int64 [own tokens]; later ones follow the last.
    first: index of the first own token that sees foreign columns; earlier ones see their own alone.
    strict: in sliding-window layers, hide foreign columns that are out of the window by their position.
    """

    foreign: Mapping[int, Tensor]
    own: Tensor
    first: int = 0
    strict: bool = False

    def seen(self, layer: int, queries: int, columns: int, window: int | None) -> Tensor | None:
        """Whether each of the last own queries sees each foreign column of a layer: bool [queries, foreign].

        columns: foreign and own ones. window: positions that a query of the layer looks back, itself included.
        Returns: None where all is visible.
        """
        if layer not in self.foreign:
            return None
        foreign = self.foreign[layer]
        end = columns - foreign.shape[0]
        index = torch.arange(end - queries, end, device=foreign.device)[:, None]
        visible = (index >= self.first).expand(-1, foreign.shape[0])
        if self.strict and window is not None:
            visible = visible & (self._positions(index) - foreign < window)
        return None if bool(visible.all()) else visible

    def position(self, index: int) -> int:
        """The position of an own token by its index."""
        return int(self._positions(torch.tensor(index, device=self.own.device)))

    def _positions(self, index: Tensor) -> Tensor:
        """Positions of own tokens by their index [queries, 1]."""
        last = self.own.shape[0] - 1
        return self.own[index.clamp(max=last)] + (index - last).clamp(min=0)


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
    laco_hearing: Hearing | None = None,
    laco_rows: "Rows | None" = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """transformers' attention function, by torch's scaled dot product.

    query: [batch, query_heads, q, head_dim]. key, value: [batch, kv_heads, columns, head_dim], foreign first.
    attention_mask: None for plain causal, or visible own columns [batch, 1, q, own columns].
    laco_recorder: where given, receives the last query's softmax row (batch of one only).
    laco_hearing: where given, says which queries see which foreign columns (batch of one only).
    laco_rows: where given, says what each row's one query sees, in place of mask and hearing.
    Returns: [batch, q, query_heads, head_dim] and None.
    """
    queries, columns, seen, window = query.shape[2], key.shape[2], None, kwargs.get("sliding_window")
    if laco_rows is not None:
        mask = laco_rows.mask(module.layer_idx, columns, window)
    else:
        if laco_hearing is not None:
            seen = laco_hearing.seen(module.layer_idx, queries, columns, window)
        mask = widened(attention_mask, queries, columns, query.device, seen)
    if laco_recorder is not None:
        row = last_row(query, key, scaling, mask)
        laco_recorder.rows.append(row)
        if queries == 1:  # the row is all there is to this attention: no second pass over the keys
            return _mix(row, value), None
    output, _ = sdpa_attention_forward(module, query, key, value, mask, scaling=scaling, **kwargs)
    return output, None


def widened(
    mask: Tensor | None, queries: int, columns: int, device: torch.device, seen: Tensor | None = None
) -> Tensor | None:
    """The mask over all columns: what is left of the own ones is foreign.

    mask: None, or [batch, 1, queries, own columns], bool (True sees) or additive.
    seen: which foreign columns each query sees, bool [queries, foreign]; None means all.
    Returns: None where torch's own causal rule is right, else [batch or 1, 1, queries, columns].
    """
    if mask is None:
        return _causal(queries, columns, device, seen)
    missing = columns - mask.shape[-1]
    if missing == 0:
        return mask
    if seen is None:
        seen = torch.ones(queries, missing, dtype=torch.bool, device=device)
    if mask.dtype != torch.bool:
        seen = torch.zeros_like(seen, dtype=mask.dtype).masked_fill(~seen, torch.finfo(mask.dtype).min)
    return torch.cat((seen.expand(*mask.shape[:-1], missing), mask), -1)


def _causal(queries: int, columns: int, device: torch.device, seen: Tensor | None) -> Tensor | None:
    """The lower-right causal mask, with some of the foreign columns hidden."""
    if seen is None and queries in (1, columns):
        return None
    visible = torch.ones(queries, columns, dtype=torch.bool, device=device).tril(columns - queries)
    if seen is not None:
        visible[:, : seen.shape[1]] = seen
    return visible[None, None]


def last_row(query: Tensor, key: Tensor, scaling: float | None, mask: Tensor | None = None) -> Tensor:
    """softmax(q K^T) of the last query: float32 [query_heads, columns].

    query: [1, query_heads, q, head_dim]. key: [1, kv_heads, columns, head_dim].
    mask: None where the last query sees every column, else [1, 1, q, columns], bool (True sees) or additive.
    """
    _, heads, _, width = query.shape
    kv_heads = key.shape[1]
    grouped = query[0, :, -1].reshape(kv_heads, heads // kv_heads, width)
    factor = width**-0.5 if scaling is None else scaling
    # Scaled before the product: in float16, large queries and keys would overflow it.
    scores = torch.matmul(grouped * factor, key[0].transpose(1, 2)).float()
    if mask is not None:
        last = mask[0, 0, -1]
        boolean = last.dtype == torch.bool
        scores = scores.masked_fill(~last, float("-inf")) if boolean else scores + last.float()
    return torch.softmax(scores, dim=-1).reshape(heads, -1)


def _mix(row: Tensor, value: Tensor) -> Tensor:
    """Values [1, kv_heads, columns, head_dim] weighted by a row [heads, columns]: [1, 1, heads, head_dim]."""
    kv_heads, columns = value.shape[1], value.shape[2]
    mixed = torch.matmul(row.to(value.dtype).reshape(kv_heads, -1, columns), value[0])
    return mixed.reshape(1, 1, row.shape[0], -1)
