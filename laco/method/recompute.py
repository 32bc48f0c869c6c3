"""Recompute: send what entered the network, not what came out of its layers.

The keys and values of a layer band are a function of the input, and the receiver has the same weights. A
`Recipe` holds the input; `recompute` runs the layers up to the top of the band, and no deeper, and returns what
`share` would have sent. For text that is token ids: a few hundred bytes where the cache takes megabytes. It is the
equal-information baseline that a latent message has to face: a deep band costs as much as reading the text.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache, DynamicLayer

from laco.config import Realign, check_choice
from laco.errors import ConfigError
from laco.method.backbone import Backbone
from laco.method.cache import KVCache, LayerKV
from laco.method.context import Context
from laco.method.deliberation import Trace, deliberate
from laco.method.lending import lent
from laco.method.sharing import band, kept_index

Latents = Literal["embeds", "replay"]
EMBEDDED = -1
"""The id of a token that travels as an input embedding."""


class Cost(NamedTuple):
    """What a recipe costs its reader, estimated: layer passes of one token, and floating-point operations."""

    layer_tokens: int
    flops: float


@dataclass(frozen=True, eq=False)
class Recipe:
    """What entered the network, n tokens, and which part of the resulting cache is meant.

    ids: int64 [n], token ids; EMBEDDED where the input embedding travels instead.
    embeds: floating [k, D], those embeddings in order.
    positions: int64 [axes, n], rotary positions.
    kept: bool [n], the tokens whose keys and values are meant.
    layers: the band, ascending layer numbers.
    steps: latent steps that the reader has to take itself, at full depth; all of them are meant, too.
    realign: how it takes them.
    Raises: ConfigError where these do not fit each other.
    """

    ids: Tensor
    embeds: Tensor
    positions: Tensor
    kept: Tensor
    layers: tuple[int, ...]
    steps: int = 0
    realign: Realign = "identity"

    def __post_init__(self) -> None:
        count, embedded = self.ids.shape[-1], int((self.ids == EMBEDDED).sum())
        shapes = self.ids.ndim, self.embeds.ndim, self.positions.ndim, tuple(self.kept.shape)
        if shapes != (1, 2, 2, (count,)) or self.positions.shape[1] != count or self.embeds.shape[0] != embedded:
            raise ConfigError(
                f"a recipe of {count} tokens, {embedded} of them embeddings, with embeds {list(self.embeds.shape)}, "
                f"positions {list(self.positions.shape)} and kept {list(self.kept.shape)}"
            )
        if not count or not self.layers or list(self.layers) != sorted(set(self.layers)) or self.layers[0] < 0:
            raise ConfigError(f"a recipe needs tokens and ascending layers, not {count} and {self.layers}")

    def cost(self, backbone: Backbone) -> Cost:
        """What `recompute` spends: two operations per weight and token, and causal attention in full."""
        tokens = self.ids.shape[0] + self.steps
        depth = backbone.num_layers if self.steps else self.layers[-1] + 1
        weights = sum(
            parameter.numel()
            for layer in backbone.decoder.layers[:depth]
            for parameter in layer.parameters()
            if parameter.ndim > 1
        )
        width = backbone.decoder.config.num_attention_heads * backbone.head_dim
        return Cost(depth * tokens, 2.0 * weights * tokens + 2.0 * depth * width * tokens**2)


@torch.no_grad()
def recipe_for(
    backbone: Backbone,
    trace: Trace,
    kept: Tensor | Sequence[int],
    depth: float = 0.10,
    layers: Sequence[int] | None = None,
    *,
    latents: Latents = "embeds",
) -> Recipe:
    """The recipe of what `share(trace, kept, depth, layers)` sends.

    A token travels as its id where the id's embedding is what entered the network, else as an embedding. Tokens
    behind the last one that is meant do not travel: nothing before them depends on them.

    latents: "embeds" sends the inputs of the latent steps; "replay" has the reader take the steps again, which
        saves their bytes and costs a pass of the whole context through all layers.
    Raises: ConfigError as `share` does, for an unknown option, and for a trace without inputs.
    """
    check_choice("latents", latents, get_args(Latents))
    if trace.inputs is None:
        raise ConfigError("the trace has no inputs: only deliberate's own traces can be recomputed")
    chosen = trace.cache.cut(band(trace, depth, layers)).layer_ids
    meant = torch.zeros(trace.cache.num_tokens, dtype=torch.bool, device=trace.cache.device)
    meant[kept_index(trace, kept)] = True
    meant[trace.context_length :] = True
    replayed = trace.steps if latents == "replay" else 0
    end = max([0, *meant.nonzero()[-1:, 0].tolist()]) + 1 - replayed
    ids = _ids(backbone, trace, trace.inputs)[:end]
    embeds = trace.inputs[:end][ids == EMBEDDED]
    return Recipe(ids, embeds, trace.cache.positions[:, :end], meant[:end], chosen, replayed, trace.realign)


@torch.no_grad()
def recompute(backbone: Backbone, recipe: Recipe) -> KVCache:
    """What the recipe's writer would have shared, from the backbone's own weights.

    Raises: ConfigError for a recipe that the backbone cannot follow.
    """
    context = _context(backbone, recipe)
    if recipe.layers[-1] >= backbone.num_layers:
        raise ConfigError(f"the recipe needs layer {recipe.layers[-1]}, the backbone has {backbone.num_layers}")
    if recipe.steps:
        whole = deliberate(backbone, context, recipe.steps, realign=recipe.realign).cache
    else:
        whole = _shallow(backbone, context, recipe.positions, recipe.layers[-1] + 1)
    meant = torch.nn.functional.pad(recipe.kept.to(backbone.device), (0, recipe.steps), value=True)
    return whole.cut(recipe.layers).select(meant.nonzero()[:, 0])


def _shallow(backbone: Backbone, context: Context, positions: Tensor, depth: int) -> KVCache:
    """The cache of the first `depth` layers; the others are not run."""
    layers = [DynamicLayer() for _ in range(depth)]
    with lent(backbone.decoder, ours=True, evaluate=True), _shortened(backbone.decoder, depth):
        backbone.forward(context, context.position_ids, Cache(layers=layers))
    carried = tuple(LayerKV(layer.keys[0], layer.values[0]) for layer in layers)
    return KVCache(carried, tuple(range(depth)), positions.to(backbone.device))


@contextmanager
def _shortened(decoder: Any, depth: int) -> Iterator[None]:
    """The decoder without its deeper layers, for one block. Every family runs through its list of layers."""
    layers = decoder.layers
    decoder.layers = nn.ModuleList(list(layers)[:depth])
    try:
        yield
    finally:
        decoder.layers = layers


def _ids(backbone: Backbone, trace: Trace, inputs: Tensor) -> Tensor:
    """Int64 [T + m]: the id where its embedding is what entered, else EMBEDDED."""
    ids = torch.full((trace.cache.num_tokens,), EMBEDDED, device=trace.cache.device)
    if trace.ids is not None:
        same = (backbone.decoder.embed_tokens(trace.ids) == inputs[: trace.context_length]).all(1)
        ids[: trace.context_length] = torch.where(same, trace.ids, EMBEDDED)
    return ids


def _context(backbone: Backbone, recipe: Recipe) -> Context:
    """The recipe's tokens as embeddings. Raises: ConfigError for ids or embeddings that the backbone has not."""
    ids, embedded = recipe.ids.to(backbone.device), recipe.ids.to(backbone.device) == EMBEDDED
    if recipe.embeds.shape[0] and recipe.embeds.shape[1] != backbone.width:
        raise ConfigError(f"the recipe's embeddings are {recipe.embeds.shape[1]} wide, not {backbone.width}")
    inputs = torch.empty(ids.shape[0], backbone.width, dtype=backbone.dtype, device=backbone.device)
    if not bool(embedded.all()):
        known = Context.of(backbone, Context(ids=ids[~embedded])).ids
        inputs[~embedded] = backbone.decoder.embed_tokens(known)
    inputs[embedded] = recipe.embeds.to(inputs)
    positions = recipe.positions[0] if recipe.positions.shape[0] == 1 else recipe.positions
    return Context.of(backbone, Context(embeds=inputs, position_ids=positions))
