"""`behaviour-cloning`: say what the expert says, as a distribution over target speeds, and steer as it does."""

from typing import Literal

import torch
from torch import Tensor, nn

from laco.distill.losses.base import Loss, has_peers, soft_target
from laco.distill.passes import Decided, Passes

HARD = 2.0  # extra weight of samples that ask for less than nearly full speed
TOLD = 2.0  # extra weight of samples in which the peers' views change the answer
FULL = 24.5  # [bins]


class BehaviourCloning(Loss, tag="behaviour-cloning", frozen=True, kw_only=True):
    """Cross entropy with softened expert bins plus a smooth L1 loss of the curvatures.

    of: "mixed" (alone or reading, as the batch says), "alone", "joint" (reading) or "heard". soft: width of the
    softened bin [bins]. bend: [deg/m] of curvature that cost as much as a wrong bin.
    """

    of: Literal["mixed", "alone", "joint", "heard"] = "mixed"
    soft: float = 0.7
    bend: float = 2.0

    def values(self, passes: Passes) -> tuple[Tensor, Tensor]:
        decided: Decided = getattr(passes, self.of)
        target, curvature = self._labels(passes)
        cross = -(soft_target(target, self.soft) * decided.logits.log_softmax(1)).sum(1)
        bent = nn.functional.smooth_l1_loss(decided.bend / self.bend, curvature / self.bend, reduction="none")
        counts = importance(target, passes.batch.target)
        return cross + 2.0 * bent.mean(1), counts * has_peers(passes) if self.of == "heard" else counts

    def _labels(self, passes: Passes) -> tuple[Tensor, Tensor]:
        """Targets [N] and curvatures [N, 5] for what is known on this way."""
        batch = passes.batch
        alone = batch.alone if self.of == "mixed" else torch.full_like(batch.alone, self.of == "alone")
        target = torch.where(alone, batch.target[:, 0], batch.target[:, 1])
        return target, torch.where(alone[:, None], batch.curvature[:, 0], batch.curvature[:, 1])


def importance(target: Tensor, both: Tensor) -> Tensor:
    """How much samples count [N]: more where one has to slow down, and where peers change the answer.

    target: [N]. both: [N, 2], alone and with peers.
    """
    return 1.0 + HARD * (target < FULL).float() + TOLD * ((both[:, 0] - both[:, 1]).abs() >= 1.0).float()
