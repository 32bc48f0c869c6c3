"""Going on behind an inference: reading more, speaking word by word, weighing fixed continuations side by side.

What was heard stays heard: the layers that carry foreign tokens carry them for everything that follows. An
`Inference` can be continued in several ways; none of them changes it.
"""

import copy
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from laco.errors import ConfigError
from laco.method.attention import ForeignLayer, Hearing
from laco.method.backbone import Backbone
from laco.method.cache import KVCache, LayerKV
from laco.method.context import Context
from laco.method.fusion import Inference
from laco.method.lending import lent
from laco.method.lockstep import Lockstep


@torch.no_grad()
def extend(backbone: Backbone, out: Inference, ids: Sequence[int]) -> Inference:
    """The inference after reading `ids` [n] behind it: logits [n, V] and hidden [n, D] are those of `ids`.

    Raises: ConfigError for ids out of the vocabulary, or none.
    """
    context = Context.of(backbone, list(ids))
    layers = _forked(out)
    hidden = _read(backbone, layers, context, out.after, out.hearing)
    where = torch.cat((out.cache.positions, _behind(out, len(context))), dim=1)
    own = tuple(LayerKV(layer.keys[0], layer.values[0]) for layer in layers)
    cache = KVCache(own, out.cache.layer_ids, where)
    return Inference(backbone.logits(hidden), hidden, cache, out.foreign_tokens, out.hearing, tuple(layers))


@torch.no_grad()
def generate(
    backbone: Backbone,
    out: Inference,
    limit: int,
    stop: Collection[int],
    *,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
) -> list[int]:
    """Token ids that follow, at most `limit`; a token of `stop` ends them and is left out.

    temperature: 0 takes the likeliest token; above, tokens are drawn with `generator` (of the CPU).
    Raises: ConfigError for a backbone without a vocabulary.
    """
    layers, place = _forked(out), out.after
    scores = _last(out)
    said: list[int] = []
    while len(said) < limit:
        (token,) = _drawn(scores[None], temperature, [generator])
        if token in stop:
            break
        said.append(token)
        if len(said) < limit:
            hidden = _read(backbone, layers, Context.of(backbone, [token]), place, out.hearing)
            scores, place = _known(backbone.logits(hidden))[-1], place + 1
    return said


@torch.no_grad()
def generate_many(
    backbone: Backbone,
    outs: Sequence[Inference],
    limit: int,
    stop: Collection[int],
    *,
    temperature: float = 0.0,
    generators: Sequence[torch.Generator | None] | None = None,
) -> list[list[int]]:
    """What `generate` gives for each inference, all in one batch; a row that has ended leaves it.

    The numbers are those of `generate` but for rounding: other tokens can come out where two are as good as equally
    likely. Rows may differ in length, positions and in what was heard, in which layers, and how; padded, they all
    take the memory of the longest.

    generators: one for each inference, drawn from as `generate` would.
    Raises: ConfigError for a backbone without a vocabulary.
    """
    if len(outs) < 2:
        chance = generators[0] if generators else None
        return [generate(backbone, out, limit, stop, temperature=temperature, generator=chance) for out in outs]
    chances = [None] * len(outs) if generators is None else generators
    said: list[list[int]] = [[] for _ in outs]
    rows, batch = list(range(len(outs))), None
    scores = torch.stack([_last(out) for out in outs])
    for left in range(limit - 1, -1, -1):
        drawn = _drawn(scores, temperature, [chances[i] for i in rows])
        on = [row for row, token in enumerate(drawn) if token not in stop]
        rows, tokens = [rows[row] for row in on], [drawn[row] for row in on]
        for i, token in zip(rows, tokens, strict=True):
            said[i].append(token)
        if not rows or not left:
            break
        if batch is None:
            batch = Lockstep(backbone, [outs[i] for i in rows], left)
        elif len(on) < len(drawn):
            batch.keep(on)
        scores = _known(backbone.logits(batch.step(tokens)))
    return said


