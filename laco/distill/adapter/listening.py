"""A receiver with a peer's report behind its own opening: read as text (the teacher), or heard as a cache.

Hidden states and not logits: of a large vocabulary, only the tokens that are compared are worth their logits.
"""

import torch
from torch import Tensor

from laco.distill.adapter.align import Reading
from laco.method.backbone import Backbone
from laco.method.cache import KVCache
from laco.method.context import Context
from laco.method.deliberation import deliberate
from laco.method.fusion import infer


def spoken(source: Backbone, reading: Reading, steps: int = 0) -> KVCache:
    """All layers of the sender after reading, with `steps` latent tokens at the end."""
    return deliberate(source, reading.context, steps).cache


def after_reading(target: Backbone, text: Reading, own: Reading) -> Tensor:
    """Last hidden states [own - 1, D] of the receiver's tokens after the opening, the text read before them."""
    whole = torch.cat((text.ids, own.ids[1:]))
    return infer(_headless(target), Context(ids=whole)).hidden[-(len(own.ids) - 1) :]


def opened(target: Backbone, own: Reading) -> KVCache:
    """The receiver after its opening alone, which is its attention sink: all layers, one token."""
    return infer(_headless(target), Context(ids=own.ids[:1])).cache


def after_hearing(
    target: Backbone, heard: KVCache | None, own: Reading, *, sink: KVCache | None = None, grad: bool = False
) -> Tensor:
    """The same with the text heard as a cache instead, between the opening and the rest; None: not at all.

    sink: what `opened` gives, if it is there already. grad: keep the graph through what was heard.
    """
    silent = _headless(target)
    sink = opened(target, own) if sink is None else sink
    peers = [sink] if heard is None else [sink, heard.to(target.dtype)]
    return infer(silent, Context(ids=own.ids[1:]), peers, rotary="packed", grad=grad).hidden


def _headless(backbone: Backbone) -> Backbone:
    """The same decoder, without its output matrix."""
    return Backbone(backbone.decoder)
