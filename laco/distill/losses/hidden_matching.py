"""`hidden-matching`: hearing the peers, the plan token should come to the state that reading them brings it to."""

from torch import Tensor

from laco.distill.losses.base import Loss, has_peers
from laco.distill.losses.behaviour_cloning import importance
from laco.distill.passes import Passes


class HiddenMatching(Loss, tag="hidden-matching", frozen=True, kw_only=True):
    """|h_S - h_T|^2 / |h_T|^2 of the plan token's last hidden states, after the final norm."""

    def values(self, passes: Passes) -> tuple[Tensor, Tensor]:
        teacher, student = passes.teacher.hidden, passes.heard.hidden
        apart = (student - teacher).square().sum(1) / teacher.square().sum(1).clamp(min=1e-6)
        return apart, importance(passes.batch.target[:, 1], passes.batch.target) * has_peers(passes)
