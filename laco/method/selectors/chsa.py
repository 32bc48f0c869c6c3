"""`chsa`: Cross-Horizon Saliency Attribution, the paper's (sec. 4.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from laco.method.deliberation import Trace
from laco.method.selectors.base import Selector


@dataclass(frozen=True)
class Chsa(Selector):
    """The attention that the latent steps pay: maximum over layers and heads, then over steps or their mean."""

    name: ClassVar[str] = "chsa"

    def score(
        self,
        trace: Trace,
        hidden_states: Tensor,
        keys: Sequence[Tensor],
        values: Sequence[Tensor],
        attentions: Tensor,
        kwargs: Mapping[str, Any],
    ) -> Tensor:
        return attentions.mean(2) if kwargs.get("horizon") == "mean" else attentions.amax(2)
