"""`kv-matching`: the plan token's keys and values, layer by layer, as they would be had it read its peers' tokens."""

import torch
from torch import Tensor

from laco.distill.losses.base import Loss, has_peers
from laco.distill.passes import Decided, Passes


class KVMatching(Loss, tag="kv-matching", frozen=True, kw_only=True):
    """The mean over layers of |k_S - k_T|^2 / |k_T|^2 and the same of values, before the rotary turn.

    first: the first layer that is compared; keys and values of layer 0 come from the token alone.
    """

    first: int = 1

    def values(self, passes: Passes) -> tuple[Tensor, Tensor]:
        known, said = plan_token(passes.teacher, self.first), plan_token(passes.heard, self.first)
        apart = (said - known).square().sum(-1) / known.square().sum(-1).clamp(min=1e-6)
        return apart.mean(1), has_peers(passes)


def plan_token(decided: Decided, first: int) -> Tensor:
    """Keys and values of each row's last token from layer `first` on: [N, layers, 2, heads * head_dim], flat to
    [N, 2 * layers, heads * head_dim]."""
    last = decided.cache.there.sum(1) - 1
    rows = torch.arange(len(last))
    parts = [tensor[rows, :, last].flatten(1) for layer in decided.cache.layers[first:] for tensor in layer]
    return torch.stack(parts, 1)
