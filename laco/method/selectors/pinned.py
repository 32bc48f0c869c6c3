"""`Pinned`: another selector with the first tokens always kept; a receiver that gets the sender's attention sink
can let its heads rest on it as the sender's did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from laco.method.deliberation import Trace
from laco.method.selectors.base import Selector
from laco.method.selectors.chsa import Chsa


@dataclass(frozen=True)
class Pinned(Selector):
    """The first `first` tokens, then what `selector` prefers."""

    selector: Selector = field(default_factory=Chsa)
    first: int = 1
    name: ClassVar[str] = "pinned"

    def score(
        self,
        trace: Trace,
        hidden_states: Tensor,
        keys: Sequence[Tensor],
        values: Sequence[Tensor],
        attentions: Tensor,
        kwargs: Mapping[str, Any],
    ) -> Tensor:
        scores = self.selector.score(trace, hidden_states, keys, values, attentions, kwargs).clone()
        scores[..., : self.first] = float("inf")
        return scores
