"""The built-in driver's network in batches and with gradients: reading, thinking, and hearing other rows' caches.

The same arithmetic as `laco.method` over the same modules (tests/distill/test_network.py holds them together), for
many rows of different lengths at once: what is not there or not kept is masked, not cut off. Keys are held before
their rotary turn, so that a row may be heard at any position.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from laco.agents.drivers.vector_model import VectorModel

Layers = tuple[tuple[Tensor, Tensor], ...]
"""Of each layer keys, not yet rotated, and values: [N, kv_heads, T, head_dim]."""


@dataclass(frozen=True, eq=False)
class Rows:
    """N rows of T tokens, padded on the right.

    embeds: [N, T, D]. there: bool [N, T], False for padding. positions: rotary, int64 [N, T], ascending where there.
    """

    embeds: Tensor
    there: Tensor
    positions: Tensor

    @property
    def last(self) -> Tensor:
        """Index of each row's last token, int64 [N]."""
        return self.there.sum(1) - 1


@dataclass(frozen=True, eq=False)
class Cache:
    """What N rows leave behind. positions, there: [N, T] as in `Rows`; peak: float [N, T], what the last tokens (the
    latent steps, or the last of the context) attend to at most over layers, heads and steps; None if nobody asked."""

    layers: Layers
    positions: Tensor
    there: Tensor
    peak: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Foreign:
    """What N listeners hear: keys and values of some layers, by their number, at final positions [N, F].

    seen: bool [N, own tokens, F].
    """

    layers: dict[int, tuple[Tensor, Tensor]]
    positions: Tensor
    seen: Tensor


def read(model: VectorModel, rows: Rows, foreign: Foreign | None = None, watch: bool = False) -> tuple[Tensor, Cache]:
    """Last hidden states [N, T, D] after the final norm, and the rows' own caches.

    watch: also record what each row's last token attends to.
    """
    decoder: Any = model.decoder
    turn, count = _turn(decoder, rows.positions), rows.there.shape[1]
    causal = torch.ones(count, count, dtype=torch.bool, device=rows.there.device).tril()
    own = (rows.there[:, None] & causal)[:, None]
    heard = None if foreign is None else _turn(decoder, foreign.positions)
    with_foreign = own if foreign is None else torch.cat((foreign.seen[:, None], own), -1)
    hidden, layers, peak = rows.embeds, list[tuple[Tensor, Tensor]](), None
    for number, layer in enumerate(decoder.layers):
        normed = _norm(layer.input_layernorm, hidden)
        query, key, value = _heads(layer.self_attn, normed)
        layers.append((key, value))
        query, turned, mask, values = _rotate(query, turn), _rotate(key, turn), own, value
        if foreign is not None and heard is not None and number in foreign.layers:
            keys, others = foreign.layers[number]
            turned = torch.cat((_rotate(keys, heard), turned), 2)
            values, mask = torch.cat((others, value), 2), with_foreign
        if watch:
            peak = _peak(peak, query, turned, rows)
        mixed = nn.functional.scaled_dot_product_attention(query, turned, values, mask, enable_gqa=True)
        hidden = hidden + layer.self_attn.o_proj(mixed.transpose(1, 2).flatten(2))
        hidden = hidden + layer.mlp(_norm(layer.post_attention_layernorm, hidden))
    cache = Cache(tuple(layers), rows.positions, rows.there, peak)
    return _norm(decoder.norm, hidden), cache


