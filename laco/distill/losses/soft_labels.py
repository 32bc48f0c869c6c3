"""`soft-labels`: self-distillation with consistently informative temperatures (CIST, arXiv 2605.20357).

One temperature for all leaves some of the teacher's answers nearly one-hot and others nearly flat. What governs the
entropy is the largest logit over the temperature; so each sample gets the temperatures at which that ratio is the same.
The paper's abstract says as much; what it leaves to its formulas is chosen here and stated:

- logits are centred, z - mean(z), so that adding a number to all of them changes nothing;
- T(z) = max(z) / ratio, at least `coolest`, for teacher and student each by its own logits, without gradient;
- the loss is T(z_T) T(z_S) KL(softmax(z_T / T(z_T)) || softmax(z_S / T(z_S))), which keeps the size of gradients;
- a sample counts by the teacher's confidence, its largest probability at temperature 1, times the student's
  difficulty, 1 minus what the student gives to that bin, plus a floor.
"""

import torch
from torch import Tensor

from laco.distill.losses.base import Loss, divergence, has_peers
from laco.distill.passes import Passes


class SoftLabels(Loss, tag="soft-labels", frozen=True, kw_only=True):
    """ratio: largest centred logit over temperature. coolest: least temperature. floor: what every sample counts."""

    ratio: float = 6.0
    coolest: float = 0.25
    floor: float = 0.1

    def values(self, passes: Passes) -> tuple[Tensor, Tensor]:
        teacher, student = passes.teacher.logits, passes.heard.logits
        hot, warm = (temperature(z, self.ratio, self.coolest) for z in (teacher, student))
        apart = divergence(teacher / hot[:, None], student / warm[:, None]) * hot * warm
        return apart, (self.floor + reweighted(teacher, student)) * has_peers(passes)


@torch.no_grad()
def temperature(logits: Tensor, ratio: float, coolest: float) -> Tensor:
    """The temperature [N] at which the largest centred logit of each row [N, B] is `ratio`."""
    centred = logits - logits.mean(1, keepdim=True)
    return (centred.amax(1) / ratio).clamp(min=coolest)


@torch.no_grad()
def reweighted(teacher: Tensor, student: Tensor) -> Tensor:
    """The teacher's confidence times the student's difficulty [N]."""
    confidence, best = teacher.softmax(1).max(1)
    given = student.softmax(1).gather(1, best[:, None])[:, 0]
    return confidence * (1.0 - given)
