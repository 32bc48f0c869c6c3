"""`Loss`: what a recipe asks of a batch. A subclass says its name, its options, and one figure per sample."""

import msgspec
import torch
from torch import Tensor

from laco.agents.drivers.vector_model import BINS
from laco.distill.passes import Passes

TINY = 1e-6


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="loss", kw_only=True):
    """weight: its share in the sum of a recipe's losses."""

    weight: float = 1.0

    def values(self, passes: Passes) -> tuple[Tensor, Tensor]:
        """Each sample's loss [N], and how much it counts [N]; 0 where the loss does not apply."""
        raise NotImplementedError

    def __call__(self, passes: Passes) -> Tensor:
        """The weighted mean over the samples; 0 where it applies to none."""
        values, counts = self.values(passes)
        mean: Tensor = (values * counts).sum() / counts.sum().clamp(min=TINY)
        return mean


def has_peers(passes: Passes) -> Tensor:
    """1 for samples with a peer, float [N]."""
    return (passes.batch.peers >= 0).any(1).float()


def divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """KL(teacher || student) of two rows of logits [N, B]: [N], in nats."""
    known, said = teacher.log_softmax(1), student.log_softmax(1)
    return (known.exp() * (known - said)).sum(1)


def soft_target(target: Tensor, width: float) -> Tensor:
    """Distribution [N, 32] around each target [N], a Gaussian of `width` [bins]; -1 is the hard stop, bin 0."""
    bins = torch.arange(BINS, dtype=torch.float32, device=target.device)
    place = target[:, None] + 1.0
    weight = torch.exp(-0.5 * ((bins - place) / width) ** 2)
    weight[:, 0] = 0.0
    weight = torch.where(place < 0.5, (bins == 0).float(), weight)
    return weight / weight.sum(1, keepdim=True)