@torch.no_grad()
def score(backbone: Backbone, out: Inference, continuations: Sequence[Sequence[int]]) -> Tensor:
    """Log-likelihood per token of each continuation, float32 [K]: all of them in one batched forward.

    Raises: ConfigError for an empty continuation, and for a backbone without a vocabulary.
    """
    if not continuations or not all(continuations):
        raise ConfigError("a continuation to weigh has no token")
    first = torch.log_softmax(_last(out).float(), -1)
    sums = torch.stack([first[ids[0]] for ids in continuations])
    longest = max(map(len, continuations))
    if longest > 1:
        sums = sums + _rest(backbone, out, continuations, longest)
    return sums / torch.tensor([len(ids) for ids in continuations], device=sums.device)


def _rest(backbone: Backbone, out: Inference, continuations: Sequence[Sequence[int]], longest: int) -> Tensor:
    """Sums of the log-likelihoods of the second and later tokens, float32 [K]."""
    count, steps = len(continuations), longest - 1
    padded = torch.zeros(count, longest, dtype=torch.int64)
    there = torch.zeros(count, longest, dtype=torch.bool)
    for row, ids in enumerate(continuations):
        padded[row, : len(ids)] = torch.tensor(ids)
        there[row, : len(ids)] = True
    padded, there = padded.to(backbone.device), there.to(backbone.device)
    hidden = _read_batch(backbone, _forked(out, count), padded[:, :-1], _behind(out, steps), out.hearing)
    logits = _known(backbone.logits(hidden.reshape(count * steps, -1))).reshape(count, steps, -1)
    likely = torch.log_softmax(logits.float(), -1).gather(-1, padded[:, 1:, None])[..., 0]
    return (likely * there[:, 1:]).sum(-1)


def _forked(out: Inference, copies: int = 1) -> list[Any]:
    """The layers as they stand, to be grown by us alone, for a batch of `copies`."""
    layers = [copy.copy(layer) for layer in out.layers]  # growing one replaces its tensors: none is shared
    if copies > 1:
        for layer in layers:
            layer.batch_repeat_interleave(copies)
    return layers


def _behind(out: Inference, count: int) -> Tensor:
    """Positions [axes, count] of the tokens that come next: text goes on alike on every axis."""
    where = out.after + torch.arange(count, device=out.cache.positions.device)
    return where.expand(out.cache.positions.shape[0], count)


def _read(backbone: Backbone, layers: list[Any], context: Context, start: int, hearing: Hearing | None) -> Tensor:
    """Last hidden states [n, D] of n tokens behind what the layers hold; they grow by n."""
    positions = start + torch.arange(len(context), device=backbone.device)
    with lent(backbone.decoder, ours=_foreign(layers), evaluate=True):
        return backbone.forward(context, positions, Cache(layers=layers), **_told(hearing))


def _read_batch(
    backbone: Backbone, layers: list[Any], ids: Tensor, positions: Tensor, hearing: Hearing | None
) -> Tensor:
    """Last hidden states [K, n, D] of K rows of n tokens, all at the same positions [axes, n]."""
    where = positions[0][None] if positions.shape[0] == 1 else positions[:, None]
    with lent(backbone.decoder, ours=_foreign(layers), evaluate=True):
        out = backbone.decoder(
            input_ids=ids,
            position_ids=where,
            past_key_values=Cache(layers=layers),
            use_cache=True,
            return_dict=True,
            **_told(hearing),
        )
    hidden: Tensor = out.last_hidden_state
    return hidden


def _told(hearing: Hearing | None) -> dict[str, Hearing]:
    """The forward pass' argument that says who sees what."""
    return {} if hearing is None else {"laco_hearing": hearing}


def _foreign(layers: Sequence[Any]) -> bool:
    """Whether a layer carries foreign tokens: only our attention sees them rightly."""
    return any(isinstance(layer, ForeignLayer) for layer in layers)


def _last(out: Inference) -> Tensor:
    """Logits [V] behind the last token."""
    return _known(out.logits)[-1]


def _known(logits: Tensor | None) -> Tensor:
    if logits is None:
        raise ConfigError("a backbone without a vocabulary has no words to say or to weigh")
    return logits


def _drawn(scores: Tensor, temperature: float, generators: Sequence[torch.Generator | None]) -> list[int]:
    """The next token of each row of logits [rows, V], with the row's own generator."""
    if temperature <= 0.0:
        likeliest: list[int] = scores.argmax(-1).tolist()
        return likeliest
    likely = torch.softmax(scores.float().cpu() / temperature, -1)
    return [int(torch.multinomial(row, 1, generator=own)) for row, own in zip(likely, generators, strict=True)]