def think(model: VectorModel, rows: Rows, steps: int, input_norm: float) -> tuple[Tensor, Cache]:
    """ILD over N rows: hidden states [N, 1 + steps, D] of the last tokens, and caches of T + steps tokens.

    A latent token of a row stands at the position after its last one; `peak` covers the T context tokens alone.
    """
    hidden, cache = read(model, rows, watch=steps == 0)
    index = torch.arange(len(rows.last), device=rows.last.device)
    states = [hidden[index, rows.last]]
    place, context = rows.positions[index, rows.last], rows.there.shape[1]
    for step in range(steps):
        length = states[-1].norm(dim=-1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
        thought = states[-1] * (input_norm / length)
        state, cache = _think_on(model, thought, place + 1 + step, cache, context)
        states.append(state)
    return torch.stack(states, 1), cache


def _think_on(model: VectorModel, thought: Tensor, place: Tensor, cache: Cache, context: int) -> tuple[Tensor, Cache]:
    """One latent step: `thought` [N, D] enters at positions `place` [N]."""
    decoder: Any = model.decoder
    positions = torch.cat((cache.positions, place[:, None]), 1)
    there = torch.cat((cache.there, torch.ones_like(cache.there[:, :1])), 1)
    turn, last = _turn(decoder, positions), _turn(decoder, place[:, None])
    hidden, layers, peak = thought[:, None], list[tuple[Tensor, Tensor]](), cache.peak
    for layer, (keys, values) in zip(decoder.layers, cache.layers, strict=True):
        query, key, value = _heads(layer.self_attn, _norm(layer.input_layernorm, hidden))
        keys, values = torch.cat((keys, key), 2), torch.cat((values, value), 2)
        layers.append((keys, values))
        weights = _row(_rotate(query, last)[:, :, 0], _rotate(keys, turn), there)  # [N, kv_heads, group, T]
        seen = weights.detach().amax((1, 2))[:, :context]
        peak = seen if peak is None else torch.maximum(peak, seen)
        hidden = hidden + layer.self_attn.o_proj((weights @ values).flatten(1))[:, None]
        hidden = hidden + layer.mlp(_norm(layer.post_attention_layernorm, hidden))
    return _norm(decoder.norm, hidden)[:, 0], Cache(tuple(layers), positions, there, peak)


def keep(cache: Cache, context: int, share: Tensor) -> Tensor:
    """CHSA: which tokens are sent, bool [N, T + m]: of the first `context` the share [N] that was attended to most,
    and every latent one."""
    assert cache.peak is not None
    present = cache.there[:, :context]
    score = cache.peak.masked_fill(~present, -1.0)
    order = score.argsort(dim=1, descending=True, stable=True).argsort(dim=1)  # rank of each token
    count = torch.ceil(share * present.sum(1) - 1e-9)
    return torch.cat(((order < count[:, None]) & present, cache.there[:, context:]), 1)


def attach(
    cache: Cache, sent: Tensor, peers: Tensor, layers: Sequence[int], own: int, first: int
) -> tuple[Foreign, Tensor]:
    """What listeners hear of some rows, and the position of their first own token, int64 [N].

    sent: bool [M, T] of the M rows of `cache`. peers: int64 [N, P], which rows each of N listeners hears, in order,
    -1 for none. own: tokens of a listener's row. first: the first of them that hears.
    One peer's positions stay; several are packed end to end, each with its own spacing, as `laco.method.fusion` does.
    """
    chosen, there = peers.clamp(min=0), peers >= 0
    seen = sent[chosen] & there[..., None]  # [N, P, T]
    heard = seen.any(2)
    positions = cache.positions[chosen]
    low = positions.masked_fill(~seen, torch.iinfo(torch.int64).max).amin(2)
    high = positions.masked_fill(~seen, -1).amax(2)
    low = torch.where(heard, low, torch.zeros_like(low))
    span = torch.where(heard, high - low + 1, torch.zeros_like(high))
    several = (heard.sum(1) > 1)[:, None]
    start = torch.where(several, span.cumsum(1) - span, low)
    placed = positions + (start - low)[..., None]
    after = placed.masked_fill(~seen, -1).amax((1, 2)) + 1
    visible = seen.flatten(1)[:, None].expand(-1, own, -1)
    if first:
        visible = visible & (torch.arange(own, device=peers.device) >= first)[None, :, None]
    carried = {number: tuple(_gathered(t, chosen) for t in cache.layers[number]) for number in layers}
    return Foreign(carried, placed.flatten(1), visible), after  # type: ignore[arg-type]


def _gathered(tensor: Tensor, peers: Tensor) -> Tensor:
    """Rows [M, heads, T, d] side by side per listener: [N, heads, P * T, d]."""
    return tensor[peers].transpose(1, 2).flatten(2, 3)


def _norm(module: Any, hidden: Tensor) -> Tensor:
    return nn.functional.rms_norm(hidden, (hidden.shape[-1],), module.weight, module.variance_epsilon)


def _heads(attention: Any, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values [N, heads, T, head_dim]."""

    def split(projection: Any) -> Tensor:
        out: Tensor = projection(hidden)
        return out.view(*out.shape[:2], -1, attention.head_dim).transpose(1, 2)

    return split(attention.q_proj), split(attention.k_proj), split(attention.v_proj)


def _turn(decoder: Any, positions: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin [N, 1, T, head_dim] of positions [N, T]."""
    angle = positions[..., None].float() * decoder.rotary_emb.inv_freq
    angle = torch.cat((angle, angle), -1)[:, None]
    return angle.cos(), angle.sin()


def _rotate(tensor: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    one, other = tensor.chunk(2, -1)
    return tensor * turn[0] + torch.cat((-other, one), -1) * turn[1]


def _row(query: Tensor, keys: Tensor, there: Tensor) -> Tensor:
    """softmax(q K^T) of one query per row [N, heads, d] over keys [N, kv_heads, T, d]: [N, kv_heads, group, T]."""
    rows, _, width = query.shape
    grouped = query.view(rows, keys.shape[1], -1, width) * width**-0.5
    scores = (grouped @ keys.transpose(-1, -2)).masked_fill(~there[:, None, None], float("-inf"))
    weights: Tensor = scores.softmax(-1)
    return weights


@torch.no_grad()
def _peak(peak: Tensor | None, query: Tensor, keys: Tensor, rows: Rows) -> Tensor:
    """The highest attention so far of the rows' last tokens to each token, [N, T]."""
    index = torch.arange(len(rows.last), device=rows.last.device)
    seen = _row(query[index, :, rows.last], keys, rows.there).amax((1, 2))
    return seen if peak is None else torch.maximum(peak, seen)
