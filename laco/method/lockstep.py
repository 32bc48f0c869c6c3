"""Several inferences that go on side by side, one token each at a time: a batch of rows of different lengths.

What a token costs is mostly the reading of the weights, and a batch reads them once for all rows. Rows are aligned at
their ends: padding, foreign tokens and own ones, then the tokens that all rows get together. Each row keeps its own
positions (on all rotary axes) and its own foreign tokens, in the layers that carry them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from laco.method.attention import ForeignLayer, KeysValues, ReservedLayer
from laco.method.backbone import Backbone
from laco.method.context import Context
from laco.method.fusion import Inference
from laco.method.lending import lent

ANYWHERE = torch.iinfo(torch.int64).max // 2
"""The position of what no window hides."""


class Lockstep:
    """A batch that reads on behind inferences of one backbone, which it leaves as they are."""

    def __init__(self, backbone: Backbone, outs: Sequence[Inference], room: int) -> None:
        """outs: one or more, a row each. room: tokens that each row may still get."""
        self._backbone = backbone
        self._layers = [PaddedLayer(column, room) for column in zip(*(out.layers for out in outs), strict=True)]
        self._rows = Rows.of(outs)
        self._places = torch.tensor([out.after for out in outs], device=backbone.device)

    @torch.no_grad()
    def step(self, tokens: Sequence[int]) -> Tensor:
        """Last hidden states [rows, D] behind one more token per row."""
        backbone = self._backbone
        ids = Context.of(backbone, list(tokens)).ids
        where = self._places[:, None]
        there = torch.ones(len(tokens), 1, 1, 1, dtype=torch.bool, device=backbone.device)
        with lent(backbone.decoder, ours=True, evaluate=True):
            out = backbone.decoder(
                input_ids=None if ids is None else ids[:, None],
                position_ids=where if backbone.axes == 1 else where.expand(backbone.axes, -1, -1),
                attention_mask=there,  # `laco_rows` takes its place: of this shape, no other is made
                past_key_values=Cache(layers=self._layers),
                use_cache=True,
                return_dict=True,
                laco_rows=self._rows,
            )
        self._places = self._places + 1
        self._rows.forget()
        hidden: Tensor = out.last_hidden_state
        return hidden[:, 0]

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone."""
        index = torch.tensor(list(rows), device=self._places.device)
        self._places = self._places[index]
        self._rows = self._rows.kept(index)
        for layer in self._layers:
            layer.batch_select_indices(index)


