"""`cross-view`: two peers that see the same hidden road user should make the listener decide alike."""

import torch
from torch import Tensor

from laco.distill.losses.base import Loss, divergence
from laco.distill.passes import Passes


class CrossView(Loss, tag="cross-view", frozen=True, kw_only=True):
    """Half of KL(p || q) + KL(q || p), p and q the listener's distributions after hearing one peer, or the other.

    It applies to samples with two peers that both see somebody whom the listener does not (`Samples.pair`).
    """

    def values(self, passes: Passes) -> tuple[Tensor, Tensor]:
        pair, peers = passes.batch.pair, passes.batch.peers
        counts = (pair[:, 0] >= 0).float()
        if not bool(counts.any()):
            return counts, counts
        one, other = (passes.hear(chosen(peers, pair[:, side])).logits for side in (0, 1))
        return (divergence(one, other) + divergence(other, one)) / 2.0, counts


def chosen(peers: Tensor, place: Tensor) -> Tensor:
    """Each sample's peer at a place [N] of its list [N, P], as a list of one [N, 1]; -1 where the place is -1."""
    row = peers.gather(1, place.clamp(min=0)[:, None])
    return torch.where((place >= 0)[:, None], row, torch.full_like(row, -1))
