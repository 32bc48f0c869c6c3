"""`self-distillation`: hearing the peers' caches, decide as the same model does that reads their tokens."""

from torch import Tensor, nn

from laco.distill.losses.base import Loss, divergence, has_peers
from laco.distill.losses.behaviour_cloning import importance
from laco.distill.passes import Passes


class SelfDistillation(Loss, tag="self-distillation", frozen=True, kw_only=True):
    """KL(p_T || p_S) at one temperature for all samples, times its square (Hinton et al., 2015), plus the curvatures'
    smooth L1 distance.

    temperature: of both. bend: [deg/m].
    """

    temperature: float = 1.0
    bend: float = 2.0

    def values(self, passes: Passes) -> tuple[Tensor, Tensor]:
        teacher, student, tau = passes.teacher, passes.heard, self.temperature
        apart = divergence(teacher.logits / tau, student.logits / tau) * tau**2
        bent = nn.functional.smooth_l1_loss(student.bend / self.bend, teacher.bend / self.bend, reduction="none")
        counts = importance(passes.batch.target[:, 1], passes.batch.target) * has_peers(passes)
        return apart + 2.0 * bent.mean(1), counts