class PaddedLayer(ReservedLayer):
    """A cache layer of several rows: each what one layer shows, foreign tokens too, zeros in front of shorter ones."""

    def __init__(self, layers: Sequence[Any], room: int) -> None:
        """layers: of one row each. room: tokens that may follow."""
        shown = [_shown(layer) for layer in layers]
        longest = max(keys.shape[2] for keys, _ in shown)
        super().__init__(longest + room)
        self.dtype, self.device, self.is_initialized = shown[0][0].dtype, shown[0][0].device, True
        self._key_store = _stored([keys for keys, _ in shown], longest, room)
        self._value_store = _stored([values for _, values in shown], longest, room)
        self._show(longest)

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows."""
        self._key_store, self._value_store = self._key_store[indices], self._value_store[indices]
        self._show(self.get_seq_length())

    def _show(self, end: int) -> None:
        self.keys, self.values = self._key_store[..., :end, :], self._value_store[..., :end, :]


def _shown(layer: Any) -> KeysValues:
    """Keys and values [1, kv_heads, tokens, head_dim] that a layer shows: foreign ones first."""
    if isinstance(layer, ForeignLayer):
        keys = torch.cat((layer.foreign_keys, layer.keys), 2)
        return keys, torch.cat((layer.foreign_values, layer.values), 2)
    return layer.keys, layer.values


def _stored(parts: Sequence[Tensor], longest: int, room: int) -> Tensor:
    """Rows [1, heads, tokens, width], their ends at column `longest`, in zeros [rows, heads, longest + room, width]."""
    _, heads, _, width = parts[0].shape
    store = parts[0].new_zeros(len(parts), heads, longest + room, width)  # not NaN: a hidden column counts 0 times it
    for row, part in enumerate(parts):
        store[row, :, longest - part.shape[2] : longest] = part[0]
    return store


@dataclass(frozen=True, eq=False)
class Strip:
    """Where each row's tokens stand in the columns of one layer, as they were when the batch began.

    begin, own: int64 [rows, 1], the first column that is no padding, and the first own one.
    foreign: int64 [rows, length], positions of the foreign columns that a strict window can hide, else `ANYWHERE`.
    query: int64 [rows, 1], the last own token's position, on the axis along which a window looks.
    padded: whether any row has padding.
    """

    begin: Tensor
    own: Tensor
    foreign: Tensor
    query: Tensor
    padded: bool

    @classmethod
    def of(cls, outs: Sequence[Inference], layer: int) -> "Strip":
        foreign = [0 if out.hearing is None else len(out.hearing.foreign.get(layer, ())) for out in outs]
        own = [out.cache.num_tokens for out in outs]
        length = max(map(sum, zip(foreign, own, strict=True)))
        begin = [length - a - b for a, b in zip(foreign, own, strict=True)]
        where = torch.full((len(outs), length), ANYWHERE)
        query = torch.zeros(len(outs), 1, dtype=torch.int64)
        for row, out in enumerate(outs):
            if out.hearing is not None and out.hearing.strict and foreign[row]:
                where[row, begin[row] : begin[row] + foreign[row]] = out.hearing.foreign[layer].cpu()
                query[row] = out.hearing.position(own[row] - 1)
        device = outs[0].hidden.device
        first, ours = (torch.tensor(columns, device=device)[:, None] for columns in (begin, [length - n for n in own]))
        return cls(first, ours, where.to(device), query.to(device), any(begin))

    def seen(self, columns: int, window: int | None) -> Tensor | None:
        """What the newest token of each row sees: bool [rows, columns]; None for everything.

        window: positions that a query of the layer looks back, itself included.
        """
        if window is None and not self.padded:
            return None
        where = torch.arange(columns, device=self.begin.device)
        there = where >= self.begin
        if window is None:
            return there
        more = columns - self.foreign.shape[1]  # tokens since the batch began
        near = torch.nn.functional.pad(self.query + more - self.foreign < window, (0, more))
        return there & torch.where(where < self.own, near, where > columns - 1 - window)

    def kept(self, index: Tensor) -> "Strip":
        """These rows."""
        parts = {name: getattr(self, name)[index] for name in ("begin", "own", "foreign", "query")}
        return replace(self, **parts)


class Rows:
    """Which columns the newest token of each row sees, for the attention (`laco_rows`). Layers alike share a strip."""

    def __init__(self, strips: Sequence[Strip]) -> None:
        """strips: of each layer."""
        self._strips = strips
        self._masks: dict[tuple[int, int | None], Tensor | None] = {}

    @classmethod
    def of(cls, outs: Sequence[Inference]) -> "Rows":
        """For a batch of these, in their order."""
        kinds = [_kind(outs, layer) for layer in range(len(outs[0].layers))]
        made = {kind: Strip.of(outs, kinds.index(kind)) for kind in set(kinds)}
        return cls([made[kind] for kind in kinds])

    def mask(self, layer: int, columns: int, window: int | None) -> Tensor | None:
        """bool [rows, 1, 1, columns]; None where each sees all."""
        strip = self._strips[layer]
        key = (id(strip), window)
        if key not in self._masks:
            seen = strip.seen(columns, window)
            self._masks[key] = None if seen is None else seen[:, None, None]
        return self._masks[key]

    def forget(self) -> None:
        """The step is over: the next one sees a column more."""
        self._masks.clear()

    def kept(self, index: Tensor) -> "Rows":
        """These rows."""
        strips = {id(strip): strip.kept(index) for strip in self._strips}
        return Rows([strips[id(strip)] for strip in self._strips])


def _kind(outs: Sequence[Inference], layer: int) -> tuple[int | None, ...]:
    """What makes two layers alike: how many foreign tokens each row has there, and which, where it matters."""
    heard = [out.hearing for out in outs if out.hearing is not None]
    counts = tuple(len(hearing.foreign.get(layer, ())) for hearing in heard)
    return (*counts, layer if any(hearing.strict for hearing in heard) else None)
