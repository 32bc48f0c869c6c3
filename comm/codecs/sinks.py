"""The first token of a sequence, kept apart: attention rests on it, and no other token looks like it.

On SmolLM2 an error there does about 280 times the harm of the same error elsewhere (docs/codecs.md). A codec that
knows nothing of the model sends it in float16, keys and values as they come.
"""

import torch
from torch import Tensor

from laco.comm.codecs.base import Origin, Shape
from laco.comm.message import Buffer
from laco.errors import WireError

FIRST = 1  # positions below this one are sinks


def sinks(origin: Origin, tokens: int) -> Tensor:
    """Which tokens are kept apart: bool [tokens]."""
    if origin.positions is None:
        return torch.zeros(tokens, dtype=torch.bool)
    return (origin.positions >= 0).all(0) & (origin.positions < FIRST).all(0)


def pack(keys: Tensor, values: Tensor, chosen: Tensor) -> Buffer:
    """The chosen tokens of keys and values [layers, kv_heads, tokens, head_dim], float16."""
    limit = torch.finfo(torch.float16).max
    both = torch.stack((keys[:, :, chosen], values[:, :, chosen])).clamp(-limit, limit).to(torch.float16)
    view: memoryview = both.contiguous().reshape(-1).view(torch.uint8).numpy().data
    return view


def unpack(buffer: Buffer, shape: Shape, chosen: Tensor) -> Tensor:
    """The same again, float32 [2, layers, kv_heads, chosen, head_dim]. Raises: WireError."""
    layers, heads, _, dim = shape
    wanted = (2, layers, heads, int(chosen.sum()), dim)
    raw = bytearray(memoryview(buffer).cast("B"))
    if len(raw) != 2 * torch.Size(wanted).numel():
        raise WireError(f"wrong size: {len(raw)} bytes for {wanted[3]} tokens kept apart")
    if not raw:
        return torch.empty(wanted)
    found = torch.frombuffer(raw, dtype=torch.float16).reshape(wanted).float()
    if not torch.isfinite(found).all():
        raise WireError("damaged: tokens kept apart hold NaN or infinity")
    return found
