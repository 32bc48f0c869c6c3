"""ILD, Iterative Latent Deliberation (sec. 4.2): thinking in hidden states instead of words."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from laco.config import Realign
from laco.errors import ConfigError
from laco.method.attention import Recorder, ReservedLayer
from laco.method.backbone import Backbone
from laco.method.cache import KVCache, LayerKV
from laco.method.context import Context, ContextLike
from laco.method.inputs import recorded
from laco.method.lending import lent
from laco.method.realignment import chosen
from laco.method.template import not_special


@dataclass(frozen=True, eq=False)
class Trace:
    """What is left of a deliberation over T context tokens in m steps.

    cache: all layers, T + m tokens: the context's, then the latent ones.
    context_length: T.
    saliency: float32 [max(m, 1), T]: for each latent step, the attention it pays to each context token,
        maximum over layers and query heads (sec. 4.3). With m = 0, what the last context token pays.
    hidden: [1 + m, D], last hidden states after the final norm: the last context token's, then each step's.
    inputs: [T + m, D], the input embeddings that entered the first layer; None if they were not kept.
    ids: int64 [T], the context's token ids; None for a context of embeddings.
    content: bool [T], which context tokens say something; None if nothing tells (see `Context`).
    realign: the way back to input space that the latent steps took.
    """

    cache: KVCache
    context_length: int
    saliency: Tensor
    hidden: Tensor
    inputs: Tensor | None = None
    ids: Tensor | None = None
    content: Tensor | None = None
    realign: Realign = "identity"

    @property
    def steps(self) -> int:
        """Latent steps m."""
        return self.hidden.shape[0] - 1


@torch.no_grad()
def deliberate(
    backbone: Backbone, context: ContextLike, steps: int = 10, *, realign: Realign | None = None
) -> Trace:
    """Read a context, then feed the last hidden state back as the next input, `steps` times.

    The i-th latent token (from 0) has the position after the context's highest plus i, on every rotary axis.
    Dropout is off.

    realign: the way back to input space; None means "ridge" with a vocabulary, else "identity".
    Raises: ConfigError for a context or an option that cannot be used.
    """
    if steps < 0:
        raise ConfigError(f"steps must be 0 or more, not {steps}")
    realign = chosen(realign, backbone.has_vocabulary)
    checked = backbone.embed(context)
    positions = _positions(backbone, checked, steps)
    layers = [ReservedLayer(len(checked) + steps) for _ in range(backbone.num_layers)]
    with lent(backbone.decoder, ours=True, evaluate=True), recorded(backbone.decoder) as entered:
        hidden, saliency = _think(backbone, checked, positions, Cache(layers=layers), realign)
    carried = tuple(LayerKV(layer.keys[0], layer.values[0]) for layer in layers)
    cache = KVCache(carried, tuple(range(len(carried))), positions)
    inputs = torch.cat(entered)
    read = Context.of(backbone, context)  # what was given: ids stay ids
    return Trace(cache, len(checked), saliency, hidden, inputs, read.ids, _content(backbone, read), realign)


def _content(backbone: Backbone, context: Context) -> Tensor | None:
    """Which tokens say something: what the context tells, else all that are not special."""
    if context.content is not None or context.ids is None:
        return context.content
    return not_special(context.ids, backbone.tokenizer)


def _think(
    backbone: Backbone, context: Context, positions: Tensor, cache: Any, realign: Realign
) -> tuple[Tensor, Tensor]:
    """Hidden states [1 + m, D] and saliency [max(m, 1), T] of a prefill and the m latent steps behind it."""
    length = len(context)
    recorder = Recorder()
    steps = range(length, positions.shape[1])
    extra = {} if steps else {"laco_recorder": recorder}
    hidden = [backbone.forward(context, positions[:, :length], cache, **extra)[-1]]
    saliency = [] if steps else [recorder.peak(length)]
    for place in steps:
        thought = Context(embeds=backbone.realigned(hidden[-1], realign)[None])
        where = positions[:, place : place + 1]
        hidden.append(backbone.forward(thought, where, cache, laco_recorder=recorder)[0])
        saliency.append(recorder.peak(length))
    return torch.stack(hidden), torch.stack(saliency)


def _positions(backbone: Backbone, context: Context, steps: int) -> Tensor:
    """Positions int64 [axes, T + m] of the context and of the latent tokens behind it, on all axes alike."""
    own = backbone.positions_of(context)
    latent = own.max() + 1 + torch.arange(steps, device=own.device)
    return torch.cat((own, latent.expand(backbone.axes, -1)), 1)
