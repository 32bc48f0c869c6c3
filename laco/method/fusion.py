"""Asymmetric collaborative inference (sec. 4.5, eqs. 6-7): listening at the shared layers only.

What the paper leaves open are options here: which own tokens see foreign columns (`place`), at which rotary
positions both stand (`rotary`), and what a sliding window means for foreign columns (`window`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from laco.config import Place, Rotary, Window, check_choice
from laco.errors import ConfigError
from laco.method.attention import ForeignLayer, Hearing
from laco.method.backbone import Backbone
from laco.method.cache import Frequencies, KVCache, LayerKV, join
from laco.method.context import Context, ContextLike
from laco.method.lending import lent

SINK = 1
"""Own tokens that place "after_sink" protects: the attention sink is the first token."""


@dataclass(frozen=True, eq=False)
class Inference:
    """What a model makes of its own T tokens and of what it heard.

    logits: [T, V], or [1, V] of the last token alone; None for a backbone without a vocabulary.
    hidden: [T, D], last hidden states after the final norm.
    cache: all layers, the T own tokens only, at the positions they had in this call.
    foreign_tokens: how many tokens of the peers were heard.
    hearing: who sees what, for whoever decodes on (`laco_hearing` of the forward pass); None if nothing was heard.
    layers: the transformers cache layers as they stand, foreign tokens included: `laco.method.continuation`
        goes on from them, and leaves them as they are.
    """

    logits: Tensor | None
    hidden: Tensor
    cache: KVCache
    foreign_tokens: int
    hearing: Hearing | None = field(default=None, repr=False)
    layers: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def after(self) -> int:
        """The position behind the last own token, on every rotary axis."""
        return int(self.cache.positions.max()) + 1


def infer(
    backbone: Backbone,
    context: ContextLike,
    peers: Sequence[KVCache] = (),
    *,
    place: Place = "prefix",
    rotary: Rotary = "as_sent",
    window: Window = "visible",
    grad: bool = False,
    tail: bool = False,
) -> Inference:
    """Run a context with the peers' keys and values in front of its own, in the layers each peer carries.

    Deeper and other layers see own keys alone. Positions never overlap: own tokens follow the highest foreign
    one, keeping their own spacing. Without peers (or with empty ones only) this is the model's own output,
    bit for bit, under the caller's attention implementation.

    place: which own tokens see foreign columns. "prefix": all of them. "after_sink": all but the first `SINK`,
        as if those had been read before the peers were attached. "before_last": the last one only. Whatever
        is decoded later sees them in each case. It is visibility, not position: that is `rotary`'s.
    rotary: "as_sent" leaves one peer's positions alone; "packed", always used for several peers, puts peers
        end to end from position 0, each with its own spacing; "shifted" moves the peers (several are packed
        first) so that the last foreign token stands right before the first own one, which keeps its position.
    window: what sliding-window layers see: "visible", foreign columns always; "strict", those fewer positions
        back than the window is long.
    grad: keep the autograd graph through the weights, the context and the peers, in the training mode that
        the model is in; otherwise no graph and no dropout.
    tail: logits of the last token alone, [1, V]: with a large vocabulary those of all take a fifth of the time.
    Raises: ConfigError for an option, a context or a peer that does not fit; it says what.
    """
    _check_options(backbone, place, rotary, window, grad)
    for number, peer in enumerate(peers):
        _check_peer(backbone, peer, number)
    checked = backbone.embed(context, grad=grad)
    heard, positions = _placed(backbone, checked, [peer for peer in peers if peer.num_tokens], rotary)
    hearing = _hearing(heard, positions, place, window) if heard else None
    with torch.set_grad_enabled(grad), lent(backbone.decoder, ours=bool(heard), evaluate=not grad):
        layers = _layers(heard, backbone.num_layers)
        # The model's own output must come from the model's own default positions.
        given = positions if heard or checked.position_ids is not None else None
        extra = {"laco_hearing": hearing} if hearing else {}
        hidden = backbone.forward(checked, given, Cache(layers=layers), **extra)
        logits = backbone.logits(hidden[-1:] if tail else hidden)
    own = tuple(LayerKV(layer.keys[0], layer.values[0]) for layer in layers)
    cache = KVCache(own, tuple(range(len(own))), positions)
    return Inference(logits, hidden, cache, sum(peer.num_tokens for peer in heard), hearing, tuple(layers))


def _check_options(backbone: Backbone, place: str, rotary: str, window: str, grad: bool) -> None:
    """Raises: ConfigError for an unknown option, or for gradients through a checkpointed model."""
    check_choice("place", place, get_args(Place))
    check_choice("rotary", rotary, get_args(Rotary))
    check_choice("window", window, get_args(Window))
    if grad and backbone.decoder.training and backbone.decoder.layers[0].gradient_checkpointing:
        # transformers then drops the cache, and with it everything that was heard, with a warning only.
        raise ConfigError("gradient checkpointing does not work with foreign caches: switch it off")


def _check_peer(backbone: Backbone, peer: KVCache, number: int) -> None:
    """Raises: ConfigError, naming the peer and what differs, if the backbone cannot hear it."""
    if not isinstance(peer, KVCache):
        raise ConfigError(f"peer {number} is not a KVCache but {type(peer).__name__}")
    for what in ("dtype", "device", "kv_heads", "head_dim"):
        theirs, ours = getattr(peer, what), getattr(backbone, what)
        if theirs != ours:
            raise ConfigError(f"peer {number}: {what} is {theirs}, the backbone's is {ours}")
    if peer.layer_ids[-1] >= backbone.num_layers:
        last = peer.layer_ids[-1]
        raise ConfigError(
            f"peer {number}: it carries layer {last}, the backbone has {backbone.num_layers} layers"
        )
    if peer.positions.shape[0] != backbone.axes:
        raise ConfigError(f"peer {number}: {peer.positions.shape[0]} rotary axes, the backbone has {backbone.axes}")


def _placed(
    backbone: Backbone, context: Context, peers: Sequence[KVCache], rotary: Rotary
) -> tuple[list[KVCache], Tensor]:
    """The peers at the positions at which they are heard, and the own tokens' int64 [axes, T]: no two overlap on any
    axis."""
    heard = _packed(peers, backbone.frequencies) if rotary == "packed" or len(peers) > 1 else list(peers)
    own = backbone.positions_of(context)
    if not heard:
        return heard, own
    gap = max(int(peer.positions.max()) for peer in heard) + 1 - int(own.min())
    if rotary == "shifted":
        return [peer.rerotate(backbone.frequencies, shift=-gap) for peer in heard], own
    return heard, own + gap


def _packed(peers: Sequence[KVCache], frequencies: Frequencies) -> list[KVCache]:
    """The peers, each shifted as a whole: the first starts at 0, each next one after the one before."""
    start = 0
    moved = []
    for peer in peers:
        low, high = (int(bound) for bound in torch.aminmax(peer.positions))
        moved.append(peer.rerotate(frequencies, shift=start - low))
        start += high - low + 1
    return moved


def _hearing(peers: Sequence[KVCache], positions: Tensor, place: Place, window: Window) -> Hearing:
    """Who sees what. peers: at their final positions. positions: of the own tokens, int64 [axes, T].

    A sliding window looks along the first axis.
    """
    own = positions[0]
    foreign: dict[int, list[Tensor]] = {}
    for peer in peers:
        for number in peer.layer_ids:
            foreign.setdefault(number, []).append(peer.positions[0])
    first = {"prefix": 0, "after_sink": SINK, "before_last": own.shape[0] - 1}[place]
    columns = {number: torch.cat(parts).to(own.device) for number, parts in foreign.items()}
    return Hearing(columns, own, first, strict=window == "strict")


def _layers(peers: Sequence[KVCache], count: int) -> list[Any]:
    """One cache layer per decoder layer; those that a peer carries show its tokens first."""
    by_layer: dict[int, list[LayerKV]] = {}
    for peer in peers:
        for number, layer in zip(peer.layer_ids, peer.layers, strict=True):
            by_layer.setdefault(number, []).append(layer)
    return [_foreign(by_layer[number]) if number in by_layer else DynamicLayer() for number in range(count)]


def _foreign(layers: Sequence[LayerKV]) -> ForeignLayer:
    """A cache layer with the tokens of several peers in front."""
    keys, values = join(layers)
    return ForeignLayer(keys[None], values[None])
