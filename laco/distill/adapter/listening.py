"""A receiver with a peer's report behind its own opening: read as text (the teacher), or heard as a cache."""

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
    if steps:
        return deliberate(source, reading.context, steps).cache
    return infer(source, reading.context).cache


def after_reading(target: Backbone, text: Reading, own: Reading) -> Tensor:
    """Logits [own - 1, V] of the receiver's own tokens after the opening, the text read before them."""
    whole = torch.cat((text.ids, own.ids[1:]))
    return _logits(infer(target, Context(ids=whole)).logits)[-(len(own.ids) - 1) :]


def after_hearing(target: Backbone, heard: KVCache | None, own: Reading, *, grad: bool = False) -> Tensor:
    """The same with the text heard as a cache instead, between the opening and the rest; None: not at all.

    grad: keep the graph through what was heard.
    """
    sink = infer(target, Context(ids=own.ids[:1])).cache
    peers = [sink] if heard is None else [sink, heard.to(target.dtype)]
    return _logits(infer(target, Context(ids=own.ids[1:]), peers, rotary="packed", grad=grad).logits)


def _logits(found: Tensor | None) -> Tensor:
    """Raises: ValueError for a backbone without a vocabulary, which `align.opening` refuses earlier."""
    if found is None:
        raise ValueError("a backbone without a vocabulary has no next token")
    return found
