"""How caches vary, and how much harm an error in them does, in every direction: two matrices per layer and side.

The harm is second order: hearing k + e instead of k moves the next-token distribution by a divergence of about
1/2 e' F e, with F the Fisher information of the predictions in k. F is the mean of g g', g the gradient of the
log-likelihood of tokens *drawn from the model itself*; one backward pass with random signs serves all tokens of a
passage at once, since their cross terms vanish on average.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from laco.comm.codecs.sinks import FIRST
from laco.distill.codec_table.texts import Passage
from laco.method.backbone import Backbone
from laco.method.cache import KVCache, LayerKV
from laco.method.context import Context
from laco.method.fusion import infer
from laco.method.rotary import rotate, rows

SIDES = 2


@dataclass
class Statistics:
    """Sums over tokens, the first of each sequence left out. n: kv_heads * head_dim.

    moment: sum of x x', float64 [layers, sides, n, n]; total: sum of x, [layers, sides, n]; tokens: how many.
    fisher: sum of g g', [layers, sides, n, n], over `gradients` tokens and draws, per token that was predicted.
    first: mean square of g at the first token over that at the others, to show why it is kept apart.
    """

    moment: Tensor
    total: Tensor
    fisher: Tensor
    tokens: int = 0
    gradients: int = 0
    at_first: float = 0.0
    elsewhere: float = 0.0

    @classmethod
    def empty(cls, layers: int, n: int) -> "Statistics":
        """Of nothing."""
        square = torch.zeros(layers, SIDES, n, n, dtype=torch.float64)
        return cls(square, torch.zeros(layers, SIDES, n, dtype=torch.float64), square.clone())

    @property
    def mean(self) -> Tensor:
        """[layers, sides, n]."""
        return self.total / self.tokens

    @property
    def covariance(self) -> Tensor:
        """[layers, sides, n, n]."""
        return self.moment / self.tokens - self.mean[..., :, None] * self.mean[..., None, :]

    @property
    def harm(self) -> Tensor:
        """Fisher information of one prediction in one token's keys or values [layers, sides, n, n]."""
        return self.fisher / self.gradients

    def state(self) -> dict[str, object]:
        """For a checkpoint."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def reading(backbone: Backbone, passage: Passage) -> KVCache:
    """The cache of a passage's context, all layers; the output matrix is left out."""
    return infer(Backbone(backbone.decoder, input_norm=1.0), passage.context).cache


def alone(backbone: Backbone, token: Tensor) -> KVCache:
    """The cache of one token, an id [], read as a whole context."""
    return infer(Backbone(backbone.decoder, input_norm=1.0), Context(ids=token[None])).cache


def unrotated(backbone: Backbone, cache: KVCache) -> Tensor:
    """Keys turned back to position 0, and values, of all layers: float32 [layers, sides, tokens, n]."""
    found = []
    for number, layer in zip(cache.layer_ids, cache.layers, strict=True):
        keys = rotate(layer.keys, -cache.positions, rows(frequencies(backbone, number)))
        found.append(torch.stack([side.transpose(0, 1).flatten(1).float() for side in (keys, layer.values)]))
    return torch.stack(found)


def rebuilt(backbone: Backbone, flat: Tensor, like: KVCache) -> KVCache:
    """The cache of [layers, sides, tokens, n], differentiable."""
    layers = []
    for number, (keys, values) in zip(like.layer_ids, flat, strict=True):
        heads = [side.reshape(like.num_tokens, like.kv_heads, like.head_dim).transpose(0, 1) for side in (keys, values)]
        layers.append(LayerKV(rotate(heads[0], like.positions, rows(frequencies(backbone, number))), heads[1]))
    return KVCache(tuple(layers), like.layer_ids, like.positions)


def frequencies(backbone: Backbone, layer: int) -> Tensor:
    """Rotary frequencies of a layer, for one axis [1, pairs]."""
    return rows(backbone.frequencies(layer))


def add(into: Statistics, backbone: Backbone, passage: Passage, draws: int, generator: torch.Generator) -> None:
    """Take in one passage. draws: continuations drawn from the model per passage."""
    cache = reading(backbone, passage)
    flat = unrotated(backbone, cache).detach().requires_grad_()
    rest = flat.detach()[:, :, FIRST:].double()
    into.moment += rest.transpose(2, 3) @ rest
    into.total += rest.sum(2)
    into.tokens += rest.shape[2]
    logits = infer(backbone, passage.after, [rebuilt(backbone, flat, cache)], grad=True).logits
    assert logits is not None  # a model with a vocabulary
    likely = logits.float().log_softmax(-1)
    for gradient in _gradients(likely, flat, draws, generator):
        squares = gradient.double().pow(2).mean((0, 1, 3)) / len(likely)
        into.at_first += float(squares[:FIRST].mean())
        into.elsewhere += float(squares[FIRST:].mean())
        others = gradient[:, :, FIRST:].double()
        into.fisher += others.transpose(2, 3) @ others / len(likely)
        into.gradients += others.shape[2]


def _gradients(likely: Tensor, flat: Tensor, draws: int, generator: torch.Generator) -> Sequence[Tensor]:
    """Gradients [layers, sides, tokens, n] of signed log-likelihoods of drawn tokens. likely: [C, V]."""
    found: list[Tensor] = []
    for number in range(draws):
        drawn = torch.multinomial(likely.detach().exp(), 1, generator=generator)
        signs = torch.randint(0, 2, drawn.shape, generator=generator) * 2 - 1
        loss = (likely.gather(1, drawn) * signs).sum()
        found += torch.autograd.grad(loss, flat, retain_graph=number + 1 < draws)
    return found
